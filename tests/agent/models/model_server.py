"""A model server on loopback that says what a test wants, in both dialects, over real HTTP.

Every request that reaches it, and every sound answer that it gives, is held against the published schema (Open
Responses, OpenAI's chat completions): neither side can drift into a form that only the two of us understand.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import jsonschema  # type: ignore[import-untyped]  # it ships no type hints
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent.models.base import FunctionCall, Item, Message, Opaque
from agent.models.settings import ModelSettings
from agent.web.server import bind, serving
from tests.agent.postroom import free_port

Dialect = Literal["responses", "chat"]


SCHEMAS = {
    "responses": ("openresponses", "CreateResponseBody", "ResponseResource"),
    "chat": ("openai_chat", "CreateChatCompletionRequest", "CreateChatCompletionResponse"),
}
"""A dialect's published document, and what it calls request and answer."""


@cache
def _schema(spec: str, name: str) -> Any:
    document = json.loads(files("llm_comply").joinpath(f"specs/{spec}.json").read_text("utf-8"))
    components = _nullable(document["components"])
    found = {"$ref": f"#/components/schemas/{name}", "components": components}
    return jsonschema.Draft202012Validator(found)


def _nullable(node: Any) -> Any:
    """OpenAPI 3.0 writes `nullable: true` where JSON Schema has a type more."""
    if isinstance(node, list):
        return [_nullable(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: _nullable(one) for name, one in node.items() if name != "nullable"}
    if node.get("nullable") is True:
        return {"anyOf": [found, {"type": "null"}]}
    return found


def wrong(dialect: Dialect, part: Literal["request", "answer"], data: object) -> list[str]:
    """What the published schema says against it."""
    spec, request, answer = SCHEMAS[dialect]
    validator = _schema(spec, request if part == "request" else answer)
    return [f"{part} {'/'.join(map(str, one.path))}: {one.message[:200]}" for one in validator.iter_errors(data)]


@dataclass(frozen=True)
class Says:
    """One turn of the model."""

    items: tuple[Item, ...] = ()
    cut: bool = False
    refusal: str = ""


@dataclass(frozen=True)
class Raw:
    """Whatever else a server may do."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0


Answer = Says | Raw
Script = Callable[[dict[str, Any], int], Answer]
"""The request's body and its number, from 0."""


@dataclass
class ModelServer:
    dialect: Dialect
    script: Script
    port: int = field(default_factory=free_port)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What broke the published schema."""

    def settings(self, **changes: Any) -> ModelSettings:
        given = {
            "kind": "openai",
            "name": "test-model",
            "base_url": f"http://127.0.0.1:{self.port}/v1",
            "dialect": self.dialect,
            "api_key": SecretStr("sk-test"),
            "max_retries": 0,
            "read_timeout_seconds": 5,
        }
        return ModelSettings.model_validate({**given, **changes})

    async def respond(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("authorization", ""))
        self.faults += wrong(self.dialect, "request", body)
        said = self.script(body, len(self.requests) - 1)
        if isinstance(said, Raw):
            await asyncio.sleep(said.wait)
            return Response(said.body, said.status, dict(said.headers), "application/json")
        data = _resource(body, said) if self.dialect == "responses" else _completion(said)
        self.faults += wrong(self.dialect, "answer", data)
        return JSONResponse(data)


@asynccontextmanager
async def model_server(dialect: Dialect, script: Script) -> AsyncIterator[ModelServer]:
    server = ModelServer(dialect, script)
    wrong(dialect, "request", {})  # reads the document now, not while somebody waits for an answer
    path = "/v1/responses" if dialect == "responses" else "/v1/chat/completions"
    app = Starlette(routes=[Route(path, server.respond, methods=["POST"])])
    async with serving(app, bind("127.0.0.1", server.port)):
        yield server
    assert server.faults == []


def _resource(asked: dict[str, Any], said: Says) -> dict[str, Any]:
    output = [_item(item, n) for n, item in enumerate(said.items)]
    if said.refusal:
        part = {"type": "refusal", "refusal": said.refusal}
        output = [{"type": "message", "id": "m", "status": "completed", "role": "assistant", "content": [part]}]
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "completed_at": None if said.cut else 2,
        "status": "incomplete" if said.cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if said.cut else None,
        "model": "test-model-2026",
        "previous_response_id": None,
        "instructions": asked["instructions"],
        "output": output,
        "error": None,
        "tools": asked.get("tools", []),
        "tool_choice": "auto",
        "truncation": "disabled",
        "parallel_tool_calls": True,
        "text": {"format": {"type": "text"}},
        "top_p": 1,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "top_logprobs": 0,
        "temperature": 1,
        "reasoning": None,
        "usage": {
            "input_tokens": 100,
            "output_tokens": 20,
            "total_tokens": 120,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
        "max_output_tokens": asked.get("max_output_tokens"),
        "max_tool_calls": None,
        "store": False,
        "background": False,
        "service_tier": "default",
        "metadata": {},
        "safety_identifier": None,
        "prompt_cache_key": None,
    }


def _item(item: Item, n: int) -> dict[str, Any]:
    match item:
        case Message(text=text):
            part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
            return {"type": "message", "id": f"m{n}", "status": "completed", "role": "assistant", "content": [part]}
        case FunctionCall(call_id=call_id, name=name, arguments=arguments):
            call = {"call_id": call_id, "name": name, "arguments": arguments}
            return {"type": "function_call", "id": f"f{n}", "status": "completed", **call}
        case Opaque(raw=raw):
            return raw
    raise TypeError(type(item).__name__)


def _completion(said: Says) -> dict[str, Any]:
    text = "".join(item.text for item in said.items if isinstance(item, Message))
    calls = [
        {"id": item.call_id, "type": "function", "function": {"name": item.name, "arguments": item.arguments}}
        for item in said.items
        if isinstance(item, FunctionCall)
    ]
    message = {"role": "assistant", "content": text or None, "refusal": said.refusal or None}
    if calls:
        message["tool_calls"] = calls  # type: ignore[assignment]  # a message's values are of many types
    reason = "length" if said.cut else "tool_calls" if calls else "stop"
    return {
        "id": "resp_1",
        "object": "chat.completion",
        "created": 1,
        "model": "test-model-2026",
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }
