"""The chat dialect, for servers without /v1/responses: our items to `POST /v1/chat/completions` and back. Pure.

Rules:
- The same protocol, the same tests: what differs is the wire.
- Calls of one turn stand in one assistant message, and their outputs follow it, as this dialect demands.
- What a server adds to its messages beyond text and calls (reasoning, say) is handed back unchanged where
  `keep_reasoning` asks for it, and dropped elsewhere: some servers want it back, others refuse it.
"""

from __future__ import annotations

from typing import Any

from agent.models.answered import known
from agent.models.base import FunctionCall, FunctionOutput, Item, Message, ModelAnswer, ModelRequest, Opaque
from agent.models.bounds import MAX_ITEMS
from agent.models.settings import ModelSettings
from agent.models.trouble import error_words, one_line

_KEPT = "chat_message"
"""Under this key stands what a server added to its message. No item of the other dialect has it."""
_READ = {"role", "content", "tool_calls", "refusal", "function_call", "annotations", "audio", "name"}


def body(request: ModelRequest, settings: ModelSettings) -> dict[str, Any]:
    """The arguments of `chat.completions.create`."""
    found: dict[str, Any] = {
        "model": settings.name,
        "messages": [{"role": "system", "content": request.instructions}, *_messages(request, settings)],
    }
    if settings.base_url:
        found["max_tokens"] = settings.max_output_tokens
    else:  # OpenAI's own reasoning models refuse the old name, and other servers do not know the new one
        found |= {"max_completion_tokens": settings.max_output_tokens, "store": False}
    if request.tools:
        found["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                    "strict": True,
                },
            }
            for tool in request.tools
        ]
    if request.output_schema is not None:
        schema = {"name": request.purpose, "schema": request.output_schema, "strict": True}
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    if settings.temperature is not None:
        found["temperature"] = settings.temperature
    return found


def _messages(request: ModelRequest, settings: ModelSettings) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for item in request.items:
        match item:
            case FunctionCall(call_id=call_id, name=name, arguments=arguments):
                if not found or found[-1]["role"] != "assistant":
                    found.append({"role": "assistant", "content": None})
                call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
                found[-1].setdefault("tool_calls", []).append(call)
            case FunctionOutput(call_id=call_id, output=output):
                found.append({"role": "tool", "tool_call_id": call_id, "content": output})
            case Message(role="assistant", text=text) if found and found[-1].get("content", "") is None:
                found[-1]["content"] = text  # of the message that was opened for what the server added
            case Message(role=role, text=text):
                found.append({"role": role, "content": text})
            case Opaque(raw=raw) if _KEPT in raw and settings.keep_reasoning:
                found.append({**raw[_KEPT], "role": "assistant", "content": None})
    return found


def answer(data: dict[str, Any], settings: ModelSettings) -> ModelAnswer:
    """What the server said; `failed` where it cannot be read."""
    told = known(data, settings.name, "prompt_tokens", "completion_tokens")
    key = settings.api_key.get_secret_value()
    if "choices" not in data and (said := one_line(error_words(data)[1], hide=key)):
        return ModelAnswer(status="failed", detail=said, **told)
    try:
        choice = data["choices"][0]
        message, reason = choice["message"], choice.get("finish_reason")
        if refusal := one_line(message.get("refusal"), hide=key):
            return ModelAnswer(status="refused", detail=refusal, **told)
        if reason == "content_filter":
            return ModelAnswer(status="refused", detail="the server's filter refused it", **told)
        if reason == "length":
            return ModelAnswer(status="incomplete", detail="max_output_tokens", **told)
        items = _items(message, keep=settings.keep_reasoning)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        detail = f"the answer cannot be read: {type(error).__name__}"
        return ModelAnswer(status="failed", detail=detail, **told)
    return ModelAnswer(status="completed", items=tuple(items), **told)


def _items(message: dict[str, Any], *, keep: bool) -> list[Item]:
    """Text, calls and, where they are kept, further fields. Raises for what has not the form of a message."""
    items: list[Item] = []
    more = {name: value for name, value in message.items() if name not in _READ and value}
    if keep and more:
        items.append(Opaque(raw={_KEPT: more}))
    if text := message.get("content"):
        items.append(Message(role="assistant", text=text))
    calls = message.get("tool_calls") or ()
    if len(calls) > MAX_ITEMS:
        raise ValueError(f"{len(calls)} calls")
    items += [
        FunctionCall(call_id=_id(call), name=call["function"]["name"], arguments=call["function"]["arguments"])
        for call in calls
    ]
    return items


def _id(call: dict[str, Any]) -> str:
    """Of a call; empty where the server gives none, or a number: it gets one of ours then."""
    found = call.get("id")
    return "" if found is None or isinstance(found, int) else found
