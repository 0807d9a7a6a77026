"""The Responses dialect: our items to the shapes of `POST /v1/responses` and back. Pure.

Rules:
- The whole input is sent each turn, and nothing is stored at the vendor.
- An answer is read from its JSON by hand: id and usage survive whatever is wrong with the rest.
- Items of a kind that we do not know (reasoning, say) are kept as they came and handed back unchanged. Only a reasoning
  item that holds nothing but its id is left out: a server that stored nothing does not know the id.
"""

from __future__ import annotations

from typing import Any

from agent.models.answered import known
from agent.models.base import FunctionCall, FunctionOutput, Item, Message, ModelAnswer, ModelRequest, Opaque, ToolSpec
from agent.models.bounds import MAX_ITEMS
from agent.models.settings import ModelSettings
from agent.models.trouble import error_words, one_line


def body(request: ModelRequest, settings: ModelSettings) -> dict[str, Any]:
    """The arguments of `responses.create`."""
    found: dict[str, Any] = {
        "model": settings.name,
        "instructions": request.instructions,
        "input": [sent for item in request.items if (sent := _sent(item)) is not None],
        "store": False,
        "max_output_tokens": settings.max_output_tokens,
    }
    if request.tools:
        found["tools"] = [_tool(tool) for tool in request.tools]
    if request.output_schema is not None:
        schema = {"type": "json_schema", "name": request.purpose, "schema": request.output_schema, "strict": True}
        found["text"] = {"format": schema}
    if settings.keep_reasoning:
        found["include"] = ["reasoning.encrypted_content"]
    if settings.temperature is not None:
        found["temperature"] = settings.temperature
    return found


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": True,
    }


def _sent(item: Item) -> dict[str, Any] | None:
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
            empty = not any(raw.get(name) for name in ("encrypted_content", "content", "summary"))
            foreign = "type" not in raw  # what another dialect kept
            return None if foreign or (raw["type"] == "reasoning" and empty) else raw


def answer(data: dict[str, Any], settings: ModelSettings) -> ModelAnswer:
    """What the server said; `failed` where it cannot be read."""
    told = known(data, settings.name, "input_tokens", "output_tokens")
    key = settings.api_key.get_secret_value()
    output, status = data.get("output"), data.get("status")
    if status == "incomplete":
        detail = _within(data.get("incomplete_details"), "reason") or "it was cut off"
        return ModelAnswer(status="incomplete", detail=detail, **told)
    problem = ""
    if status != "completed":
        problem = one_line(error_words(data)[1], hide=key) or f"its status is {one_line(status, 40)!r}"
    elif not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
        problem = "the answer has no output"
    elif len(output) > MAX_ITEMS:
        problem = f"it has {len(output)} items, {MAX_ITEMS} are the most"
    elif refusal := next(filter(None, (_refusal(item, key) for item in output)), ""):
        return ModelAnswer(status="refused", detail=refusal, **told)
    else:
        try:
            return ModelAnswer(status="completed", items=tuple(_read(item) for item in output), **told)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"an item cannot be read: {type(error).__name__}"
    return ModelAnswer(status="failed", detail=problem, **told)


def _read(item: dict[str, Any]) -> Item:
    match item["type"]:
        case "message" if all(part["type"] == "output_text" for part in item["content"]):
            return Message(role="assistant", text="".join(part["text"] for part in item["content"]))
        case "function_call":
            return FunctionCall(call_id=item["call_id"], name=item["name"], arguments=item["arguments"])
        case str():
            return Opaque(raw=item)
    raise TypeError("an item's type is no text")


def _refusal(item: dict[str, Any], key: str) -> str:
    parts = item.get("content") if item.get("type") == "message" else None
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, dict) and part.get("type") == "refusal":
            return one_line(part.get("refusal"), hide=key) or "it refused"
    return ""


def _within(value: object, key: str) -> str:
    return one_line(value.get(key)) if isinstance(value, dict) else ""
