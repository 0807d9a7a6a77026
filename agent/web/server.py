"""The desk's HTTP server, in the service's own loop.

Rules:
- The port is bound before anything else starts, so a busy one is said in plain words.
- uvicorn takes no signals here: the service stops its parts in its own order.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp


class DeskPortBusyError(Exception):
    """The desk's port cannot be bound; the message names it and the setting."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int, *, what: str = "the desk", setting: str = "[desk] port") -> socket.socket:
    """Listen on an address; the rest names it for people. Raises DeskPortBusyError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named: else asyncio leaves Nagle on
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(512)  # two sockets can be bound to one port until one of them listens
    except OSError as error:
        found.close()
        raise DeskPortBusyError(
            f"{what} cannot listen on {host}:{port} ({error.strerror}): free the port, or set another one as {setting} "
            "in config.toml"
        ) from error
    return found


def reached_at(listening: socket.socket) -> str:
    """Host and port by which a browser on this machine reaches a bound socket."""
    host, port = listening.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 (every address: loopback is one of them)
        host = "localhost"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@asynccontextmanager
async def serving(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Answer requests on a bound socket until the block ends."""
    config = uvicorn.Config(
        app,
        log_config=None,  # its records go the way of all libraries' (agent.events)
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=3,
        limit_concurrency=200,
        h11_max_incomplete_event_size=32_768,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]), name="desk")
    while not server.started and not task.done():  # noqa: ASYNC110 (uvicorn has a flag and no event)
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task
