"""The house's own texts, ranked for a question in process: the same on both databases, no index to keep.

The texts are the playbook's entries of one mailbox. A model cites them, or answers with one to the letter; then the
reply counts as that entry's.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter

from agent.playbook import Entry, Playbook

FOUND = 3
"""Entries that one search gives."""
QUERY = 300
"""Characters of a query that are read."""
_WORD = re.compile(r"[^\W_]{2,}")


def search(playbook: Playbook, query: str) -> list[Entry]:
    """The entries that share most with the query, best first; rare words weigh more. None that shares nothing."""
    texts = [(entry, _words(_all(entry))) for entry in playbook.entries]
    seen = Counter(word for _, words in texts for word in words)
    asked = _words(query[:QUERY])
    scores = [(sum(math.log(1 + len(texts) / seen[word]) for word in asked & words), entry) for entry, words in texts]
    best = sorted((one for one in scores if one[0] > 0), key=lambda one: (-one[0], one[1].id))
    return [entry for _, entry in best[:FOUND]]


def _all(entry: Entry) -> str:
    return " ".join((entry.intent, *entry.trigger, *entry.examples, entry.body))


def _words(text: str) -> set[str]:
    return {word.removesuffix("s") for word in _WORD.findall(text.casefold())}


def told(entries: list[Entry]) -> str:
    """What the tool answers: each entry's intent, text and source."""
    found = [
        {"intent": entry.intent, "text": entry.body, "source": f"{entry.id}.md"}
        for entry in entries
        if entry.requested_action in {"reply", "ask"}
    ]
    return json.dumps({"success": True, "found": found}, ensure_ascii=False)
