"""Ids of a run's tool calls, each of them once. Pure.

Rules:
- Outputs go back by the id of their call: one that is empty, or was there before in the run, could not be answered.
  Such a call gets an id of ours; servers without ids, or that count anew in each answer, are understood so.
- An id of ours has nine letters and digits: servers that bound what an id may be take it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from agent.models.base import FunctionCall, Item, ModelAnswer


def distinct(answer: ModelAnswer, before: Iterable[Item]) -> ModelAnswer:
    """The answer with an id of its own for each call; `before` are the run's items so far."""
    known = {item.call_id for item in before if isinstance(item, FunctionCall)}
    items: list[Item] = []
    for item in answer.items:
        if not isinstance(item, FunctionCall):
            items.append(item)
            continue
        call_id = item.call_id if item.call_id and item.call_id not in known else _fresh(known)
        known.add(call_id)
        items.append(item.model_copy(update={"call_id": call_id}))
    return answer.model_copy(update={"items": tuple(items)})


def _fresh(known: set[str]) -> str:
    n = len(known)
    while (found := hashlib.sha256(f"call {n}".encode()).hexdigest()[:9]) in known:
        n += 1
    return found
