"""Any server that speaks OpenAI's protocol, through the openai SDK: OpenAI, Ollama, vLLM, llama.cpp.

Rules:
- One client for the whole process, made when a service starts or it is first needed, closed with the service.
- Time is bounded in all, not between two bytes: an answer that trickles in is none.
- Tries are bounded. What may be over in a while is ModelUnavailableError, with how long the server wants to be left
  alone; a request that the server finds wrong, or an answer that is none, is a failed answer.
- The answer's JSON is read by hand, so that id and usage survive what is wrong with it.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from agent.models import answered, chat, responses, trouble
from agent.models.base import ModelAnswer, ModelRequest, ModelUnavailableError, Usage
from agent.models.settings import ModelSettings
from agent.models.trouble import SHORT_SECONDS, Trouble, error_words, of_status, one_line

if TYPE_CHECKING:
    import openai

HOSTED = "https://api.openai.com/v1"

log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


class OpenAIModel:
    """A `Model` over HTTP."""

    def __init__(
        self,
        settings: ModelSettings,
        *,
        concurrency: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.name = f"openai {settings.name}"
        self._settings = settings
        self._chat = settings.dialect == "chat"
        self._key = settings.api_key.get_secret_value()
        self._host = urlsplit(settings.base_url or HOSTED).netloc
        self._connections = concurrency + 8
        self._sleep = sleep
        self._now = now
        self._client: openai.AsyncOpenAI | None = None

    def load(self) -> None:
        """Import the SDK and open the client: a second or so, which a service spends in a thread before it is up."""
        client = self._opened()
        _ = client.chat.completions.with_raw_response if self._chat else client.responses.with_raw_response

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        make, read = (chat.body, chat.answer) if self._chat else (responses.body, responses.answer)
        body = make(request, self._settings)
        got = await self._answered(body)
        if isinstance(got, Trouble):
            return self._without_answer(got)
        data = answered.read(got)
        if data is None:
            unread = "the answer is no sound JSON object"
            said = ModelAnswer(id="", model=self.name, status="failed", detail=unread)
        else:
            said = read(data, self._settings)
        if said.usage != Usage():
            return said
        return said.model_copy(update={"usage": answered.guessed(len(json.dumps(body)), len(got))})

    async def _answered(self, body: dict[str, Any]) -> bytes | Trouble:
        """Ask until there is an answer, or trouble that a further try does not end."""
        for tried in range(self._settings.max_retries):
            got = await self._try(body)
            if not isinstance(got, Trouble) or not got.at_once or (pause := got.pause(tried)) > SHORT_SECONDS:
                return got
            await self._sleep(pause * random.uniform(1.0, 1.25))
        return await self._try(body)

    async def _try(self, body: dict[str, Any]) -> bytes | Trouble:
        """Ask once; gives the answer's bytes, or why there are none."""
        import openai

        limit = self._settings.connect_timeout_seconds + self._settings.read_timeout_seconds
        try:
            async with asyncio.timeout(limit):
                return await self._ask(body)
        except TimeoutError:
            return Trouble(f"it gave no whole answer within {limit:g} s")
        except openai.APIStatusError as error:
            code, said = error_words(error.body)
            after = trouble.retry_after(error.response.headers, self._now())
            return of_status(error.status_code, code, one_line(said, hide=self._key), after)
        except openai.OpenAIError as error:
            return self._unreached(error)

    def _unreached(self, error: Exception) -> Trouble:
        import httpx2

        from agent.models.transport import UnfitAnswerError

        cause = error.__cause__ or error
        if isinstance(cause, UnfitAnswerError):
            return Trouble(str(cause), waits=False)
        if isinstance(cause, httpx2.TimeoutException) and not isinstance(cause, httpx2.ConnectTimeout):
            return Trouble(f"it gave no answer within {self._settings.read_timeout_seconds:g} s")
        what = one_line(str(cause), 100, hide=self._key)
        return Trouble(f"the connection failed: {type(cause).__name__} {what}".rstrip(), at_once=True)

    async def _ask(self, body: dict[str, Any]) -> bytes:
        client = self._opened()
        # As extra_body it goes as it is: what the SDK does to arguments takes milliseconds for a run of many turns.
        if self._chat:
            raw = client.chat.completions.with_raw_response
            return (await raw.create(model=self._settings.name, messages=[], extra_body=body)).http_response.content
        return (await client.responses.with_raw_response.create(extra_body=body)).http_response.content

    def _opened(self) -> openai.AsyncOpenAI:
        if self._client is None:
            import openai

            from agent.models.transport import open_client

            settings = self._settings
            self._client = openai.AsyncOpenAI(
                api_key=self._key or "none",  # it wants one; what is sent is the transport's
                base_url=settings.base_url or HOSTED,
                max_retries=0,  # tries are counted here
                http_client=open_client(
                    key=self._key,
                    connections=self._connections,
                    connect_seconds=settings.connect_timeout_seconds,
                    read_seconds=settings.read_timeout_seconds,
                ),
            )
        return self._client

    def _without_answer(self, got: Trouble) -> ModelAnswer:
        """A failed answer; raises ModelUnavailableError where it is worth to wait."""
        what = f"the model server at {self._host}: {got.reason}"
        log.error("model.no_answer", what=what, waits=got.waits)
        if got.waits:
            raise ModelUnavailableError(what, after=timedelta(seconds=got.after or 0.0))
        return ModelAnswer(id="", model=self.name, status="failed", detail=what)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None
