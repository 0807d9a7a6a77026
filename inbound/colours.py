"""Colours of HTML mail, and whether a reader can tell text from its ground.

Rules:
- A colour that cannot be worked out is None: then nothing is said about it.
- `CLEAR` is fully (or nearly) transparent.
- Contrast is that of WCAG 2; below 1.12 (#f2f2f2 on white, say) nobody reads the text.
"""

from __future__ import annotations

import colorsys
import re

from tinycss2.color4 import parse_color  # type: ignore[import-untyped]  # tinycss2 ships no type hints

Colour = tuple[int, int, int]
CLEAR: Colour = (-1, -1, -1)
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
LEAST_CONTRAST = 1.12

_HEX = re.compile(r"#([0-9a-f]{3,8})")
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^()]{1,100})\)")
_NAMES = {
    "white": "ffffff", "snow": "fffafa", "ivory": "fffff0", "ghostwhite": "f8f8ff", "floralwhite": "fffaf0",
    "whitesmoke": "f5f5f5", "mintcream": "f5fffa", "azure": "f0ffff", "aliceblue": "f0f8ff", "seashell": "fff5ee",
    "honeydew": "f0fff0", "lavenderblush": "fff0f5", "oldlace": "fdf5e6", "linen": "faf0e6", "cornsilk": "fff8dc",
    "lightyellow": "ffffe0", "lightcyan": "e0ffff", "beige": "f5f5dc", "lavender": "e6e6fa", "gainsboro": "dcdcdc",
    "lightgray": "d3d3d3", "lightgrey": "d3d3d3", "silver": "c0c0c0", "darkgray": "a9a9a9", "darkgrey": "a9a9a9",
    "gray": "808080", "grey": "808080", "dimgray": "696969", "dimgrey": "696969", "black": "000000", "red": "ff0000",
    "maroon": "800000", "darkred": "8b0000", "yellow": "ffff00", "gold": "ffd700", "orange": "ffa500",
    "olive": "808000", "lime": "00ff00", "green": "008000", "darkgreen": "006400", "aqua": "00ffff",
    "cyan": "00ffff", "teal": "008080", "blue": "0000ff", "navy": "000080", "darkblue": "00008b",
    "midnightblue": "191970",
    "royalblue": "4169e1", "fuchsia": "ff00ff", "magenta": "ff00ff", "purple": "800080",
    "indigo": "4b0082", "pink": "ffc0cb",
    "brown": "a52a2a", "darkslategray": "2f4f4f", "darkslategrey": "2f4f4f", "steelblue": "4682b4",
    "window": "ffffff", "canvas": "ffffff", "windowtext": "000000", "canvastext": "000000",
}  # fmt: skip


def parse(value: str) -> Colour | None:
    """A CSS or attribute colour in lower case; None where it is none that we know."""
    value = value.strip()
    if value == "transparent":
        return CLEAR
    if value in _NAMES:
        return _digits(_NAMES[value])
    if found := _HEX.fullmatch(value):
        return _hex(found[1])
    if found := _FUNCTION.fullmatch(value):
        return _function(found[1], found[2])
    return _digits(value) if re.fullmatch("[0-9a-f]{6}", value) else _otherwise(value)


def _otherwise(value: str) -> Colour | None:
    """The rarer names and notations of CSS Color 4."""
    if not re.fullmatch(r"[a-z]{3,25}|[a-z]{3,10}\([^()]{1,100}\)", value):
        return None
    try:
        found = parse_color(value).to("srgb")
        red, green, blue = (max(0, min(255, round(255 * one))) for one in found.coordinates)
    except (AttributeError, NotImplementedError, TypeError, ValueError, OverflowError):
        return None
    return (red, green, blue) if found.alpha >= 0.05 else CLEAR


def told_apart(text: Colour | None, ground: Colour | None) -> bool:
    """A reader sees text of this colour on this ground. True where either is not known."""
    if text == CLEAR:
        return False
    if text is None or ground is None or ground == CLEAR:
        return True
    light, dark = sorted((_luminance(text), _luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05) >= LEAST_CONTRAST


def _hex(digits: str) -> Colour | None:
    if len(digits) in {3, 4}:
        digits = "".join(one * 2 for one in digits)
    if len(digits) == 8 and int(digits[6:], 16) < 13:
        return CLEAR
    return _digits(digits) if len(digits) in {6, 8} else None


def _digits(digits: str) -> Colour:
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def _function(kind: str, inside: str) -> Colour | None:
    parts = [one for one in re.split(r"[\s,/]+", inside.strip()) if one]
    try:
        numbers = [_number(one, 255 if kind == "rgb" and at < 3 else 1) for at, one in enumerate(parts)]
    except ValueError:
        return None
    if len(numbers) < 3:
        return None
    if len(numbers) > 3 and numbers[3] < 0.05:
        return CLEAR
    red, green, blue = numbers[:3]
    if kind == "hsl":
        red, green, blue = (one * 255 for one in colorsys.hls_to_rgb((red % 360) / 360, blue, green))
    first, second, third = (max(0, min(255, round(one))) for one in (red, green, blue))
    return first, second, third


def _number(text: str, whole: float) -> float:
    """A number, or a percentage of `whole`; never infinite or NaN."""
    found = float(text.removesuffix("%").removesuffix("deg")) * (whole / 100 if text.endswith("%") else 1)
    if not -1e6 < found < 1e6:
        raise ValueError(text)
    return found


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in (each / 255 for each in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
