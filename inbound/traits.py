"""What a simple selector asks of one element: its name, its marks, its attributes, its place. No, maybe or yes.

Rules:
- At rest: nothing is hovered over, focused or visited.
- Maybe is what depends on the reader: in pages without a doctype the case of marks does not count, and some attributes
  are compared without case.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from inbound.elements import Node
from inbound.tree import OURS

RESTLESS = frozenset(
    {
        "hover", "active", "focus", "focus-within", "focus-visible", "visited", "target", "target-within", "current",
        "past", "future", "playing", "user-valid", "user-invalid", "fullscreen", "-webkit-full-screen", "host",
        "-moz-full-screen", "-ms-fullscreen", "-webkit-autofill", "autofill", "-moz-placeholder",
        "-ms-input-placeholder", "-moz-focusring", "-moz-focus-inner",
    }
)  # fmt: skip
OLD_PARTS = frozenset({"before", "after", "first-line", "first-letter"})
ANY_OF = frozenset({"is", "where", "matches", "any", "-webkit-any", "-moz-any"})
_ADDRESSES = frozenset({"href", "src", "action", "cite", "background", "poster", "data"})
"""Attributes that `tree` drops where they lead where nobody goes."""


class Match(IntEnum):
    NO = 0
    MAYBE = 1
    YES = 2


Test = Callable[[Node], Match]


def yes(*, when: bool) -> Match:
    return Match.YES if when else Match.NO


def maybe(_node: Node) -> Match:
    return Match.MAYBE


def never(_node: Node) -> Match:
    return Match.NO


def is_odd(tag: str) -> bool:
    """Whether `tree` named it: a selector may have meant its own name."""
    return tag.startswith(OURS)


def keys_of(node: Node) -> list[str]:
    """Every key under which a selector that fits this element may stand (odd ones aside)."""
    ident = node.attributes.get("id", "").lower()
    return ["", node.tag, f"#{ident}", *(f".{one.lower()}" for one in node.classes)]


def absent(name: str) -> Match:
    return Match.MAYBE if name in _ADDRESSES else Match.NO


def named(name: str, wanted: str) -> Test:
    def test(node: Node) -> Match:
        value = node.attributes.get(name, "")
        # In pages without a doctype, case does not count.
        return Match.YES if value == wanted else Match(value.lower() == wanted.lower())

    return test


def classed(wanted: str) -> Test:
    def test(node: Node) -> Match:
        if wanted in node.classes:
            return Match.YES
        return Match(any(one.lower() == wanted.lower() for one in node.classes))

    return test


COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda value, wanted: value == wanted,
    "~=": lambda value, wanted: wanted in value.split(),
    "|=": lambda value, wanted: value == wanted or value.startswith(f"{wanted}-"),
    "^=": lambda value, wanted: bool(wanted) and value.startswith(wanted),
    "$=": lambda value, wanted: bool(wanted) and value.endswith(wanted),
    "*=": lambda value, wanted: bool(wanted) and wanted in value,
}


def _alone(node: Node) -> bool:
    return sum(one.tag == node.tag for one in node.siblings) == 1


STATES: dict[str, Test] = {
    "root": lambda node: yes(when=node.parent is None),
    "scope": lambda node: yes(when=node.parent is None),
    "link": lambda node: yes(when=node.tag in {"a", "area"} and "href" in node.attributes),
    "first-child": lambda node: yes(when=node.place == 0),
    "last-child": lambda node: yes(when=node.place == len(node.siblings) - 1),
    "only-child": lambda node: yes(when=len(node.siblings) == 1),
    "first-of-type": lambda node: yes(when=all(one.tag != node.tag for one in node.siblings[: node.place])),
    "last-of-type": lambda node: yes(when=all(one.tag != node.tag for one in node.siblings[node.place + 1 :])),
    "only-of-type": lambda node: yes(when=_alone(node)),
    "empty": lambda node: yes(when=not node.children and not node.filled),
    "checked": lambda node: yes(when="checked" in node.attributes or "selected" in node.attributes),
    "disabled": lambda node: maybe(node) if "disabled" in node.attributes else Match.NO,
}
STATES |= dict.fromkeys(("any-link", "-webkit-any-link", "-moz-any-link"), STATES["link"])
COUNTED = frozenset(
    {"first-child", "last-child", "only-child", "first-of-type", "last-of-type", "only-of-type", "empty"}
)
