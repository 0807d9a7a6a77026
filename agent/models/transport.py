"""The wire below the SDK: where it may lead, what goes along, how much comes back.

Rules:
- Only the headers that a call needs leave this process, with the configured key or none: what the SDK takes from the
  environment besides (organisation, project, further headers, another key) stays here.
- An answer has a most of bytes, and comes unpacked: what is packed has no length before it is unpacked.
- No redirect is followed, and no proxy of the environment is used.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from itertools import count

import httpx2

MAX_BYTES = 2_000_000
"""Of an answer's body."""
POOL = 32
"""Connections of one pool."""
_SENT = {"host", "accept", "connection", "content-type", "content-length", "transfer-encoding", "user-agent"}


class UnfitAnswerError(httpx2.TransportError):
    """What comes is no answer, however long one waits for it."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, done: Callable[[], None]) -> None:
        self._inner = inner
        self._done = done

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for piece in self._inner:
            length += len(piece)
            if length > MAX_BYTES:
                raise UnfitAnswerError(f"the answer has more than {MAX_BYTES:,} bytes")
            yield piece

    async def aclose(self) -> None:
        self._done()
        await self._inner.aclose()


class _Pool:
    """Some of the connections. A pool looks at each of its own for each request, so that one for all would be slow."""

    def __init__(self, context: ssl.SSLContext) -> None:
        limits = httpx2.Limits(max_connections=POOL, max_keepalive_connections=POOL)
        self.transport = httpx2.AsyncHTTPTransport(limits=limits, verify=context, trust_env=False)
        self.asked: set[int] = set()
        """Requests that have no whole answer yet."""


class _Transport(httpx2.AsyncBaseTransport):
    def __init__(self, *, key: str, connections: int) -> None:
        context = httpx2.create_ssl_context(trust_env=False)
        self._pools = [_Pool(context) for _ in range(-(-connections // POOL))]
        self._key = key
        self._number = count()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name: value for name, value in request.headers.items() if name in _SENT}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        headers["accept-encoding"] = "identity"
        # A request of its own: the SDK goes by the headers of the one that it made.
        bare = httpx2.Request(
            request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
        )
        pool, number = min(self._pools, key=lambda one: len(one.asked)), next(self._number)
        pool.asked.add(number)
        try:
            got = await pool.transport.handle_async_request(bare)
        except BaseException:
            pool.asked.discard(number)
            raise
        if isinstance(got.stream, httpx2.AsyncByteStream):
            got.stream = _Bounded(got.stream, lambda: pool.asked.discard(number))
        if got.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            await got.aclose()
            raise UnfitAnswerError("the answer is packed, which was not asked for")
        return got

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.transport.aclose()


def open_client(*, key: str, connections: int, connect_seconds: float, read_seconds: float) -> httpx2.AsyncClient:
    """A client for one model server, for at least so many connections at once."""
    timeout = httpx2.Timeout(read_seconds, connect=connect_seconds)
    transport = _Transport(key=key, connections=connections)
    return httpx2.AsyncClient(transport=transport, follow_redirects=False, trust_env=False, timeout=timeout)
