"""The wire below the SDK: where it may lead, what goes along, how much comes back.

Rules:
- Only the headers that a call needs leave this process, with the configured key or none: what the SDK takes from the
  environment besides (organisation, project, further headers, another key) stays here.
- An answer has a most of bytes, and comes unpacked: what is packed has no length before it is unpacked.
- No redirect is followed, no cookie is kept, and no proxy of the environment is used.
- aiohttp carries the bytes, its parser is in C: a call of the SDK takes two thirds of what it takes with httpcore.
"""

from __future__ import annotations

from typing import Final

import aiohttp
import httpx2
from yarl import URL

MAX_BYTES: Final = 2_000_000
"""Of an answer's body."""
PIECE: Final = 65_536
_SENT = {"accept", "content-type", "user-agent"}


class UnfitAnswerError(httpx2.TransportError):
    """What comes is no answer, however long one waits for it."""


class _Transport(httpx2.AsyncBaseTransport):
    """Opens its session with the first request, in the loop that asks."""

    def __init__(self, *, key: str, connections: int, connect_seconds: float, read_seconds: float) -> None:
        self._connections = connections
        self._key = key
        self._context = httpx2.create_ssl_context(trust_env=False)
        self._timeout = aiohttp.ClientTimeout(sock_connect=connect_seconds, sock_read=read_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name: value for name, value in request.headers.items() if name in _SENT}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        headers["accept-encoding"] = "identity"
        body = await request.aread()
        try:
            return await self._asked(request, headers, body)
        except aiohttp.ServerTimeoutError as error:
            kind = httpx2.ConnectTimeout if isinstance(error, aiohttp.ConnectionTimeoutError) else httpx2.ReadTimeout
            raise kind(str(error), request=request) from error
        except aiohttp.ClientConnectorError as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise httpx2.RemoteProtocolError(str(error), request=request) from error

    async def _asked(self, request: httpx2.Request, headers: dict[str, str], body: bytes) -> httpx2.Response:
        url = URL(str(request.url), encoded=True)
        async with self._opened().request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as got:
            if got.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
                got.close()
                raise UnfitAnswerError("the answer is packed, which was not asked for")
            content = await _bounded(got)
            return httpx2.Response(got.status, headers=list(got.headers.items()), content=content, request=request)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ttl_dns_cache=60, ssl=self._context),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


async def _bounded(got: aiohttp.ClientResponse) -> bytes:
    pieces, length = [], 0
    async for piece in got.content.iter_chunked(PIECE):
        length += len(piece)
        if length > MAX_BYTES:
            got.close()
            raise UnfitAnswerError(f"the answer has more than {MAX_BYTES:,} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def open_client(*, key: str, connections: int, connect_seconds: float, read_seconds: float) -> httpx2.AsyncClient:
    """A client for one model server, for at least so many connections at once."""
    transport = _Transport(key=key, connections=connections, connect_seconds=connect_seconds, read_seconds=read_seconds)
    return httpx2.AsyncClient(transport=transport, follow_redirects=False, trust_env=False, timeout=read_seconds)
