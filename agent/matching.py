"""Which playbook entry answers a mail, and how sure is that? Pure; the standard library only.

How it judges:
- The mail is cut into sentences; those that ask or order something count, the rest is background.
- A sentence fits an entry by coverage (the share of its content that the entry's words explain) and by its likeness to
  the nearest example. Without one of the entry's trigger words it does not fit at all.
- Confidence is that of the worst explained request: a second question, an order beside the question, or a word that
  changes the meaning keeps it under every sensible threshold.
- Entries for people (complaint, legal threat, ...) need no question: their trigger words anywhere are enough, and they
  take the confidence away from all others.
- Text that is not in the playbook's language, or says nothing, is `none of these`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.playbook import Entry, Playbook
from agent.vocabulary import (
    FURTHER,
    MACHINE_ORDERS,
    MISLEADING,
    NEUTRAL,
    ORDERS,
    REQUEST_MARKS,
    REQUEST_OPENERS,
    SENSITIVE,
    stem,
)

TEXT_LIMIT = 10_000
MAX_SENTENCES = 60
DOUBT = 0.60
"""What a match with anything unexplained in it reaches at most."""
CEILING = 0.98
FLOOR = 0.35
"""Under it the answer is `none of these`."""

_SENTENCE = re.compile(r"(?<=[.!?;\u3002\uff1f\uff01])\s+|\n\s*\n|\n(?=\s*[-*\u2022\d]+[.)]?\s)|(?<=[?!])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_GREETING = re.compile(
    r"(?i)^\W*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings|to whom it may concern)\b[^?]{0,60}$"
)
_FAREWELL = re.compile(
    r"(?i)^\W*(?:many thanks|thanks?|thank you|cheers|(?:best|kind|warm)(?:est)? (?:regards|wishes)|regards|yours|best|"
    r"sincerely|looking forward|have a)\b[^?]{0,80}$"
)


@dataclass(frozen=True)
class Match:
    """The matcher's answer."""

    entry: Entry | None
    """None: none of these."""
    confidence: float
    """0 to 1, of `entry`; for none of these, how sure that is."""
    runner_up: str = ""
    several: bool = False
    """More is asked than one entry answers."""
    orders_to_machine: bool = False
    words: tuple[str, ...] = ()
    """Words that spoke for the entry."""
    unexplained: tuple[str, ...] = ()
    """Words that the entry does not explain."""


@dataclass(frozen=True)
class _Fit:
    entry: Entry
    score: float
    words: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()


