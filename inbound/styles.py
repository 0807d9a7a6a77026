"""Style sheets of HTML mail, as far as they can hide text: rules, selectors, the cascade.

Rules:
- Read are type, class and id selectors with descendant and child combinators. A rule that hides by any other selector
  is `unclear`: somebody must look.
- `@media` counts where a desktop screen matches it; print and narrow screens do not.
- Later beats earlier, specific beats general, `!important` beats both (CSS Cascade 4, without layers).
- Bounded: 500 rules, 200,000 characters, and a budget of comparisons for a whole page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

MAX_SHEET = 200_000
MAX_RULES = 500
MAX_NESTING = 10
MAX_COMPARISONS = 300_000

RELEVANT = frozenset(
    {
        "display", "visibility", "opacity", "filter", "font", "font-size", "color", "-webkit-text-fill-color",
        "background", "background-color", "background-image", "overflow", "overflow-x", "overflow-y", "height",
        "max-height", "width", "max-width", "line-height", "position", "left", "right", "top", "bottom", "text-indent",
        "margin", "margin-left", "margin-top", "margin-right", "clip", "clip-path", "transform", "scale", "mso-hide",
        "content-visibility", "letter-spacing", "unicode-bidi", "white-space", "border", "border-left", "zoom",
        "inset", "translate", "mask", "mask-image", "-webkit-mask", "-webkit-mask-image", "mix-blend-mode",
        "backface-visibility",
    }
)  # fmt: skip
HIDING = RELEVANT - {"white-space", "border", "border-left", "background", "background-color", "background-image"}

_HARMLESS_AT_ZERO = frozenset(
    {
        "margin", "line-height", "left", "top", "overflow", "max-width", "width", "letter-spacing", "inset",
        "translate", "mask", "mask-image", "-webkit-mask", "-webkit-mask-image",
    }
)  # fmt: skip

Declarations = dict[str, tuple[str, bool]]
"""Property -> (value in lower case, important)."""

# One alternative for each kind of thing that may hold a brace, possessive: linear also where one does not end.
_COMMENT_OR_STRING = re.compile(
    r"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*+(?:\"|$)|'(?:[^'\\\n]|\\.)*+(?:'|$)|<!--|-->", re.MULTILINE
)
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.DOTALL)
_COMPOUND = re.compile(r"(\*|[a-zA-Z][\w-]*+)?((?:[.#][\w-]+)*)(:(?:link|any-link|root))?(.*)", re.DOTALL)
_NEVER = re.compile(
    r":{1,2}(?:hover|active|focus|visited|before|after|first-letter|first-line|selection|placeholder|checked|disabled"
    r"|target|-[\w-]+)"
)
_WIDTH = re.compile(r"(min|max)-(?:device-)?width\s*:\s*([\d.]+)(px|em|rem)?")


@dataclass(frozen=True, slots=True)
class Element:
    """What selectors can see of an element."""

    tag: str
    ident: str
    classes: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Compound:
    tag: str
    marks: frozenset[str]
    child: bool
    """The next compound to the right must be a child of this one, not any descendant."""

    def fits(self, element: Element) -> bool:
        if self.tag and self.tag != element.tag:
            return False
        return all(one[1:] in element.classes if one[0] == "." else one[1:] == element.ident for one in self.marks)


@dataclass(frozen=True, slots=True)
class _Rule:
    compounds: tuple[_Compound, ...]
    """Rightmost first."""
    declarations: Declarations
    rank: tuple[int, int, int, int]


@dataclass
class Sheet:
    """All style sheets of one page."""

    rules: dict[str, list[_Rule]] = field(default_factory=dict)
    """By a mark or tag that the rightmost compound needs; `*` for those that need none."""
    unclear: bool = False
    """A rule that can hide text could not be understood."""
    count: int = 0
    comparisons: int = 0

    def add(self, source: str) -> None:
        """Take in one style element."""
        for prelude, body in _blocks(source[:MAX_SHEET]):
            found = {name: value for name, value in declarations(body).items() if name in RELEVANT}
            if not found:
                continue
            if self.count >= MAX_RULES:
                self.unclear = True
                return
            for selector in prelude.split(","):
                self._add_selector(selector.strip(), found)

    def _add_selector(self, selector: str, found: Declarations) -> None:
        compounds = _compounds(selector)
        if compounds is None:
            self.unclear |= _may_hide(found)
            return
        if not compounds:
            return
        self.count += 1
        marks = [mark for one in compounds for mark in one.marks]
        rank = (
            sum(one[0] == "#" for one in marks),
            sum(one[0] == "." for one in marks),
            sum(bool(one.tag) for one in compounds),
            self.count,
        )
        last = compounds[0]
        key = min(last.marks) if last.marks else last.tag or "*"
        self.rules.setdefault(key, []).append(_Rule(compounds, found, rank))

    def declared(self, chain: Sequence[Element]) -> Declarations:
        """What the sheets say of the last element of `chain`, its ancestors before it."""
        if not self.rules:
            return {}
        element = chain[-1]
        keys = ["*", element.tag, f"#{element.ident}", *(f".{one}" for one in element.classes)]
        fitting = [rule for key in keys for rule in self.rules.get(key, ()) if self._fits(rule, chain)]
        result: Declarations = {}
        for rule in sorted(fitting, key=lambda one: one.rank):
            merge(result, rule.declarations)
        return result

    def _fits(self, rule: _Rule, chain: Sequence[Element]) -> bool:
        at = len(chain) - 1
        for place, compound in enumerate(rule.compounds):
            near = place == 0 or compound.child
            while True:
                self.comparisons += 1
                if at < 0 or self.comparisons > MAX_COMPARISONS:
                    self.unclear |= self.comparisons > MAX_COMPARISONS
                    return False
                fits = compound.fits(chain[at])
                at -= 1
                if fits:
                    break
                if near:
                    return False
        return True


def merge(onto: Declarations, later: Declarations) -> None:
    """Let `later` win, except over what is `!important`."""
    for name, (value, important) in later.items():
        if important or not onto.get(name, ("", False))[1]:
            onto[name] = (value, important)


def declarations(body: str) -> Declarations:
    """The declarations of a rule or a style attribute."""
    found: Declarations = {}
    if "/*" in body or "\\" in body:
        body = _ESCAPE.sub(_escaped, _COMMENT_OR_STRING.sub(_blank, body))
    for part in body.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            value = " ".join(value.lower().split())
            bare = re.sub(r"\s*!\s*important$", "", value)
            merge(found, {one: (said, bare != value) for one, said in _written_out(name.strip().lower(), bare)})
    return found


def _written_out(name: str, value: str) -> Iterator[tuple[str, str]]:
    """A declaration; short forms also as the long ones that they set, which they undo where they come later."""
    yield name, value
    if name == "background":
        yield "background-color", value
        yield "background-image", value if "url(" in value or "gradient" in value else "none"
    if name == "font":
        sizes = (one for one in value.split() if re.match(r"[.\d]", one) and not re.fullmatch(r"[1-9]00", one))
        if size := next(sizes, "").partition("/")[0]:
            yield "font-size", size


def _escaped(match: re.Match[str]) -> str:
    if match[2]:
        return match[2]
    number = int(match[1], 16)
    return chr(number) if 0x20 <= number < 0xD800 else "?"


def _blank(match: re.Match[str]) -> str:
    return '""' if match[0][0] in "\"'" else " "


def _may_hide(found: Declarations) -> bool:
    return any(
        value in {"none", "hidden", "0", "0px", "collapse", "transparent", "all"}
        or re.match(r"-\d{3}|0[a-z%]*$", value)
        for name, (value, _) in found.items()
        if name in HIDING - _HARMLESS_AT_ZERO
    )


def _blocks(source: str) -> Iterator[tuple[str, str]]:
    """(selectors, declarations) of every rule that a desktop screen applies."""
    plain = _COMMENT_OR_STRING.sub(_blank, source)
    open_blocks: list[tuple[str, int, bool]] = []
    start = 0
    for match in re.finditer(r"[{}]|\Z", plain):
        sign = match[0]
        if sign == "{":
            if len(open_blocks) >= MAX_NESTING:
                return
            prelude = plain[start : match.start()].rpartition(";")[2].strip()
            applies = _applies(prelude) and all(one[2] for one in open_blocks)
            open_blocks.append((prelude, match.end(), applies))
            start = match.end()
            continue
        ended = open_blocks[-1:] if sign else open_blocks
        for prelude, begun, applies in ended:
            if applies and not prelude.startswith("@"):
                yield prelude, plain[max(begun, start) : match.start()] if sign else plain[begun : match.start()]
        if sign and open_blocks:
            open_blocks.pop()
        start = match.end()


def _applies(prelude: str) -> bool:
    if not prelude.startswith("@"):
        return True
    name, _, condition = prelude.lower().partition(" ")
    if name in {"@supports", "@layer", "@container"}:
        return True
    if name != "@media":
        return False
    if re.search(r"print|speech|prefers-|orientation|monochrome|-webkit-min-device-pixel", condition):
        return "screen" in condition and "prefers-" not in condition
    for bound, number, unit in _WIDTH.findall(condition):
        pixels = float(number) * (1 if unit in {"px", ""} else 16) if number.count(".") <= 1 and number != "." else 0
        if (bound == "max" and pixels < 1_200) or (bound == "min" and pixels > 1_200):
            return False
    return True


def _compounds(selector: str) -> tuple[_Compound, ...] | None:
    """A selector, rightmost first; empty where it never matches at rest, None where it is not understood."""
    found: list[_Compound] = []
    child = False
    for word in re.sub(r"\s*>\s*", " > ", selector).split():
        if word == ">":
            child = True
            continue
        match = _COMPOUND.fullmatch(word)
        if match is None:
            return None
        if match[4]:
            return () if _NEVER.match(match[4]) else None
        if found and child:
            found[-1] = _Compound(found[-1].tag, found[-1].marks, child=True)
        child = False
        tag = (match[1] or "").lower()
        found.append(_Compound("" if tag == "*" else tag, frozenset(re.findall(r"[.#][\w-]+", match[2])), child=False))
    return tuple(reversed(found)) or None
