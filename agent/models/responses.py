"""The Responses dialect: our items to the shapes of `POST /v1/responses` and back. Pure.

Rules:
- The whole input is sent each turn, and nothing is stored at the vendor.
- An answer is read from its JSON by hand: id and usage survive whatever is wrong with the rest.
- Items of a kind that we do not know (reasoning, say) are kept as they came and handed back unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent.models.base import (
    FunctionCall,
    FunctionOutput,
    Item,
    Message,
    ModelAnswer,
    ModelRequest,
    Opaque,
    ToolSpec,
    Usage,
)


def body(request: ModelRequest) -> dict[str, Any]:
    """The arguments of `responses.create` apart from the model's name and bounds."""
    found: dict[str, Any] = {
        "instructions": request.instructions,
        "input": [_sent(item) for item in request.items],
        "store": False,
    }
    if request.tools:
        found["tools"] = [_tool(tool) for tool in request.tools]
    if request.output_schema is not None:
        schema = {"type": "json_schema", "name": request.purpose, "schema": request.output_schema, "strict": True}
        found["text"] = {"format": schema}
    return found


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": True,
    }


def _sent(item: Item) -> dict[str, Any]:
    match item:
        case Message(role="assistant", text=text):
            part = {"type": "output_text", "text": text, "annotations": []}
            return {"type": "message", "role": "assistant", "content": [part]}
        case Message(role=role, text=text):
            return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}
        case FunctionCall(call_id=call_id, name=name, arguments=arguments):
            return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
        case FunctionOutput(call_id=call_id, output=output):
            return {"type": "function_call_output", "call_id": call_id, "output": output}
        case Opaque(raw=raw):
            return raw


def answer(data: dict[str, Any], *, model: str) -> ModelAnswer:
    """What the server said; `failed` where it cannot be read."""
    known = {
        "id": text_of(data.get("id"))[:200],
        "model": (text_of(data.get("model")) or model)[:100],
        "usage": usage(data.get("usage"), "input_tokens", "output_tokens"),
    }
    output = data.get("output")
    if not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
        return ModelAnswer(status="failed", detail="the answer has no output", **known)
    status = data.get("status")
    if status == "incomplete":
        why = data.get("incomplete_details")
        detail = text_of(why.get("reason")) if isinstance(why, dict) else ""
        return ModelAnswer(status="incomplete", detail=detail[:300] or "it was cut off", **known)
    if status != "completed":
        why = data.get("error")
        detail = text_of(why.get("message")) if isinstance(why, dict) else ""
        return ModelAnswer(status="failed", detail=detail[:300] or f"its status is {text_of(status)[:40]!r}", **known)
    if refusal := _refusal(output):
        return ModelAnswer(status="refused", detail=refusal[:300], **known)
    try:
        return ModelAnswer(status="completed", items=tuple(_read(item) for item in output), **known)
    except (KeyError, TypeError, ValueError) as error:
        return ModelAnswer(status="failed", detail=f"an item cannot be read: {type(error).__name__}", **known)


def _read(item: dict[str, Any]) -> Item:
    match item.get("type"):
        case "message":
            parts = item["content"]
            said = "".join(part["text"] for part in parts if part.get("type") == "output_text")
            return Message(role="assistant", text=said)
        case "function_call":
            return FunctionCall(call_id=item["call_id"], name=item["name"], arguments=item["arguments"])
        case _:
            return Opaque(raw=item)


def _refusal(output: Iterable[dict[str, Any]]) -> str:
    for item in output:
        parts = item.get("content") if item.get("type") == "message" else None
        for part in parts if isinstance(parts, list) else []:
            if isinstance(part, dict) and part.get("type") == "refusal":
                return text_of(part.get("refusal")) or "it refused"
    return ""


def text_of(value: object) -> str:
    return value if isinstance(value, str) else ""


def usage(data: object, sent: str, written: str) -> Usage:
    """Token counts; what is no sensible number counts as none."""
    found = data if isinstance(data, dict) else {}
    numbers = [found.get(name) for name in (sent, written)]
    clean = [n if isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**31 else 0 for n in numbers]
    return Usage(input_tokens=clean[0], output_tokens=clean[1])
