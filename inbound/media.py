"""Whether the condition around a rule of a style sheet holds for a reader at a desk: no, maybe or yes."""

from __future__ import annotations

import re

from inbound.traits import Match

_OTHERS = frozenset({"print", "speech", "tty", "tv", "projection", "handheld", "braille", "embossed", "aural"})
_FEATURE = re.compile(r"\(\s*([^()]*?)\s*\)")
_WIDTH = re.compile(r"(min|max)-(?:device-)?width\s*:\s*(\d{1,6}(?:\.\d{1,4})?)(px|em|rem)")
NARROW, WIDE = 800.0, 4_000.0
"""Pixels: every desk's screen is wider than the first, none than the second."""


def holds(condition: str) -> Match:
    """Whether a list of media queries holds."""
    queries = condition.lower().split(",")
    return max(_query(" ".join(one.split())) for one in queries)


def _query(query: str) -> Match:
    if query.startswith("not ") and "(" not in query:
        return Match(2 - _query(query[4:]))
    bare = _FEATURE.sub("()", query.removeprefix("only "))
    words = bare.split(" and ") if bare else []
    kind = words[0] if words and words[0] != "()" else ""
    if kind in _OTHERS:
        return Match.NO
    known = kind in {"", "all", "screen"} and all(word == "()" for word in words[1 if kind else 0 :])
    found = min((_feature(one) for one in _FEATURE.findall(query)), default=Match.YES)
    return found if known else Match.MAYBE


def _feature(text: str) -> Match:
    if found := _WIDTH.fullmatch(text):
        pixels = float(found[2]) * (1 if found[3] == "px" else 16)
        if NARROW < pixels < WIDE:
            return Match.MAYBE
        return Match.YES if (pixels <= NARROW) == (found[1] == "min") else Match.NO
    scheme = re.fullmatch(r"prefers-color-scheme\s*:\s*(\w+)", text)
    if scheme:
        return Match.NO if scheme[1] == "dark" else Match.YES
    return Match.MAYBE
