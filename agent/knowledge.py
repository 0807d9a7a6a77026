"""The house's own texts, ranked for a question in process: the same on both databases, no index to keep.

Rules:
- The texts are the playbook's entries of one mailbox; another mailbox's are out of reach.
- A text is given as it stands, {{fields}} and all, with the file that it is from. A model that answers with one to the
  letter, fields filled with checked values, has that entry's rules; whatever else it writes is free text.
- What a person answers is told as that, without its text.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter

from agent.playbook import Entry, Playbook

TOOL = "search_knowledge"
FOUND = 3
"""Entries that one search gives."""
QUERY = 300
"""Characters of a query that are read."""
FOR_A_PERSON = "Mail of this sort is answered by a person: propose no reply."

_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
"""Scripts that put no space between words."""
MOST_INDEXES = 32
_SATURATION, _LENGTH = 1.2, 0.75
"""The usual constants of Okapi BM25."""


def search(playbook: Playbook, query: str) -> list[Entry]:
    """The entries that share most with the query, best first (Okapi BM25). None that shares nothing."""
    texts, usual, seen = _index(playbook)
    asked = set(_words(query[:QUERY]))

    def score(words: Counter[str]) -> float:
        long = _SATURATION * (1 - _LENGTH + _LENGTH * words.total() / usual)
        return sum(
            math.log(1 + (len(texts) - seen[word] + 0.5) / (seen[word] + 0.5)) * words[word] / (words[word] + long)
            for word in asked & words.keys()
        )

    best = sorted(((score(words), entry) for entry, words in texts), key=lambda one: (-one[0], one[1].id))
    return [entry for points, entry in best[:FOUND] if points > 0]


_Index = tuple[list[tuple[Entry, Counter[str]]], float, Counter[str]]
"""Each entry's words, how many are usual, and in how many entries each stands."""
_INDEXES: dict[str, _Index] = {}
"""Of the playbooks in use: every search would count all words again."""


def _index(playbook: Playbook) -> _Index:
    found = _INDEXES.get(playbook.version)
    if found is None:
        texts = [(entry, Counter(_words(_all(entry)))) for entry in playbook.entries]
        usual = sum(words.total() for _, words in texts) / len(texts)
        found = texts, usual, Counter(word for _, words in texts for word in words)
        if len(_INDEXES) >= MOST_INDEXES:
            _INDEXES.clear()
        _INDEXES[playbook.version] = found
    return found


def _all(entry: Entry) -> str:
    """All words of an entry; what it is about counts twice."""
    return " ".join((entry.intent.replace("_", " "), *entry.trigger, *entry.trigger, *entry.examples, entry.body))


def _words(text: str) -> list[str]:
    """Words without their case; where no spaces part them, each two letters that stand together."""
    found: list[str] = []
    for word in _WORD.findall(text.casefold()):
        for run in _UNSPACED.findall(word):
            found += [run[at : at + 2] for at in range(max(1, len(run) - 1))]
        found += [part for part in _UNSPACED.split(word) if len(part) > 1]
    return found


def told(entries: list[Entry]) -> str:
    """What the tool answers: each entry's intent, text and source."""
    found = [
        {
            "intent": entry.intent,
            "text": _text(entry),
            **({"to ask for what is missing": entry.ask.strip()} if entry.ask else {}),
            "source": f"{entry.id}.md",
        }
        for entry in entries
    ]
    return json.dumps({"success": True, "found": found}, ensure_ascii=False)


def _text(entry: Entry) -> str:
    return entry.body if entry.requested_action in {"reply", "ask"} else FOR_A_PERSON


def texts_in(output: str) -> list[str]:
    """The texts that an answer of the tool gave; none where it was an error."""
    return [one["text"] for one in json.loads(output).get("found", ())]
