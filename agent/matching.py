"""Which playbook entry answers a mail, and how sure is that? Pure; the standard library only.

How it judges:
- What asks or orders counts word by word: for high confidence the entry's own words explain each of them, and every
  word that changes a meaning (`MARKED`: who, why, never, yesterday, ...) stands in one of the entry's examples.
- What is told beside the question must be chatter or the entry's own words; a story, a number, an address or trouble
  keeps the confidence under every sensible threshold, and so does an order beside the question.
- Without one of the entry's trigger words a mail is not about it. Of two entries that fit alike neither is sure.
- Entries for people (complaint, legal threat, ...) need no question: their trigger words anywhere are enough, and they
  take the confidence away from all others.
- An entry whose answer waits for a person anyway is guessed by its trigger words alone, where little else is said.
- Text that is not in the playbook's language, or says nothing, is `none of these`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from agent.beside import unsettling
from agent.knowing import Known, content, frames, undenied
from agent.lexicon import MACHINE_ORDERS, MARKED, MISLEADING, NEUTRAL, stem
from agent.playbook import Entry, Playbook
from agent.reading import Reading, Sentence, fold, reading, tokens

TEXT_LIMIT = 10_000
SURE = 0.90
"""From here on nothing was found that speaks against the entry."""
DOUBT = 0.60
"""What a match reaches at most where something speaks against it."""
PARTLY = 0.80
"""What a match reaches at most where words are left that the entry does not explain."""
FLOOR = 0.40
"""Under it the answer is `none of these`."""
GUESSED = 4
"""Words of a request that an entry does not explain, at most, for a guess by its trigger words."""

_ADDRESS = re.compile(r"(?i)\S@\S|https?:|www\.|\b[a-z0-9-]+\.(?:com|net|org|example|info|io|co)\b")


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
    """Words that the entry does not explain, or that speak against it."""


@dataclass(frozen=True)
class _Fit:
    entry: Entry
    score: float
    words: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()


def match(subject: str, text: str, playbook: Playbook) -> Match:
    """Find the entry that answers this mail."""
    known, weights = _index(playbook)
    subject, body = fold(subject[:300]), fold(text[:TEXT_LIMIT])
    ordered = MACHINE_ORDERS.search(f"{subject}\n{body}") is not None
    whole = tokens(f"{subject}\n{body}")
    people = _for_people(known, whole)
    if people is not None:
        return _with(people, several=False, ordered=ordered)
    read = reading(body)
    if not read.asking and not read.telling:
        read = reading(subject)
        subject = ""
    if not whole or not _is_english(whole):
        return Match(None, 0.6 if whole else 0.9, orders_to_machine=ordered)
    fits = _fits(known, weights, read, subject)
    if len(text) > TEXT_LIMIT or read.endless or _ADDRESS.search(body) or MISLEADING.search(body):
        fits = [_Fit(one.entry, min(one.score, DOUBT), one.words, one.unexplained) for one in fits]
    if not fits:
        return Match(None, 0.6, orders_to_machine=ordered)
    if ordered and fits[0].score < SURE:
        return Match(None, 0.6, fits[0].entry.intent, orders_to_machine=True)
    best, second = fits[0], fits[1] if len(fits) > 1 else None
    if second is not None and second.score > best.score - 0.05 and second.entry.intent != best.entry.intent:
        best = _Fit(best.entry, min(best.score, DOUBT), best.words, best.unexplained)
    several = _is_several(known, weights, read, subject)
    runner_up = second.entry.intent if second and second.score >= FLOOR else ""
    return _with(best, several=several, ordered=ordered, runner_up=runner_up)


def _index(playbook: Playbook) -> tuple[tuple[Known, ...], dict[str, float]]:
    found = _INDEXES.get(playbook.version)
    if found is None:
        known = tuple(Known(entry) for entry in playbook.entries)
        count = Counter(word for one in known for word in one.words)
        found = known, {word: math.log(1 + len(known) / seen) for word, seen in count.items()}
        _INDEXES.clear()
        _INDEXES[playbook.version] = found
    return found


_INDEXES: dict[str, tuple[tuple[Known, ...], dict[str, float]]] = {}
"""The index of the playbook in use; building it costs milliseconds, which every mail would pay."""


def _with(fit: _Fit, *, several: bool, ordered: bool, runner_up: str = "") -> Match:
    score = min(fit.score, DOUBT) if several or ordered else fit.score
    if score < FLOOR:
        return Match(None, round(1 - score, 2), runner_up, several, ordered, unexplained=fit.unexplained)
    return Match(fit.entry, math.floor(score * 100) / 100, runner_up, several, ordered, fit.words, fit.unexplained)


def _is_english(words: Sequence[str]) -> bool:
    """At least a quarter of the words are such that English texts are full of them."""
    return len(words) <= 3 or 4 * sum(word in NEUTRAL or word in MARKED for word in words) >= len(words)


def _for_people(known: Sequence[Known], words: Sequence[str]) -> _Fit | None:
    """The entry for people with the most trigger words in the mail, if any has one."""
    fits = [(one.triggered(words), one) for one in known if one.for_people]
    hits, best = max(fits, key=lambda fit: len(fit[0]), default=([], None))
    if best is None or not hits:
        return None
    return _Fit(best.entry, 1 - 0.45 ** (len(hits) + 0.5), tuple(hits))


def _fits(known: Sequence[Known], weights: dict[str, float], read: Reading, subject: str) -> list[_Fit]:
    """Every entry that sends a reply, by how well it explains the worst explained request; the best first."""
    asking = read.asking
    if not any(content(tokens(one.text)) for one in asking):
        # `It has not come. Where is it?`: what is asked stands in what is told.
        everything = " ".join([*read.telling, *(one.text for one in asking)])
        asking = (Sentence(everything, asks=False, orders=False, question_mark=False),) if everything.strip() else ()
    asked = tokens(" ".join([*(one.text for one in asking), subject, *read.telling]))
    fits: list[_Fit] = []
    for one in known:
        if one.for_people or not asking:
            continue
        each = [_fit(one, weights, request, asked) for request in asking]
        worst = min(each, key=lambda fit: fit.score)
        score, against = worst.score, worst.unexplained
        if asking != read.asking:
            score = min(score, DOUBT)
        # A number that the entry has a place for says nothing beside the request.
        beside = [one.without_values(told) for told in read.telling]
        told = unsettling(one, beside, one.without_values(subject)) if score >= SURE else ()
        if told:
            score, against = DOUBT, told
        words = tuple(dict.fromkeys(word for fit in each for word in fit.words))
        fits.append(_Fit(one.entry, score, words, against))
    return sorted(fits, key=lambda fit: fit.score, reverse=True)


def _fit(one: Known, weights: dict[str, float], request: Sentence, asked: Sequence[str]) -> _Fit:
    """How well the entry explains one sentence; a trigger word may stand in any of the mail's requests."""
    valued = one.without_values(request.text)
    plain = one.without_names(valued)
    words = tokens(plain)
    carrying = [word for word in words if word not in NEUTRAL and word not in MARKED]
    explained = [stem(word) for word in carrying if one.explains(word)]
    strange = tuple(word for word in carrying if not one.explains(word))
    against = tuple(word for word in words if word in MARKED and word not in one.said) + undenied(one, words)
    against += tuple(" ".join(frame) for frame in frames(words) if frame not in one.frames)
    if not one.triggered(asked):
        return _Fit(one.entry, 0.25 * len(explained) / max(1, len(carrying)), (), strange)
    heavy = max(weights.values(), default=1.0)
    known = sum(weights.get(word, heavy) for word in explained)
    coverage = known / (known + heavy * len(strange)) if known else 0.0
    # Where most of what is said is strange, the few known words alone are like nothing.
    said = frozenset(explained)
    if len(strange) > 2 * len(explained):
        said |= frozenset(stem(word) for word in strange)
    likeness = max((_likeness(said, example) for example in one.examples), default=0.0)
    score = 0.20 + 0.45 * coverage**2 + 0.20 * likeness
    if not one.entry.auto_send and len(strange) <= GUESSED:
        # What waits for a person anyway may be guessed by its trigger words alone, where little else is said.
        score = max(score, FLOOR)
    spoke = tuple(dict.fromkeys(explained))
    if against or request.orders or not explained:
        return _Fit(one.entry, min(score, DOUBT), spoke, (*against, *strange))
    if strange or (plain == valued and not _is_asked_so(one, words, explained)):
        return _Fit(one.entry, min(score, PARTLY), spoke, strange)
    return _Fit(one.entry, SURE + 0.08 * likeness, spoke)


def _is_asked_so(one: Known, words: Sequence[str], explained: Sequence[str]) -> bool:
    """A question of one word has to be put as an example puts it: `when are you open`, and not `is it open`."""
    if len(set(explained)) > 1:
        return True
    said = frozenset(words)
    return any(len(said & whole) >= 0.5 * len(said | whole) for whole in one.whole)


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Dice coefficient of two sets of stems."""
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0


def _is_several(known: Sequence[Known], weights: dict[str, float], read: Reading, subject: str) -> bool:
    """Two requests whose best entries differ, or one that no entry explains beside one that some does."""
    if len(read.asking) < 2:
        return False
    asked = tokens(" ".join([*(one.text for one in read.asking), subject, *read.telling]))
    intents: set[str] = set()
    for request in read.asking:
        fits = [_fit(one, weights, request, asked) for one in known if not one.for_people]
        best = max(fits, key=lambda fit: fit.score, default=None)
        intents.add(best.entry.intent if best is not None and best.score >= DOUBT else "")
    return len(intents) > 1
