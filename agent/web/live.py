"""Tells open pages that something changed: server-sent events.

Rules:
- One look at the database serves all listeners, and there is none while nobody listens; what is said is only that
  something changed, so a stream holds no words of any mail.
- Every change that counts leaves an audit row, so the newest one's time says whether there was any.
- A stream ends by itself; the browser opens another. There are so many at most, and none outlives the service.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from agent.parts import Parts
from agent.store import trail

LOOK_SECONDS = 1.0
STREAM_SECONDS = 300.0
PING_SECONDS = 20.0
MOST_STREAMS = 100
"""Of one process: the server takes 200 requests at once."""

log = structlog.get_logger()


class Live:
    """The listeners of one desk."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._changed = asyncio.Condition()
        self._listeners = 0
        self._looking: asyncio.Task[None] | None = None
        self._mark = 0
        self._closed = False

    async def events(self, _request: Request) -> Response:
        """A stream for one page."""
        if self._closed or self._listeners >= MOST_STREAMS:
            return PlainTextResponse(
                "Too many pages listen; this one shows what is new when it is loaded again.\n", 503
            )
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    async def close(self) -> None:
        """End all streams."""
        self._closed = True
        async with self._changed:
            self._changed.notify_all()
        if self._looking is not None:
            self._looking.cancel()

    async def _tell(self) -> None:
        async with self._changed:
            self._mark += 1
            self._changed.notify_all()

    async def _stream(self) -> AsyncIterator[bytes]:
        self._listeners += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="live")
        loop = asyncio.get_running_loop()
        ends, seen = loop.time() + STREAM_SECONDS, self._mark
        try:
            yield b"retry: 3000\n\n"
            while not self._closed and loop.time() < ends:
                await self._news(seen)
                yield b": still here\n\n" if self._mark == seen else b"event: changed\ndata: 1\n\n"
                seen = self._mark
        finally:
            self._listeners -= 1

    async def _news(self, seen: int) -> None:
        """Wait for a change after `seen`, or until it is time for a sign of life."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PING_SECONDS), self._changed:
                await self._changed.wait_for(lambda: self._closed or self._mark != seen)

    async def _look(self) -> None:
        """Look while anybody listens."""
        newest: tuple[datetime | None, int] | None = None
        while self._listeners and not self._closed:
            try:
                async with self._parts.database.read() as tx:
                    found = await trail.newest(tx)
            except Exception as error:  # noqa: BLE001 (the next look tries again)
                log.warning("live.not_looked", error=type(error).__name__)
            else:
                if newest not in {None, found}:
                    await self._tell()
                newest = found
            await asyncio.sleep(LOOK_SECONDS)
