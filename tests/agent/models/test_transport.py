"""Below the SDK: a server on a bare socket that does what no web framework would do."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr

from agent.models.base import MailView, ModelAnswer, ModelUnavailableError
from agent.models.openai import OpenAIModel
from agent.models.settings import ModelSettings
from agent.models.transport import MAX_BYTES
from agent.prompt import run_request
from tests.agent.postroom import CUSTOMER, HOURS, SUPPORT

VIEW = MailView(
    mail_id="m", mailbox=SUPPORT, author=CUSTOMER, author_name="Ann", authenticated=True, subject="?", text=HOURS
)
SOUND = json.dumps({"id": "r", "status": "completed", "output": []}).encode()
Does = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Peer:
    port: int = 0
    heads: list[str] = field(default_factory=list)
    """The header blocks that came, in lower case."""
    open: int = 0
    most: int = 0
    """Connections at once."""


@asynccontextmanager
async def peer(does: Does) -> AsyncIterator[Peer]:
    """A server that reads one request a connection and then does as it is told."""
    known = Peer()

    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.append(task)
        known.open += 1
        known.most = max(known.most, known.open)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            known.heads.append(head)
            length = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length"))
            await reader.readexactly(length)
            await does(writer)
        known.open -= 1
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    known.port = server.sockets[0].getsockname()[1]
    async with server:
        yield known
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def says(body: bytes, *more: str) -> Does:
    async def does(writer: asyncio.StreamWriter) -> None:
        head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Connection: close", *more]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return does


async def ask(at: Peer, **changes: object) -> ModelAnswer:
    given = {"base_url": f"http://127.0.0.1:{at.port}/v1", "max_retries": 0, "read_timeout_seconds": 2, **changes}
    model = OpenAIModel(ModelSettings.model_validate(given), concurrency=1)
    try:
        return await model.respond(run_request(VIEW, ()))
    finally:
        await model.close()


async def test_nothing_of_the_environment_travels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other keys, organisations, headers and proxies of the environment are for other programs."""
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "canary-17")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: canary-17\nAuthorization: Bearer canary-17")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/canary-17")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with peer(says(SOUND)) as at:
        assert (await ask(at)).status == "completed"
        assert (await ask(at, api_key=SecretStr("sk-own"))).status == "completed"
    without, with_key = at.heads
    assert "canary-17" not in without + with_key
    assert "authorization" not in without
    assert "authorization: bearer sk-own" in with_key


async def test_a_packed_answer_is_none() -> None:
    """A few kilobytes would become a hundred thousand: it is refused before a byte of it is unpacked."""
    bomb = gzip.compress(b"[" * 100_000_000, 9)
    assert len(bomb) < MAX_BYTES
    async with peer(says(bomb, "Content-Encoding: gzip")) as at:
        tracemalloc.start()
        said = await ask(at)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (said.status, "packed" in said.detail) == ("failed", True)
    assert most < 50_000_000


async def test_an_answer_without_end_is_cut_off() -> None:
    """More than two million bytes are no answer, and asking again would not make it one."""

    async def does(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{")
        while True:
            writer.write(b" " * 65_536)
            await writer.drain()

    async with peer(does) as at:
        said = await ask(at)
    assert (said.status, "more than 2,000,000 bytes" in said.detail) == ("failed", True)


async def test_an_answer_that_trickles_in_is_none() -> None:
    """A byte now and then keeps no place of a worker longer than the time that an answer has."""

    async def does(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with peer(does) as at:
        with pytest.raises(ModelUnavailableError, match=r"no whole answer within 0\.6 s"):
            await ask(at, read_timeout_seconds=0.3, connect_timeout_seconds=0.3)


async def test_a_connection_that_breaks_is_waited_for() -> None:
    """Before the answer, or in the middle of it."""

    async def nothing(writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def half(writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"id": "resp')
        await writer.drain()
        writer.transport.abort()

    for does in (nothing, half):
        async with peer(does) as at:
            with pytest.raises(ModelUnavailableError, match="the connection failed"):
                await ask(at)


async def test_a_server_that_speaks_no_http_is_waited_for() -> None:
    """An SMTP server behind a wrong port, say."""

    async def does(writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()

    async with peer(does) as at:
        with pytest.raises(ModelUnavailableError, match="the connection failed"):
            await ask(at)


async def test_as_many_are_asked_at_once_as_work_at_once() -> None:
    """One client for all; none waits for a connection while others think."""
    at_once = 40
    all_here = asyncio.Event()

    async def does(writer: asyncio.StreamWriter) -> None:
        if at.open == at_once:
            all_here.set()
        await all_here.wait()
        await says(SOUND)(writer)

    async with peer(does) as at:
        settings = ModelSettings(base_url=f"http://127.0.0.1:{at.port}/v1", max_retries=0, read_timeout_seconds=10)
        model = OpenAIModel(settings, concurrency=at_once)
        said = await asyncio.gather(*(model.respond(run_request(VIEW, ())) for _ in range(at_once)))
        await model.close()
    assert {one.status for one in said} == {"completed"}
    assert at.most == at_once
