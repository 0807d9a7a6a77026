"""The chat dialect, for servers without /v1/responses: our items to `POST /v1/chat/completions` and back. Pure.

Rules:
- The same protocol, the same tests: what differs is the wire.
- Calls of one turn stand in one assistant message, and their outputs follow it, as this dialect demands.
- What a server adds to its messages beyond text and calls (reasoning, say) is not handed back: others refuse it.
"""

from __future__ import annotations

from typing import Any

from agent.models.base import FunctionCall, FunctionOutput, Item, Message, ModelAnswer, ModelRequest
from agent.models.responses import text_of, usage


def body(request: ModelRequest) -> dict[str, Any]:
    """The arguments of `chat.completions.create` apart from the model's name and bounds."""
    found: dict[str, Any] = {"messages": [{"role": "system", "content": request.instructions}, *_messages(request)]}
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
    return found


def _messages(request: ModelRequest) -> list[dict[str, Any]]:
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
            case Message(role=role, text=text):
                found.append({"role": role, "content": text})
    return found


def answer(data: dict[str, Any], *, model: str) -> ModelAnswer:
    """What the server said; `failed` where it cannot be read."""
    known = {
        "id": text_of(data.get("id"))[:200],
        "model": (text_of(data.get("model")) or model)[:100],
        "usage": usage(data.get("usage"), "prompt_tokens", "completion_tokens"),
    }
    try:
        choice = data["choices"][0]
        message, reason = choice["message"], choice.get("finish_reason")
        if refusal := text_of(message.get("refusal")):
            return ModelAnswer(status="refused", detail=refusal[:300], **known)
        if reason == "content_filter":
            return ModelAnswer(status="refused", detail="the server's filter refused it", **known)
        if reason == "length":
            return ModelAnswer(status="incomplete", detail="max_output_tokens", **known)
        items: list[Item] = []
        if said := text_of(message.get("content")):
            items.append(Message(role="assistant", text=said))
        items += [
            FunctionCall(call_id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
            for call in message.get("tool_calls") or ()
        ]
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        detail = f"the answer cannot be read: {type(error).__name__}"
        return ModelAnswer(status="failed", detail=detail, **known)
    return ModelAnswer(status="completed", items=tuple(items), **known)