class _Known:
    """One entry as the matcher knows it."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.for_people = entry.requested_action not in {"reply", "ask"}
        self.examples = [frozenset(_terms(example)) for example in entry.examples]
        self.words = frozenset(word for example in self.examples for word in example) | frozenset(
            word for phrase in entry.trigger for word in _terms(phrase)
        )
        self.said = frozenset(token for example in entry.examples for token in _tokens(example))
        self.triggers = [tuple(stem(token) for token in _tokens(phrase)) for phrase in entry.trigger]
        self.values = [
            re.compile(rf"(?<![\w-]){one.pattern}(?![\w-])") for one in entry.variables.values() if one.source == "mail"
        ]

    def triggered(self, tokens: Sequence[str]) -> list[str]:
        """The trigger phrases that stand in the tokens (stems), in order and together."""
        stems = [stem(token) for token in tokens]
        return [
            " ".join(phrase)
            for phrase in self.triggers
            if any(tuple(stems[at : at + len(phrase)]) == phrase for at in range(len(stems) - len(phrase) + 1))
        ]

    def without_values(self, text: str) -> str:
        for pattern in self.values:
            text = pattern.sub(" ", text)
        return text


def match(subject: str, text: str, playbook: Playbook) -> Match:
    """Find the entry that answers this mail."""
    known, weights = _index(playbook)
    subject, body = _fold(subject[:300]), _fold(text[:TEXT_LIMIT])
    ordered = MACHINE_ORDERS.search(f"{subject}\n{body}") is not None
    whole = _tokens(f"{subject}\n{body}")
    people = _for_people(known, whole)
    if people is not None:
        return _with(people, several=False, ordered=ordered)
    requests, background = _requests(body)
    if not requests and _tokens(body):
        requests, background = [body], []
    if not requests:
        requests = [subject] if _tokens(subject) else []
    rest = " ".join([*background, subject])
    if not requests or not _is_english(whole):
        return Match(None, 0.9 if not whole else 0.6, orders_to_machine=ordered)
    best, second = _best(known, weights, requests, rest)
    several = _is_several(known, weights, requests)
    if MISLEADING.search(body):
        best = _Fit(best.entry, min(best.score, DOUBT), best.words, best.unexplained)
    found = _with(best, several=several, ordered=ordered)
    return Match(
        found.entry,
        found.confidence,
        second.entry.intent if second and second.score >= FLOOR else "",
        several,
        ordered,
        found.words,
        found.unexplained,
    )


def _index(playbook: Playbook) -> tuple[tuple[_Known, ...], dict[str, float]]:
    found = _INDEXES.get(playbook.version)
    if found is None:
        known = tuple(_Known(entry) for entry in playbook.entries)
        count = Counter(word for one in known for word in one.words)
        found = known, {word: math.log(1 + len(known) / seen) for word, seen in count.items()}
        _INDEXES.clear()
        _INDEXES[playbook.version] = found
    return found


_INDEXES: dict[str, tuple[tuple[_Known, ...], dict[str, float]]] = {}
"""The index of the playbook in use; building it costs milliseconds, which every mail would pay."""


def _with(fit: _Fit, *, several: bool, ordered: bool) -> Match:
    score = min(fit.score, DOUBT) if several or ordered else fit.score
    if score < FLOOR:
        return Match(None, round(1 - score, 2), several=several, orders_to_machine=ordered, unexplained=fit.unexplained)
    return Match(fit.entry, round(min(score, CEILING), 2), "", several, ordered, fit.words, fit.unexplained)


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("\u2018", "'")
    return "".join(one for one in unicodedata.normalize("NFD", folded) if not unicodedata.combining(one))


def _tokens(text: str) -> list[str]:
    return [token.lower().replace("'", "") for token in _WORD.findall(_fold(text))]


def _terms(text: str) -> list[str]:
    """Stems of the words that carry content."""
    return [stem(token) for token in _tokens(text) if token not in NEUTRAL or token in SENSITIVE]


def _sentences(body: str) -> list[str]:
    joined = re.sub(r"(?<=[^\n.!?:;])\n(?=[^\n])", " ", body)
    return [one.strip() for one in _SENTENCE.split(joined) if one and one.strip()][:MAX_SENTENCES]


def _requests(body: str) -> tuple[list[str], list[str]]:
    """The sentences that ask or order something, and the others without greeting and farewell."""
    requests: list[str] = []
    background: list[str] = []
    for sentence in _sentences(body):
        if _GREETING.match(sentence) or _FAREWELL.match(sentence):
            continue
        asks = (
            "?" in sentence
            or REQUEST_OPENERS.match(sentence)
            or REQUEST_MARKS.search(sentence)
            or ORDERS.match(sentence)
            or FURTHER.match(sentence)
        )
        (requests if asks and _carries(sentence) else background).append(sentence)
    return requests, background


def _carries(sentence: str) -> bool:
    """False for `Could you please help me?`: it asks, but says nothing."""
    return bool(_terms(sentence))


def _is_english(tokens: Iterable[str]) -> bool:
    """At least a fifth of the words are such that only English texts are full of."""
    words = list(tokens)
    common = sum(word in _ENGLISH for word in words)
    return len(words) <= 3 or common >= max(1, len(words) // 5)


_ENGLISH = frozenset(
    "the is are do does you your i we a an of to in on at for and or my have has can could would what when how where which it that this with be was please".split()  # noqa: SIM905, E501 (a list of words reads better as words)
)


def _for_people(known: Sequence[_Known], tokens: Sequence[str]) -> _Fit | None:
    """The entry for people with the most trigger words in the mail, if any has one."""
    fits = [(one.triggered(tokens), one) for one in known if one.for_people]
    hits, best = max(fits, key=lambda fit: len(fit[0]), default=([], None))
    if best is None or not hits:
        return None
    return _Fit(best.entry, 1 - 0.45 ** (len(hits) + 0.5), tuple(hits))


def _best(
    known: Sequence[_Known], weights: dict[str, float], requests: Sequence[str], rest: str
) -> tuple[_Fit, _Fit | None]:
    """The two entries that explain the worst explained request best."""
    fits = []
    asked = _tokens(" ".join(requests))
    for one in known:
        if one.for_people:
            continue
        each = [_fit(one, weights, request, asked) for request in requests]
        worst = min(each, key=lambda fit: fit.score)
        words = tuple(dict.fromkeys(word for fit in each for word in fit.words))
        score = worst.score
        if _unsettling(one, rest):
            score = min(score, DOUBT)
        fits.append(_Fit(one.entry, score, words, worst.unexplained))
    fits.sort(key=lambda fit: fit.score, reverse=True)
    if not fits:
        return _Fit(known[0].entry, 0.0), None
    first, second = fits[0], fits[1] if len(fits) > 1 else None
    if second is not None and second.score > first.score - 0.1 and second.entry.intent != first.entry.intent:
        first = _Fit(first.entry, min(first.score, DOUBT), first.words, first.unexplained)
    return first, second


def _unsettling(one: _Known, rest: str) -> bool:
    """The background says something that changes what is asked, and the entry's own customers never said it."""
    return any(token in SENSITIVE and token not in one.said and token not in _MILD for token in _tokens(rest))


