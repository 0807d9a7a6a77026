"""Any server that speaks OpenAI's protocol, through the openai SDK: OpenAI, Ollama, vLLM, llama.cpp.

Rules:
- One client for the whole process; connections only to `base_url`'s host, no redirect is followed, no proxy of the
  environment is used.
- Time, retries and the bytes of an answer are bounded. Retry-After is honoured by the SDK, up to a minute.
- What may be over in a while (no connection, 408, 409, 429, 5xx, a key that is refused, a model that is not there) is
  ModelUnavailableError: the mail waits. A request that the server finds wrong is a failed answer, and a person's.
- The answer's JSON is read by hand, so that id and usage survive what is wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import structlog

from agent.models import chat, responses
from agent.models.base import ModelAnswer, ModelRequest, ModelUnavailableError
from agent.models.settings import ModelSettings

MAX_BYTES = 4_000_000
"""Of an answer's body."""
HOSTED = "https://api.openai.com/v1"
OPERATORS = {
    401: "it refused the key: set OPENAI_API_KEY, or model.api_key_file",
    403: "it refused the key's rights",
    404: "it knows no such model or no such dialect: look at model.name, model.base_url and model.dialect",
}
"""What an operator can mend; the mail waits meanwhile."""
TEMPORARY = {408, 409, 425, 429, *OPERATORS}

log = structlog.get_logger()


class _TooLongError(httpx2.TransportError):
    """The answer is longer than any answer to us is."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for piece in self._inner:
            length += len(piece)
            if length > MAX_BYTES:
                raise _TooLongError(f"the answer has more than {MAX_BYTES:,} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    """Ends an answer that does not end by itself."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # A packed answer would have to be unpacked before it is known how long it is.
        request.headers["Accept-Encoding"] = "identity"
        got = await super().handle_async_request(request)
        if isinstance(got.stream, httpx2.AsyncByteStream):
            got.stream = _Bounded(got.stream)
        return got


class OpenAIModel:
    """A `Model` over HTTP."""

    def __init__(self, settings: ModelSettings, *, concurrency: int) -> None:
        self.name = f"openai {settings.name}"
        self._settings = settings
        self._body, self._read = (
            (chat.body, chat.answer) if settings.dialect == "chat" else (responses.body, responses.answer)
        )
        timeout = httpx2.Timeout(settings.read_timeout_seconds, connect=settings.connect_timeout_seconds)
        limits = httpx2.Limits(max_connections=2 * concurrency + 10, max_keepalive_connections=concurrency)
        self._client = openai.AsyncOpenAI(
            api_key=settings.api_key.get_secret_value() or "none",
            base_url=settings.base_url or HOSTED,
            timeout=timeout,
            max_retries=settings.max_retries,
            http_client=httpx2.AsyncClient(
                transport=_Transport(limits=limits), follow_redirects=False, trust_env=False, timeout=timeout
            ),
        )

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        try:
            raw = await self._ask(request)
        except openai.APIStatusError as error:
            return self._refused(error.status_code)
        except openai.APIError as error:
            raise ModelUnavailableError(f"the model gave no answer: {type(error).__name__}") from error
        try:
            data = json.loads(raw)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            return ModelAnswer(id="", model=self.name[:100], status="failed", detail="the answer is no JSON object")
        return self._read(data, model=self.name)

    async def _ask(self, request: ModelRequest) -> bytes:
        settings = self._settings
        asked: dict[str, Any] = {**self._body(request), "model": settings.name}
        if settings.dialect == "chat":
            got = await self._client.chat.completions.with_raw_response.create(
                **asked, max_tokens=settings.max_output_tokens
            )
        else:
            if settings.keep_reasoning:
                asked["include"] = ["reasoning.encrypted_content"]
            got = await self._client.responses.with_raw_response.create(
                **asked, max_output_tokens=settings.max_output_tokens
            )
        content: bytes = got.http_response.content
        return content

    def _refused(self, status: int) -> ModelAnswer:
        where = self._settings.base_url or HOSTED
        if status in TEMPORARY or status >= 500:
            said = OPERATORS.get(status, "it has trouble, or too much to do")
            log.error("model.refused", status=status, what=f"the model server at {where}: {said}")
            raise ModelUnavailableError(f"the model server answered {status}: {said}")
        detail = f"the model server answered {status}: it finds the request wrong"
        log.error("model.refused", status=status, what=detail)
        return ModelAnswer(id="", model=self.name[:100], status="failed", detail=detail)

    async def close(self) -> None:
        await self._client.close()
