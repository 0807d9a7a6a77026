"""What an entry's own examples tell about it: its words, who does what in them, what is denied. Pure.

Rules:
- A word is explained if an example or trigger has it, endings and slips of the keyboard aside.
- Who does what counts: `I return` and `you return`, `do you open` and `could you open` ask for different things.
- What customers say in denial alone (`not used`) is not said where nothing is denied, and the reverse.
- Names stand for names: where an example has one, another one is no new matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from agent.lexicon import CALM, MARKED, NEUTRAL, stem, word_set
from agent.playbook import Entry
from agent.reading import tokens

GAP = 2
"""Words between two of a trigger phrase, at most: `send the thing back`."""

EXPLAINED = 4_000
"""Words of mails that an entry remembers the answer for; looking for slips of the keyboard is what takes long."""

_ASKED_OF = word_set("many much price when where who which")
"""What is asked for stands next: `when open`, `which invoice`, `price of a spade`."""
_NEEDS: dict[str, tuple[list[str], ...]] = {"i": (), "we": (), "you": (["need"], ["have"])}
_HELD = word_set("have need own want like")
_PLAIN = NEUTRAL | CALM
_MODAL = word_set("can could may might would will should shall must please")
_BETWEEN = (
    _MODAL
    | _HELD
    | word_set(
        "do does did be been am is are has had to also just still not even usually normally then love wish hope able "
        "going got"
    )
)
"""What may stand between a person and the verb."""
_NO_SUBJECT = word_set("from to with of by for thank thanks at tell let give about near")
"""Behind these, `you` does nothing."""
_TELLING_VERBS = NEUTRAL - word_set("get give shop store tools garden")
_NAMED = re.compile(r"\b(to|in)((?: (?:the |and |or )?[A-Z][a-z]+)+)")
_DENIALS = word_set("not never no without")
_NEUTRAL_STEMS = frozenset(stem(word) for word in NEUTRAL)


class Known:
    """One entry as the matcher knows it."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self._explained: dict[str, bool] = {}
        self.for_people = entry.requested_action not in {"reply", "ask"}
        spoken = [tokens(example) for example in entry.examples]
        self.whole = [frozenset(one) for one in spoken]
        self.examples = [frozenset(content(one)) for one in spoken]
        self.said = frozenset(word for one in spoken for word in one)
        self.frames = frozenset(frame for one in spoken for frame in frames(one))
        self.refused = frozenset(stem(word) for one in spoken for word in _denied(one))
        self.triggers = [tuple(stem(word) for word in tokens(phrase)) for phrase in entry.trigger]
        self.words = frozenset(word for example in self.examples for word in example) | frozenset(
            word for phrase in self.triggers for word in phrase if word not in _NEUTRAL_STEMS
        )
        self.denied = frozenset(stem(word) for one in spoken for word in _denied(one)) - frozenset(
            stem(word) for one in spoken for word in one if word not in _denied(one)
        )
        self.names_after = frozenset(match[1] for example in entry.examples for match in _NAMED.finditer(example))
        self.values = [
            re.compile(rf"(?<![\w-]){one.pattern}(?![\w-])") for one in entry.variables.values() if one.source == "mail"
        ]

    def triggered(self, words: Sequence[str]) -> list[str]:
        """The trigger phrases that stand in the words, in order and close together."""
        stems = [stem(word) for word in words]
        gap = 0 if self.for_people else GAP
        return [" ".join(phrase) for phrase in self.triggers if _stands(phrase, stems, gap)]

    def explains(self, word: str) -> bool:
        if (known := self._explained.get(word)) is None:
            found = stem(word)
            known = found in self.words or any(_typed(found, one) for one in self.words)
            if len(self._explained) < EXPLAINED:
                self._explained[word] = known
        return known

    def without_values(self, text: str) -> str:
        for pattern in self.values:
            text = pattern.sub(" ", text)
        return text

    def without_names(self, text: str) -> str:
        """Names stand for names: behind a word behind which an example has one, one more is no new matter."""
        return _NAMED.sub(lambda match: match[1] if match[1] in self.names_after else match[0], text)


def content(words: Iterable[str]) -> list[str]:
    """Stems of the words that carry content."""
    return [stem(word) for word in words if word not in NEUTRAL and word not in MARKED]


def frames(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Who does what: (i, return), (you, open), (you, can, deliver), (my, order); how much of what: (many, day)."""
    found: list[tuple[str, ...]] = []
    for at, word in enumerate(words):
        if word in _ASKED_OF:
            behind = next((one for one in words[at + 1 : at + 7] if one not in NEUTRAL), "")
            found += [(word, stem(behind))] if behind else []
        before = words[at - 1] if at else ""
        if word == "my":
            behind = next((one for one in words[at + 1 : at + 4] if one not in NEUTRAL), "")
            found += [("my", stem(behind))] if behind else []
        if word not in {"i", "we", "you"} or before in _NO_SUBJECT:
            continue
        needs = words[at + 1 : at + 2] in _NEEDS[word] and words[at + 2 : at + 3] != ["to"]
        verb = words[at + 1] if needs else next((one for one in words[at + 1 :] if one not in _BETWEEN), "")
        if verb and (needs or verb not in _TELLING_VERBS):
            asked = word == "you" and (before in _MODAL or words[at + 1] in _MODAL)
            found.append(("i" if word == "we" else word, *(("can",) if asked else ()), stem(verb)))
    return found


def undenied(one: Known, words: Sequence[str]) -> tuple[str, ...]:
    """Words that the entry's customers say in denial alone (`not used`) where nothing is denied, and the reverse."""
    if any(word in _DENIALS for word in words):
        return tuple(word for word in _denied(words, 1) if stem(word) not in one.refused)
    return tuple(word for word in words if stem(word) in one.denied)


def _stands(phrase: Sequence[str], stems: Sequence[str], gap: int) -> bool:
    for start, word in enumerate(stems):
        if word != phrase[0]:
            continue
        at = start
        for wanted in phrase[1:]:
            near = stems[at + 1 : at + 2 + gap]
            if wanted not in near:
                break
            at += 1 + near.index(wanted)
        else:
            return True
    return False


def _denied(words: Sequence[str], most: int = 4) -> list[str]:
    """What stands behind `not` or `never`, at most so many words a denial."""
    found: list[str] = []
    for at, word in enumerate(words):
        if word in _DENIALS:
            behind = [one for one in words[at + 1 : at + 6] if one in _HELD or one not in _PLAIN]
            found += behind[:most]
    return found


def _typed(word: str, known: str) -> bool:
    """One letter too many, too few or two exchanged; another letter is another word (shopping, shipping)."""
    if len(word) < 5 or len(known) < 5 or word[0] != known[0] or abs(len(word) - len(known)) > 1:
        return False
    if len(word) == len(known):
        differ = [at for at in range(len(word)) if word[at] != known[at]]
        return (
            len(differ) == 2
            and differ[1] == differ[0] + 1
            and word[differ[0]] == known[differ[1]]
            and word[differ[1]] == known[differ[0]]
        )
    long, short = (word, known) if len(word) > len(known) else (known, word)
    return any(long[:at] + long[at + 1 :] == short for at in range(1, len(long)))