_MILD = frozenset("my mine own already again still yet told said i'm im invoice account".split())  # noqa: SIM905
"""Sensitive in a question, ordinary in the story around it."""


def _fit(one: _Known, weights: dict[str, float], request: str, asked: Sequence[str]) -> _Fit:
    """How well the entry explains one sentence; a trigger word may stand in any of the mail's requests."""
    tokens = _tokens(one.without_values(request))
    content = [token for token in tokens if token not in NEUTRAL or token in SENSITIVE]
    stems = [stem(token) for token in content]
    heavy = max(weights.values(), default=1.0)
    explained = [word for word in stems if word in one.words]
    unexplained = tuple(word for word in stems if word not in one.words)
    if not one.triggered(asked):
        return _Fit(one.entry, 0.25 * len(explained) / max(1, len(stems)), (), unexplained)
    total = sum(weights.get(word, heavy) for word in stems)
    coverage = sum(weights[word] for word in explained) / total if total else 0.0
    likeness = max((_likeness(frozenset(stems), example) for example in one.examples), default=0.0)
    score = 0.30 + 0.50 * coverage**2 + 0.20 * min(1.0, likeness / 0.6)
    changed = any(token in SENSITIVE and token not in one.said for token in content)
    digits = any(any(character.isdigit() for character in token) for token in content if stem(token) not in one.words)
    if changed or digits:
        score = min(score, DOUBT)
    return _Fit(one.entry, score, tuple(dict.fromkeys(explained)), unexplained)


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Dice coefficient of two sets of stems."""
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0


def _is_several(known: Sequence[_Known], weights: dict[str, float], requests: Sequence[str]) -> bool:
    """Two requests whose best entries differ, each well explained."""
    intents = set()
    asked = _tokens(" ".join(requests))
    for request in requests:
        fits = [_fit(one, weights, request, asked) for one in known if not one.for_people]
        best = max(fits, key=lambda fit: fit.score, default=None)
        if best is not None and best.score >= DOUBT:
            intents.add(best.entry.intent)
        elif len(requests) > 1:
            intents.add("")
    return len(intents) > 1
