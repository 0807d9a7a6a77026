"""What of a model's answer is taken at all. Pure.

Rules:
- A model is assumed to be under the sender's control: whatever it says fits into bounds or counts as no answer.
- What does not fit is not cut to fit: half a call is another call. The answer is `failed`; id and usage survive.
"""

from __future__ import annotations

import json

from agent.models.base import FunctionCall, Message, ModelAnswer, Opaque

MAX_ITEMS = 64
MAX_CHARACTERS = 500_000
"""Of all items of one answer together."""
MAX_CALL_ID = 200
MAX_NAME = 200
"""Of a tool."""


def bounded(answer: ModelAnswer) -> ModelAnswer:
    """The answer, or one that failed because it does not fit."""
    problem = _problem(answer)
    if not problem:
        return answer
    return answer.model_copy(update={"status": "failed", "items": (), "detail": problem})


def _problem(answer: ModelAnswer) -> str:
    if len(answer.items) > MAX_ITEMS:
        return f"it has {len(answer.items)} items, {MAX_ITEMS} are the most"
    if any(not 0 < len(call.call_id) <= MAX_CALL_ID for call in answer.calls):
        return f"a tool call has no id, or one of more than {MAX_CALL_ID} characters"
    if any(not call.call_id.isprintable() or len(call.name) > MAX_NAME for call in answer.calls):
        return f"a tool call has an id with characters that no id has, or a name of more than {MAX_NAME} characters"
    if sum(_length(item) for item in answer.items) > MAX_CHARACTERS:
        return f"it has more than {MAX_CHARACTERS:,} characters"
    return ""


def _length(item: object) -> int:
    match item:
        case Message(text=text):
            return len(text)
        case FunctionCall(call_id=call_id, name=name, arguments=arguments):
            return len(call_id) + len(name) + len(arguments)
        case Opaque(raw=raw):
            return len(json.dumps(raw))
    return 0
