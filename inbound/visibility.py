"""Is text that stands in an element seen by a reader? Computed style, as far as it can hide text.

Rules:
- `gone` cannot be undone further inside (display, opacity, clipping, far off the page); visibility, size and colours
  can.
- Lengths that cannot be worked out (`calc`, `var`) where they could hide text are `unclear`, and what is unclear is not
  taken for seen.
- What a browser would show is shown: the thresholds below are far from what people write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from inbound import colours
from inbound.colours import Colour
from inbound.styles import HIDING, Declarations

SMALLEST = 2.5
"""Pixels of font size at and below which nobody reads."""
FAR = -200.0
"""Pixels off the page."""
BEYOND = 3_000.0
"""Pixels to the right or below, to which nobody scrolls."""

_LENGTH = re.compile(r"([+-]?(?:\d{1,9}\.?\d{0,9}|\.\d{1,9}))(px|pt|pc|em|rem|ex|ch|%|vw|vh|in|cm|mm|q)?(?![\w.])")
_PIXELS = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "rem": 16.0, "vw": 12.0, "vh": 8.0, "in": 96.0, "cm": 37.8, "mm": 3.78,
           "q": 0.945, None: 1.0, "": 1.0}  # fmt: skip
_SIZES = {"xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0,
          "xx-large": 32.0, "initial": 16.0, "smaller": 0.83, "larger": 1.2}  # fmt: skip
_UNSURE = re.compile(r"\b(?:calc|var|min|max|clamp|env|attr)\(")
_NO_AREA = re.compile(
    r"inset\(\s*(?:[5-9]\d|100)(?:\.\d{1,9})?%|circle\(\s*0|ellipse\(\s*0|polygon\((?:\s*0[a-z%]{0,3}\s+0[a-z%]{0,3}\s*,?){1,20}\)"
)
_TRANSFORM = re.compile(r"(scale[xyz3d]{0,2}|rotate[xy]|translate[xyz3d]{0,2}|matrix)\(([^()]{1,60})\)")
_INHERITED = frozenset({"", "inherit", "unset", "revert", "revert-layer"})
_NO_FILL = _INHERITED | {"initial", "currentcolor"}
_OTHER_FILTER = re.compile(r"\b(?:brightness|contrast|invert)\(")
_EXTENTS = ("height", "max-height", "width", "max-width", "line-height")
_SIDES = ("left", "right", "top", "bottom")


@dataclass(frozen=True, slots=True)
class Look:
    """How text inside an element looks."""

    gone: bool = False
    visible: bool = True
    size: float = 16.0
    opacity: float = 1.0
    colour: Colour | None = colours.BLACK
    grounds: tuple[Colour, ...] = (colours.WHITE,)
    """All that may lie behind the letters: pictures mostly do not load, and a gradient has several colours."""
    pre: bool = False
    turned: bool = False
    """The direction of the text is overridden."""
    filled: bool = False
    """The letters have the colour `fill` (`-webkit-text-fill-color`), which `color` does not change."""
    fill: Colour | None = None
    unclear: bool = False
    """It takes a browser to say whether it is seen."""

    @property
    def seen(self) -> bool:
        return not any(self.faults)

    @property
    def faults(self) -> tuple[bool, ...]:
        """Each reason not to be seen, and whether it holds; further inside some may be undone, the others remain."""
        letters = self.fill if self.filled else self.colour
        alike = not all(colours.told_apart(letters, one) for one in self.grounds)
        return self.gone, self.unclear, not self.visible, self.size <= SMALLEST, alike

    def hides_more(self, other: Look) -> bool:
        """Whether there is a reason here that the other has not."""
        return any(here and not there for here, there in zip(self.faults, other.faults, strict=True))


def inside(parent: Look, found: Declarations) -> Look:
    """The look inside an element that has these declarations."""
    if not found:
        return parent
    style = {name: value for name, (value, _) in found.items()}
    look = replace(parent, size=_font_size(style, parent.size))
    visibility = style.get("visibility", "")
    fill = style.get("-webkit-text-fill-color", "")
    opacity = parent.opacity * _share(style.get("opacity", ""))
    return replace(
        look,
        gone=parent.gone or opacity <= 0.05 or _gone(style, look.size),
        opacity=opacity,
        visible=parent.visible if visibility in _INHERITED else visibility not in {"hidden", "collapse"},
        colour=_colour(style.get("color", ""), parent.colour),
        filled=parent.filled if fill in _INHERITED else fill not in _NO_FILL,
        fill=_colour(fill, parent.fill),
        grounds=_grounds(style, parent.grounds),
        pre=style["white-space"].startswith(("pre", "break")) if "white-space" in style else parent.pre,
        turned=parent.turned or "override" in style.get("unicode-bidi", ""),
        unclear=parent.unclear or _is_unclear(style),
    )


_COUNTED = HIDING - {"margin", "width", "max-width", "line-height", "margin-top", "margin-left", "margin-right", "font"}


def _is_unclear(style: dict[str, str]) -> bool:
    """Whether it takes a browser to say if this hides."""
    get = style.get
    blended = get("mix-blend-mode", "normal") != "normal" or get("backface-visibility") == "hidden"
    masked = any(get(f"{maker}mask{part}", "none") != "none" for maker in ("", "-webkit-") for part in ("", "-image"))
    written = (get("-webkit-text-fill-color", ""), get("color", ""))
    return (
        blended
        or masked
        or _ground_is_unclear(f"{get('background-color', '')} {get('background-image', '')}")
        or _OTHER_FILTER.search(get("filter", "")) is not None
        or any("(" in colour and colours.parse(colour) is None for colour in written)
        or any(_UNSURE.search(value) for name, value in style.items() if name in _COUNTED)
        or any(get(name, "none") not in {"none", *_INHERITED, "initial"} for name in ("animation", "animation-name"))
    )


def _ground_is_unclear(value: str) -> bool:
    """Whether a colour stands there that is none of ours: `oklch(0 0 0)`."""
    functions = re.findall(r"(?:ok|rgb|hsl|hwb|lab|lch|color|light)[\w-]*\([^()]{0,100}\)", value)
    return any(colours.parse(one) is None for one in functions)


def _share(value: str) -> float:
    """An opacity as a share of one; one where it cannot be read."""
    found = _LENGTH.fullmatch(value)
    if found is None:
        return 1.0
    return max(0.0, min(1.0, float(found[1]) / (100 if value.endswith("%") else 1)))


def pixels(value: str, size: float) -> float | None:
    """A length in pixels; percentages are of a page 1,200 pixels wide. None where it is no plain length."""
    found = _LENGTH.match(value)
    if found is None:
        return None
    number, unit = float(found[1]), found[2]
    if unit in {"em", "ex", "ch"}:
        return number * size * (1.0 if unit == "em" else 0.5)
    return number * (12.0 if unit == "%" else _PIXELS[unit])


def _font_size(style: dict[str, str], size: float) -> float:
    value = style.get("font-size", "")
    if value in _SIZES:
        return _SIZES[value] if _SIZES[value] > 2 else size * _SIZES[value]
    if value.endswith("%"):
        share = _LENGTH.match(value)
        return size * float(share[1]) / 100 if share else size
    found = pixels(value, size)
    result = size if found is None else found
    return 0.0 if _nearly_nothing(style.get("zoom", "")) else result


def _gone(style: dict[str, str], size: float) -> bool:
    get = style.get
    return (
        get("display", "").startswith("none")
        or get("mso-hide") == "all"
        or get("content-visibility") == "hidden"
        or any(_nearly_nothing(one) for one in re.findall(r"opacity\(([^()]{1,20})\)", get("filter", "")))
        or _clipped(style, size)
        or _off_the_page(style, size)
        or _scaled_away(style)
    )


def _nearly_nothing(value: str) -> bool:
    found = _LENGTH.fullmatch(value)
    return found is not None and float(found[1]) <= (5 if value.endswith("%") else 0.05)


def _clipped(style: dict[str, str], size: float) -> bool:
    cut = any(
        word in {"hidden", "clip", "scroll", "auto"}
        for side in ("overflow", "overflow-x", "overflow-y")
        for word in style.get(side, "").split()
    )
    if cut and any(_flat(side, style.get(side, ""), size) for side in _EXTENTS):
        return True
    if style.get("clip", "").startswith("rect(") and style.get("position") in {"absolute", "fixed"}:
        edges = [pixels(one, size) for one in re.split(r"[\s,]+", style["clip"][5:].rstrip(") "))[:4]]
        top, right, bottom, left = [*edges, None, None, None, None][:4]
        if (top is not None and bottom is not None and bottom - top <= SMALLEST) or (
            left is not None and right is not None and right - left <= SMALLEST
        ):
            return True
    return _NO_AREA.match(style.get("clip-path", "")) is not None


def _flat(side: str, value: str, size: float) -> bool:
    length = pixels(value, size)
    if length is None or value.endswith("%"):
        return value in {"0%", "0.0%"}
    unitless = side == "line-height" and _LENGTH.fullmatch(value) and value[-1].isdigit()
    return length * (size if unitless else 1) <= SMALLEST


def _off_the_page(style: dict[str, str], size: float) -> bool:
    def far(name: str, limit: float) -> bool:
        length = pixels(style.get(name, ""), size)
        return length is not None and length <= limit

    if style.get("position") in {"absolute", "fixed", "relative", "sticky"}:
        offsets = [*(style.get(side, "") for side in _SIDES), *style.get("inset", "").split()[:4]]
        lengths = [length for one in offsets if (length := pixels(one, size)) is not None]
        if any(length <= FAR or length >= BEYOND for length in lengths):
            return True
    if any(far(name, 2 * FAR) for name in ("margin-left", "margin-top", "margin-right")):
        return True
    if any((pixels(one, size) or 0) <= 2 * FAR for one in style.get("margin", "").split()[:4]):
        return True
    return far("text-indent", FAR) or far("letter-spacing", -0.6 * size)


def _scaled_away(style: dict[str, str]) -> bool:
    for name, inside_brackets in _TRANSFORM.findall(style.get("transform", "")):
        arguments = inside_brackets.split(",")[:3]
        if name.startswith("scale") and any(_nearly_nothing(one.strip()) for one in arguments):
            return True
        if name in {"rotatex", "rotatey"} and re.fullmatch(r"\s*-?(?:90|270)(?:\.0*)?deg\s*", inside_brackets):
            return True
        if name.startswith("translate") and any(map(_moved_away, arguments)):
            return True
        if name == "matrix" and _is_flat(inside_brackets):
            return True
    if any(map(_moved_away, style.get("translate", "").split()[:2])):
        return True
    return _nearly_nothing(style.get("scale", ""))


def _moved_away(length: str) -> bool:
    return abs(pixels(length.strip(), 16) or 0) >= 10 * -FAR


def _is_flat(matrix: str) -> bool:
    """`a, b, c, d, x, y`: the area that it leaves of one is a * d - b * c; x and y are moved by."""
    numbers = [pixels(one.strip(), 16) for one in matrix.split(",")[:6]]
    if len(numbers) < 6 or any(one is None for one in numbers):
        return False
    a, b, c, d, x, y = (one or 0.0 for one in numbers)
    return abs(a * d - b * c) <= 0.0025 or max(abs(x), abs(y)) >= 10 * -FAR


def _colour(value: str, before: Colour | None) -> Colour | None:
    if value in _INHERITED or value == "currentcolor":
        return before
    return colours.BLACK if value == "initial" else colours.parse(value)


def _grounds(style: dict[str, str], before: tuple[Colour, ...]) -> tuple[Colour, ...]:
    value = style.get("background-color", "")
    found = next(_colours_in(value), colours.CLEAR)
    grounds = before if found == colours.CLEAR else (found,)
    image = style.get("background-image", "")
    return tuple(dict.fromkeys((*grounds, *_colours_in(image)))) if "gradient" in image else grounds


def _colours_in(value: str) -> Iterator[Colour]:
    """The first colours that stand in a value."""
    for word in re.findall(r"(?:rgb|hsl|hwb|lab|lch|color)[\w-]*\([^()]{0,100}\)|[#\w-]+", value)[:30]:
        if (colour := colours.parse(word)) is not None:
            yield colour
