"""CSS selectors (Selectors 4) of a mail's style sheets: which elements they mean, as far as anybody can say.

Rules:
- tinycss2 cuts the source into tokens as browsers do; nothing of it is ever run.
- The answer is no, maybe or yes. What is not known here (a new pseudo-class, broken syntax, an attribute that was not
  kept) is maybe, and so is its negation.
- Where one selector of a list is not understood, browsers may drop the whole rule: then no yes of the list is certain.
- At rest: nothing is hovered over, focused or visited.
- One budget of comparisons for a page; what exceeds it raises SpentError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tinycss2.nth import parse_nth  # type: ignore[import-untyped]  # tinycss2 ships no type hints

from inbound.elements import Node
from inbound.traits import (
    ANY_OF,
    COMPARISONS,
    COUNTED,
    OLD_PARTS,
    RESTLESS,
    STATES,
    Match,
    Test,
    absent,
    classed,
    is_odd,
    maybe,
    named,
    never,
    yes,
)

MAX_COMPARISONS = 300_000
MAX_TOKENS = 300
"""Of one selector."""
MAX_DEPTH = 6
"""Of brackets inside brackets."""


class SpentError(Exception):
    """The page asks for more comparisons than there are."""


class _BrokenError(Exception):
    """What stands there is no selector: nobody can say what it was meant to be."""


Rank = tuple[int, int, int]


@dataclass(slots=True)
class _Compound:
    tests: list[Test] = field(default_factory=list)
    combinator: str = ""
    """How it stands to the compound on its left; empty for the first."""
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Selector:
    compounds: tuple[_Compound, ...]
    """Rightmost first."""
    rank: Rank

    @property
    def key(self) -> str:
        """A mark (`#id`, `.class`) or tag in lower case without which nothing fits; empty where there is none."""
        return min(self.compounds[0].keys, default="")


@dataclass
class _Reading:
    """One selector while it is read."""

    tokens: list[Any]
    at: int = 0
    rank: list[int] = field(default_factory=lambda: [0, 0, 0])

    def next(self) -> Any:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        self.at += 1
        return token


class Selectors:
    """Reads and compares all selectors of one page."""

    def __init__(self, attributes: frozenset[str], *, gaps: bool) -> None:
        """`attributes` are those that were kept; with `gaps`, elements are missing among siblings."""
        self._attributes = attributes
        self._gaps = gaps
        self._left = MAX_COMPARISONS
        self._certain = True
        self._depth = 0
        self._in_has = False

    def read(self, prelude: Sequence[Any], within: Sequence[Selector] | None = None) -> tuple[list[Selector], bool]:
        """The selectors of a rule, and whether all of them are understood. `within` are those of the rule around."""
        self._certain, self._depth, self._in_has = True, 0, False
        found = [self._selector(part, within) for part in _split(prelude)]
        return found, self._certain and within is None

    def match(self, selector: Selector, node: Node) -> Match:
        return self._match(selector.compounds, 0, node)

    def _spend(self, steps: int = 1) -> None:
        self._left -= steps
        if self._left < 0:
            raise SpentError

    def _match(self, compounds: tuple[_Compound, ...], at: int, node: Node) -> Match:
        self._spend()
        found = Match.YES
        for test in compounds[at].tests:
            found = min(found, test(node))
            if found is Match.NO:
                return found
        combinator = compounds[at].combinator
        if not combinator:
            return found
        best = Match.NO
        for other in self._others(combinator, node):
            best = max(best, self._match(compounds, at + 1, other))
            if best is Match.YES:
                break
        if self._gaps and combinator in {"+", "~"}:
            best = Match.MAYBE
        return min(found, best)

    def _others(self, combinator: str, node: Node) -> Iterator[Node]:
        if combinator == " ":
            while node.parent is not None:
                node = node.parent
                yield node
        elif combinator == ">":
            yield from [node.parent] if node.parent else []
        elif combinator == "+":
            yield from node.siblings[max(0, node.place - 1) : node.place]
        else:
            siblings = node.siblings
            yield from (siblings[place] for place in range(node.place - 1, -1, -1))

    def _doubt(self) -> Test:
        self._certain = False
        return maybe

    def _selector(self, tokens: list[Any], within: Sequence[Selector] | None = None) -> Selector:
        try:
            return self._read(tokens, within)
        except _BrokenError:
            return Selector((_Compound([self._doubt()]),), (0, 0, 0))

    def _read(self, tokens: list[Any], within: Sequence[Selector] | None) -> Selector:
        if len(tokens) > MAX_TOKENS:
            raise _BrokenError
        reading, compounds = _Reading(tokens), [_Compound()]
        if within is not None and not _names_outer(tokens):
            compounds[0].tests.append(self._any_of(within))
            compounds.append(_Compound(combinator=" "))
        gap = False
        while (token := reading.next()) is not None:
            if token.type in {"whitespace", "comment"}:
                gap = True
                continue
            if token.type == "literal" and token.value in {">", "+", "~"}:
                if compounds[-1].tests:
                    compounds.append(_Compound())
                elif within is None or len(compounds) != 2:
                    raise _BrokenError
                compounds[-1].combinator = token.value
            else:
                if gap and compounds[-1].tests:
                    compounds.append(_Compound(combinator=" "))
                self._simple(token, reading, compounds[-1], within)
            gap = False
        if not compounds[-1].tests:
            raise _BrokenError
        return Selector(tuple(reversed(compounds)), (reading.rank[0], reading.rank[1], reading.rank[2]))

    def _simple(
        self, token: Any, reading: _Reading, compound: _Compound, within: Sequence[Selector] | None = None
    ) -> None:
        """Take one simple selector into the compound."""
        kind, value = token.type, getattr(token, "value", "")
        if kind == "ident":
            reading.rank[2] += 1
            tag = str(token.lower_value)
            compound.tests.append(self._tag(tag))
            compound.keys.append(tag)
        elif kind == "hash" and token.is_identifier:
            reading.rank[0] += 1
            compound.tests.append(named("id", value))
            compound.keys.append(f"#{value.lower()}")
        elif kind == "literal" and value == "." and (name := reading.next()) is not None and name.type == "ident":
            reading.rank[1] += 1
            compound.tests.append(classed(name.value))
            compound.keys.append(f".{name.value.lower()}")
        elif kind == "literal" and value == "*":
            compound.tests.append(lambda _: Match.YES)
        elif kind == "literal" and value == "&":
            compound.tests.append(
                self._any_of(within) if within is not None else lambda node: yes(when=not node.parent)
            )
        elif kind == "[] block":
            reading.rank[1] += 1
            compound.tests.append(self._attribute([one for one in token.content if one.type != "comment"]))
        elif kind == "literal" and value == ":":
            compound.tests.append(self._pseudo(reading))
        else:
            raise _BrokenError

    def _tag(self, tag: str) -> Test:
        def test(node: Node) -> Match:
            return Match.MAYBE if is_odd(node.tag) else yes(when=node.tag == tag)

        return test

    def _any_of(self, selectors: Iterable[Selector]) -> Test:
        listed = list(selectors)
        return lambda node: max((self.match(one, node) for one in listed), default=Match.NO)

    def _attribute(self, tokens: list[Any]) -> Test:
        words = [one for one in tokens if one.type != "whitespace"]
        name = words[0].lower_value if words and words[0].type == "ident" else ""
        sign = words[1].value if len(words) > 1 and words[1].type == "literal" else ""
        if name not in self._attributes or (len(words) > 1 and not sign):
            return self._doubt()
        if not sign:
            return lambda node: yes(when=name in node.attributes) if name in node.attributes else absent(name)
        wanted = words[2].value if len(words) > 2 and words[2].type in {"ident", "string"} else None
        flag = words[3].lower_value if len(words) == 4 and words[3].type == "ident" else ""
        compare = COMPARISONS.get(sign)
        if wanted is None or compare is None or len(words) > 4 or (len(words) == 4 and flag not in {"i", "s"}):
            return self._doubt()

        def test(node: Node) -> Match:
            value = node.attributes.get(name)
            if value is None:
                return absent(name)
            loose = compare(value.lower(), wanted.lower())
            # Some attributes are compared without case, by the list of the HTML standard.
            return yes(when=loose) if flag == "i" or not loose or compare(value, wanted) else Match.MAYBE

        return test

    def _pseudo(self, reading: _Reading) -> Test:
        token = reading.next()
        if token is not None and token.type == "literal" and token.value == ":":
            return self._part(reading.next())
        if token is None or token.type not in {"ident", "function"}:
            raise _BrokenError
        if token.type == "function":
            return self._function(token.lower_name, token.arguments, reading)
        name = token.lower_value
        if name in OLD_PARTS:
            return self._part(token)
        reading.rank[1] += 1
        test = never if name in RESTLESS else STATES.get(name) or self._doubt()
        return self._counted(test) if name in COUNTED else test

    def _part(self, token: Any) -> Test:
        """A pseudo-element: no element. Inside brackets it breaks the rule."""
        if token is None or token.type not in {"ident", "function"}:
            raise _BrokenError
        return self._doubt() if self._depth else never

    def _counted(self, test: Test) -> Test:
        def by_place(node: Node) -> Match:
            self._spend(len(node.siblings) // 8)
            return Match.MAYBE if self._gaps else test(node)

        return by_place

    def _function(self, name: str, arguments: list[Any], reading: _Reading) -> Test:
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH or sum(1 for _ in arguments) > MAX_TOKENS:
                return self._doubt()
            if name in ANY_OF or name in {"not", "has"}:
                return self._listed(name, arguments, reading)
            reading.rank[1] += 1
            if name.startswith("nth-"):
                return self._nth(name, arguments)
            return self._doubt()
        finally:
            self._depth -= 1

    def _listed(self, name: str, arguments: list[Any], reading: _Reading) -> Test:
        if name == "has":
            return self._has(arguments, reading)
        inner = [self._selector(part) for part in _split(arguments)]
        if name != "where":
            heaviest = max((one.rank for one in inner), default=(0, 0, 0))
            reading.rank[:] = [own + more for own, more in zip(reading.rank, heaviest, strict=True)]
        test = self._any_of(inner)
        return (lambda node: Match(2 - test(node))) if name == "not" else test

    def _has(self, arguments: list[Any], reading: _Reading) -> Test:
        """`:has(...)`: each element around and behind is asked whether it stands so to this one."""
        if self._in_has:  # browsers drop such a rule
            return self._doubt()
        inner = []
        self._in_has = True
        for part in _split(arguments):
            words = [one for one in part if one.type not in {"whitespace", "comment"}]
            relative = bool(words) and words[0].type == "literal" and words[0].value in {">", "+", "~"}
            start = part.index(words[0]) + 1 if relative else 0
            selector = self._selector(part[start:])
            inner.append((words[0].value if relative else " ", selector))
        self._in_has = False
        heaviest = max((one.rank for _, one in inner), default=(0, 0, 0))
        reading.rank[:] = [own + more for own, more in zip(reading.rank, heaviest, strict=True)]

        def test(node: Node) -> Match:
            best = Match.NO
            for combinator, selector in inner:
                deep = len(selector.compounds) > 1
                for other in self._forward(combinator, node, deep=deep):
                    best = max(best, min(self.match(selector, other), Match.MAYBE if deep else Match.YES))
                    if best is Match.YES:
                        return best
            # Of the head not all is kept.
            return max(best, Match.MAYBE) if self._gaps or node.tag in {"html", "head"} else best

        return test

    def _forward(self, combinator: str, node: Node, *, deep: bool) -> Iterator[Node]:
        """Elements that may stand so; with `deep`, more of them than do."""
        starts = node.siblings[node.place + 1 :] if combinator in {"+", "~"} else node.children
        starts = starts[:1] if combinator == "+" and not deep else starts
        waiting = list(reversed(starts))
        while waiting:
            one = waiting.pop()
            self._spend()
            yield one
            if deep or combinator == " ":
                waiting += reversed(one.children)

    def _nth(self, name: str, arguments: list[Any]) -> Test:
        cut = next((n for n, one in enumerate(arguments) if one.type == "ident" and one.lower_value == "of"), None)
        numbers = parse_nth(arguments[:cut])
        known = {"nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type"}
        if numbers is None or name not in known or (cut is not None and not name.endswith("child")):
            return self._doubt()
        step, offset = numbers
        among = self._any_of([self._selector(one) for one in _split(arguments[cut + 1 :])]) if cut is not None else None

        def test(node: Node) -> Match:
            last = "last" in name
            relatives = node.siblings[node.place :] if last else node.siblings[: node.place + 1]
            if among is not None:
                self._spend(len(relatives))
                found = [among(one) for one in relatives]
                if Match.MAYBE in found:
                    return Match.MAYBE
                if among(node) is Match.NO:
                    return Match.NO
                count = sum(one is Match.YES for one in found)
            elif name.endswith("type"):
                self._spend(len(relatives) // 8)
                count = sum(one.tag == node.tag for one in relatives)
            else:
                count = len(relatives)
            behind = count - offset
            return yes(when=behind == 0 if step == 0 else behind % step == 0 and behind // step >= 0)

        return self._counted(test)


def _split(tokens: Iterable[Any]) -> list[list[Any]]:
    """A list of selectors at its commas, each without blanks around."""
    parts: list[list[Any]] = [[]]
    for token in tokens:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    for part in parts:
        while part and part[-1].type in {"whitespace", "comment"}:
            part.pop()
        while part and part[0].type in {"whitespace", "comment"}:
            part.pop(0)
    return parts


def _names_outer(tokens: Sequence[Any]) -> bool:
    """Whether `&` stands in it, in brackets too."""
    waiting = list(tokens)
    while waiting:
        one = waiting.pop()
        if one.type == "literal" and one.value == "&":
            return True
        waiting += getattr(one, "arguments", None) or getattr(one, "content", None) or []
    return False
