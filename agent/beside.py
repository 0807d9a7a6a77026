"""What stands beside a question: chatter, or something that changes what the answer is. Pure.

Rules:
- Sentences beside the question hold words of chatter and of the entry; others are few, and in self-introductions.
- A number, a wish, a duty, a condition, a matter of one's own (my order), or trouble is more than chatter.
- The subject may name whatever it likes, within a few words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.knowing import Known, frames, undenied
from agent.lexicon import CALM, CHATTER, GRAVE, MARKED, NEUTRAL, stem, word_set
from agent.reading import tokens

STRANGE = 2
"""Words that nobody knows, at most."""

_CHATTER_STEMS = frozenset(stem(word) for word in CHATTER | NEUTRAL) - frozenset(stem(word) for word in MARKED - CALM)
_CASUAL = re.compile(
    r"(?i)\b(?:i am|i'm|we are|we're|my name|i live|we live|i have|we have|i would|i'd|we would|we'd|i like|i love"
    r"|we love|your (?:website|shop|site|catalogue)|thank|thanks)\b"
)
"""Self-introductions and kindness, in which a word that nobody knows does no harm."""
_THINGS = word_set("it they them these those this")
_CONDITIONS = (["if", "not"], ["if", "so"], ["if", "yes"], ["otherwise"])
_WISHES = tuple(
    one.split() for one in ("would like", "want to", "wish to", "need to", "would love", "going to", "i take")
)
_DUTIES = (["has", "to"], ["have", "to"], ["had", "to"])
_HARMLESS_DENIED = word_set("know find see live drive far sure")
_MATTERS = frozenset(
    stem(word) for word in word_set("order parcel package delivery invoice account refund payment return money")
)
_BOUGHT = re.compile(r"(?i)\b(?:bought|buy|ordered|purchased|got|borrowed)\b")
_PLACE = re.compile(r"\b(in|near|to|from|is|am|called|and)((?: [A-Z][a-z]+)+)")


def unsettling(one: Known, telling: Sequence[str], subject: str) -> tuple[str, ...]:
    """Words beside the question that are neither chatter nor the entry's own, where they are too many or too grave."""
    strange: list[str] = []
    for number, sentence in enumerate((subject, *telling)):
        plain = _without_places(sentence) if number else sentence
        words = tokens(plain)
        if number and (grave := _grave(one, words)):
            return grave
        for word in words:
            if word in MARKED and (word not in CALM or word in GRAVE) and word not in one.said:
                return (word,)
            if any(character.isdigit() for character in word):
                return (word,)
            if word not in MARKED and stem(word) not in _CHATTER_STEMS and not one.explains(word):
                strange.append(word)
                if number and (not _CASUAL.search(sentence) or _content_of(one, words)):
                    return (word,)
    return tuple(strange) if len(strange) > STRANGE or any(word.endswith("ed") for word in strange) else ()


def _content_of(one: Known, words: Sequence[str]) -> bool:
    """The words speak of the thing that is asked about."""
    return any(word in _THINGS or (stem(word) not in _CHATTER_STEMS and one.explains(word)) for word in words)


def _grave(one: Known, words: Sequence[str]) -> tuple[str, ...]:
    """Words by which a sentence beside the question is more than chatter."""
    if words[:2] in _CONDITIONS:
        return tuple(words[:2])
    duty = [words[at] for at in range(len(words)) if words[at] in {"must", "needs"} or words[at : at + 2] in _DUTIES]
    own = [word for key, word in ((frame[0], frame[-1]) for frame in frames(words)) if key == "my" and word in _MATTERS]
    wishes = any(words[at : at + 2] in _WISHES or words[at : at + 1] == ["will"] for at in range(len(words)))
    strange = [word for word in words if stem(word) not in _CHATTER_STEMS and not one.explains(word)] if wishes else []
    acts = [
        frame[-1]
        for frame in frames(words)
        if frame[-1] in one.words
        and (
            frame[0] == "you"
            or (frame[0] in {"i", "we"} and frame not in one.frames and frame[-1] not in _CHATTER_STEMS)
        )
    ]
    denied = [word for word in undenied(one, words) if word not in _HARMLESS_DENIED]
    return (*duty, *own, *strange, *acts, *denied)


def _without_places(sentence: str) -> str:
    """Names of people and places behind a word that introduces them go; not where something was bought there."""
    return sentence if _BOUGHT.search(sentence) else _PLACE.sub(r"\1", sentence)
