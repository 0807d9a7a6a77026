"""The wire below the SDK: where it may lead, what goes along, how much comes back.

Rules:
- Only the headers that a call needs leave this process, with the configured key or none: what the SDK takes from the
  environment besides (organisation, project, further headers, another key) stays here.
- An answer has a most of bytes, and comes unpacked: what is packed has no length before it is unpacked.
- No redirect is followed, and no proxy of the environment is used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

MAX_BYTES = 2_000_000
"""Of an answer's body."""
_SENT = {"host", "accept", "connection", "content-type", "content-length", "transfer-encoding", "user-agent"}


class UnfitAnswerError(httpx2.TransportError):
    """What comes is no answer, however long one waits for it."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for piece in self._inner:
            length += len(piece)
            if length > MAX_BYTES:
                raise UnfitAnswerError(f"the answer has more than {MAX_BYTES:,} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    def __init__(self, *, key: str, limits: httpx2.Limits) -> None:
        super().__init__(limits=limits, trust_env=False)
        self._key = key

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name: value for name, value in request.headers.items() if name in _SENT}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        headers["accept-encoding"] = "identity"
        # A request of its own: the SDK goes by the headers of the one that it made.
        bare = httpx2.Request(
            request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
        )
        got = await super().handle_async_request(bare)
        if got.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            await got.aclose()
            raise UnfitAnswerError("the answer is packed, which was not asked for")
        if isinstance(got.stream, httpx2.AsyncByteStream):
            got.stream = _Bounded(got.stream)
        return got


def open_client(*, key: str, connections: int, connect_seconds: float, read_seconds: float) -> httpx2.AsyncClient:
    """A client for one model server; `connections` at once at most."""
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    timeout = httpx2.Timeout(read_seconds, connect=connect_seconds)
    transport = _Transport(key=key, limits=limits)
    return httpx2.AsyncClient(transport=transport, follow_redirects=False, trust_env=False, timeout=timeout)
