"""Values of CSS properties: which ones every browser takes, and what short forms set.

Rules:
- A value that browsers do not know is as if it were not written: an earlier one stays. So only what is known here may
  undo what was said before; everything else is a doubt.
- Long forms, and what undoes them, are written out of short ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from inbound import colours

GLOBAL = frozenset({"inherit", "initial", "unset", "revert", "revert-layer"})

_LENGTH = r"(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:px|pt|pc|em|rem|ex|ch|%|vw|vh|in|cm|mm|q)|[+-]?0+(?:\.0+)?)"
_LENGTHS = re.compile(rf"(?:(?:{_LENGTH}|auto|none|normal)(?:\s+|$)){{1,4}}")
_DISPLAYS = frozenset(
    {
        "none", "block", "inline", "inline-block", "flex", "inline-flex", "grid", "inline-grid", "table",
        "inline-table", "table-row", "table-cell", "table-row-group", "table-header-group", "table-footer-group",
        "table-column", "table-caption", "list-item", "contents", "flow-root", "run-in",
    }
)  # fmt: skip
_WORDS: dict[str, frozenset[str]] = {
    "display": _DISPLAYS,
    "visibility": frozenset({"visible", "hidden", "collapse"}),
    "position": frozenset({"static", "relative", "absolute", "fixed", "sticky"}),
    "mso-hide": frozenset({"all", "none"}),
    "content-visibility": frozenset({"visible", "hidden", "auto"}),
    "white-space": frozenset({"normal", "pre", "nowrap", "pre-wrap", "pre-line", "break-spaces"}),
    "unicode-bidi": frozenset(
        {"normal", "embed", "isolate", "bidi-override", "isolate-override", "plaintext"}
    ),
    "overflow": frozenset({"visible", "hidden", "clip", "scroll", "auto"}),
    "background-image": frozenset({"none"}),
}  # fmt: skip
_WORDS |= {"overflow-x": _WORDS["overflow"], "overflow-y": _WORDS["overflow"]}
_COLOURED = frozenset({"color", "-webkit-text-fill-color", "background-color"})
_MEASURED = frozenset(
    {
        "height", "max-height", "width", "max-width", "left", "right", "top", "bottom", "inset", "text-indent",
        "margin", "margin-left", "margin-top", "margin-right", "letter-spacing", "translate",
    }
)  # fmt: skip
_PATTERNS = {
    "font-size": re.compile(rf"{_LENGTH}|(?:xx?x?-)?(?:small|large)|medium|smaller|larger"),
    "line-height": re.compile(rf"{_LENGTH}|normal|\d+\.?\d*|\.\d+"),
    **dict.fromkeys(("opacity", "zoom", "scale"), re.compile(r"(?:\d+\.?\d*|\.\d+)%?|normal|none")),
}
_NOTHING = re.compile("none|normal|auto")
_GROUND_WORDS = re.compile(
    r"url\([^()]*\)|none|transparent|repeat(?:-[xy])?|no-repeat|scroll|fixed|local|center|left|right|top|bottom|cover"
    rf"|contain|(?:padding|border|content)-box|auto|/|{_LENGTH}"
)
_FUNCTION = re.compile(r"[a-z-]+\([^()]*(?:\([^()]*\)[^()]*)*\)|[^\s(),]+")
_RESET = (
    "color",
    "-webkit-text-fill-color",
    "font-size",
    "visibility",
    "background-color",
    "background-image",
    "white-space",
)


def is_known(name: str, value: str) -> bool:
    """Whether every browser takes this value; lower case, one blank between words."""
    if value in GLOBAL or name.startswith("border"):
        return True
    if name == "overflow":
        return _WORDS[name].issuperset(value.split())
    if name in _WORDS:
        return value in _WORDS[name]
    if name in _COLOURED:
        return value == "currentcolor" or _is_colour(value)
    known = _PATTERNS.get(name) or (_LENGTHS if name in _MEASURED else _NOTHING)
    return known.fullmatch(value) is not None


def _is_colour(value: str) -> bool:
    # Six digits without `#` are a colour in attributes only.
    return colours.parse(value) is not None and not re.fullmatch("[0-9a-f]{6}", value)


def _is_ground(word: str) -> bool:
    return _GROUND_WORDS.fullmatch(word) is not None or "gradient(" in word or _is_colour(word)


def written_out(name: str, value: str) -> Iterator[tuple[str, str, bool]]:
    """A declaration and the long forms that it sets, each with whether browsers take it."""
    if name == "background":
        image = value if "url(" in value or "gradient" in value else "none"
        known = value in GLOBAL or all(
            _GROUND_WORDS.fullmatch(word) or "gradient(" in word or _is_colour(word)
            for word in _FUNCTION.findall(value)
        )
        yield name, value, known
        yield "background-color", value, known
        yield "background-image", image, known
    elif name == "font":
        words = value.split()
        sized = [n for n, one in enumerate(words) if re.match(r"[.\d]", one) and not re.fullmatch(r"[1-9]00", one)]
        if sized:
            size = words[sized[0]].partition("/")[0]
            yield "font-size", size, is_known("font-size", size) and len(words) > sized[0] + 1
        elif value in GLOBAL:
            yield "font-size", value, True
    elif name == "all":
        yield from ((one, value, value in GLOBAL) for one in _RESET)
    else:
        yield name, value, is_known(name, value)
