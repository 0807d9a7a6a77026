"""Where in a draft the words stand that a rule speaks of, so that a person sees them marked. Pure, linear in the text.

Rules:
- Rules read a text as a reader would see it, so words are looked for in that form and marked in the text as it stands:
  full-width digits, and letters with something invisible between them, are found too.
- A word is marked wherever it stands as a whole: the 9 of "at 9" and not the 9 of 2019.
- What cannot be found is left to the rule's reason; nothing of the text is lost or changed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from agent.visible import is_invisible, visible

Piece = tuple[str, bool]
"""A part of the text, and whether it is marked."""


def words_of(judgement: Mapping[str, Any]) -> list[str]:
    """All words that the findings of a stored judgement speak of; none in one of an earlier version."""
    return [word for finding in judgement.get("findings", ()) for word in finding.get("words", ())]


def marked(text: str, words: Iterable[str]) -> list[Piece]:
    """The text in pieces, in order; joined they are the text."""
    found = sorted({shown for word in words if (shown := visible(word))}, key=len, reverse=True)
    if not found:
        return [(text, False)]
    read, places = _as_read(text)
    pattern = re.compile("|".join(_whole(word) for word in found))
    pieces: list[Piece] = []
    done = 0
    for match in pattern.finditer(read):
        begin, end = places[match.start()], places[match.end() - 1] + 1
        if begin < done:
            continue
        pieces += [(text[done:begin], False), (text[begin:end], True)]
        done = end
    pieces.append((text[done:], False))
    return [piece for piece in pieces if piece[0]]


def _whole(word: str) -> str:
    before = r"(?<!\w)" if re.match(r"\w", word) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", word) else ""
    return f"{before}{re.escape(word)}{after}"


def _as_read(text: str) -> tuple[str, list[int]]:
    """The text as rules read it, and for each of its characters the place that it came from."""
    shown: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if is_invisible(character):
            continue
        for one in unicodedata.normalize("NFKC", character):
            shown.append(one)
            places.append(place)
    return "".join(shown), places
