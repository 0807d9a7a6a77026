"""Style sheets of HTML mail, as far as they can hide text: rules, conditions, the cascade.

Rules:
- tinycss2 takes sheets and style attributes apart as browsers do (CSS Syntax 3).
- `@media` counts where a desktop screen matches it; print and narrow screens do not. Rules under conditions that only a
  browser can judge, rules inside rules, and what `selectors` is not sure of, may hold: they can hide, never show.
- Later beats earlier, specific beats general, `!important` beats both (CSS Cascade 4, without layers). What a browser
  may drop (`display: nonsense`) undoes nothing.
- Bounded: MAX_SHEETS characters, MAX_RULES rules, and the budget of `selectors`; past that `lost` says that anything
  may be hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import tinycss2  # type: ignore[import-untyped]  # it ships no type hints

from inbound import media
from inbound.elements import Node
from inbound.selectors import Selector, Selectors, SpentError
from inbound.traits import Match, is_odd, keys_of
from inbound.values import written_out

MAX_SHEETS = 300_000
"""Characters of all sheets of a page together."""
MAX_RULES = 5_000
MAX_NESTING = 10
MAX_DOUBTS = 8
"""Rules that may hold, of one element."""

RELEVANT = frozenset(
    {
        "display", "visibility", "opacity", "filter", "font", "font-size", "color", "-webkit-text-fill-color",
        "background", "background-color", "background-image", "overflow", "overflow-x", "overflow-y", "height",
        "max-height", "width", "max-width", "line-height", "position", "left", "right", "top", "bottom", "text-indent",
        "margin", "margin-left", "margin-top", "margin-right", "clip", "clip-path", "transform", "scale", "mso-hide",
        "content-visibility", "letter-spacing", "unicode-bidi", "white-space", "border", "border-left", "zoom",
        "inset", "translate", "mask", "mask-image", "-webkit-mask", "-webkit-mask-image", "mix-blend-mode",
        "backface-visibility", "animation", "animation-name", "all",
    }
)  # fmt: skip
HIDING = RELEVANT - {"white-space", "border", "border-left", "background", "background-color", "background-image"}

Declarations = dict[str, tuple[str, bool]]
"""Property -> (value in lower case, important)."""

_MEANT = frozenset({"media", "supports", "layer", "container", "scope", "document", "-moz-document"})
_ELSEWHERE = frozenset(
    {
        "font-face", "page", "charset", "import", "namespace", "property", "counter-style", "viewport",
        "starting-style", "keyframes", "font-feature-values", "font-palette-values", "position-try", "view-transition",
    }
)  # fmt: skip
# What needs no parser: every `;` ends a declaration.
_PLAIN = re.compile(r"(?:[^\"'\\(){}\[\]/@<]|\"[^\"\\\n;{}]*+\"|'[^'\\\n;{}]*+'|(?:rgba?|hsla?)\([\d.,%\s]*+\))*+")


@dataclass(frozen=True, slots=True)
class Style:
    """The declarations of a rule or a style attribute."""

    declared: Declarations = field(default_factory=dict)
    doubtful: list[Declarations] = field(default_factory=list)
    """What it may say besides, with values that browsers may not take; each way by itself."""


@dataclass(frozen=True, slots=True)
class _Rule:
    selector: Selector
    style: Style
    rank: tuple[int, int, int, int]
    sure: bool


@dataclass
class Sheet:
    """All style sheets of one page."""

    selectors: Selectors
    rules: dict[str, list[_Rule]] = field(default_factory=dict)
    """By the key of their selectors."""
    lost: bool = False
    """More is said than is read: anything may be hidden."""
    animated: bool = False
    """There are steps of an animation, which may end hidden."""
    count: int = 0
    left: int = MAX_SHEETS

    def add(self, source: str, holds: Match = Match.YES) -> None:
        """Take in one style element, which counts as far as `holds` says."""
        if holds is Match.NO:
            return
        self.lost |= len(source) > self.left
        source = source[: self.left]
        self.left -= len(source)
        try:
            self._rules(tinycss2.parse_stylesheet(source, skip_comments=True, skip_whitespace=True), holds, None, 0)
        except RecursionError:
            self.lost = True

    def _rules(self, rules: Iterable[Any], holds: Match, within: Sequence[Selector] | None, depth: int) -> None:
        if depth > MAX_NESTING:
            self.lost = True
            return
        for rule in rules:
            if rule.type == "qualified-rule":
                self._rule(rule, holds, within, depth)
            elif rule.type == "at-rule" and rule.content is not None:
                self._under(rule, holds, within, depth)

    def _rule(self, rule: Any, holds: Match, within: Sequence[Selector] | None, depth: int) -> None:
        content = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
        style = _style(content)
        inner = [one for one in content if one.type in {"qualified-rule", "at-rule"}]
        if not inner and not style.declared and not style.doubtful:
            return
        selectors, certain = self.selectors.read(rule.prelude, within)
        self._store(selectors, style, sure=certain and holds is Match.YES)
        self._rules(inner, min(holds, Match.MAYBE), selectors, depth + 1)

    def _under(self, rule: Any, holds: Match, within: Sequence[Selector] | None, depth: int) -> None:
        """Rules under a condition."""
        name = rule.lower_at_keyword
        if name.endswith("keyframes"):
            self.animated = True
        if name in _ELSEWHERE or name.endswith(("keyframes", "viewport")):
            return
        if name == "media":
            holds = min(holds, media.holds(tinycss2.serialize(rule.prelude)))
        else:  # what is no rule of today may be one of tomorrow
            holds = min(holds, Match.MAYBE)
        if holds is Match.NO:
            return
        if within is not None:
            content = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
            self._store(within, _style(content), sure=False)
            self._rules([one for one in content if one.type in {"qualified-rule", "at-rule"}], holds, within, depth + 1)
        else:
            rules = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            self._rules(rules, holds, None, depth + 1)

    def _store(self, selectors: Sequence[Selector], style: Style, *, sure: bool) -> None:
        if not style.declared and not style.doubtful:
            return
        for selector in selectors:
            self.count += 1
            if self.count > MAX_RULES:
                self.lost = True
                return
            rule = _Rule(selector, style, (*selector.rank, self.count), sure)
            self.rules.setdefault(selector.key, []).append(rule)

    def style(self, node: Node) -> tuple[Declarations, list[Declarations]]:
        """What the sheets say of an element, and what they may say besides. After too much, `lost` is set."""
        if not self.rules or self.lost:
            return {}, []
        odd = is_odd(node.tag)
        found: list[tuple[tuple[int, int, int, int], Match, Style]] = []
        try:
            for key in self.rules if odd else keys_of(node):
                for rule in self.rules.get(key, ()):
                    fits = self.selectors.match(rule.selector, node)
                    if fits is not Match.NO:
                        found.append((rule.rank, fits if rule.sure else Match.MAYBE, rule.style))
        except SpentError:
            self.lost = True
            return {}, []
        declared: Declarations = {}
        doubts: list[Declarations] = []
        for _, fits, style in sorted(found, key=lambda one: one[0]):
            if fits is Match.YES:
                merge(declared, style.declared)
            else:
                doubts.append(style.declared)
            doubts += [one if fits is Match.YES else style.declared | one for one in style.doubtful]
        return declared, doubts


def merge(onto: Declarations, later: Declarations) -> None:
    """Let `later` win, except over what is `!important`."""
    for name, (value, important) in later.items():
        if important or not onto.get(name, ("", False))[1]:
            onto[name] = (value, important)


def style_of(attribute: str) -> Style:
    """The declarations of a style attribute."""
    if not _PLAIN.fullmatch(attribute):
        return _style(tinycss2.parse_blocks_contents(attribute, skip_comments=True, skip_whitespace=True))
    found = Style()
    for part in attribute.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            value = " ".join(value.lower().split())
            bare = re.sub(r"\s*!\s*important$", "", value)
            _take(found, name.strip().lower(), bare, important=bare != value)
    return found


def _style(content: Iterable[Any]) -> Style:
    found = Style()
    for one in content:
        if one.type == "declaration" and one.lower_name in RELEVANT:
            value = tinycss2.serialize([each for each in one.value if each.type != "comment"])
            _take(found, one.lower_name, " ".join(value.lower().split()), important=one.important)
    return found


def _take(style: Style, name: str, value: str, *, important: bool) -> None:
    if name not in RELEVANT:
        return
    for one, said, known in written_out(name, value):
        if known:
            merge(style.declared, {one: (said, important)})
        elif style.doubtful and one not in style.doubtful[-1]:
            style.doubtful[-1][one] = (said, important)
        else:
            style.doubtful.append({one: (said, important)})
