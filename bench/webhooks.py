"""Webhooks taken a second: `python -m bench.webhooks [COUNT]`.

A service on loopback with SQLite, and a client of its own process with 50 connections that posts a 10 KB mail in
Postmark's clothes, each time another one. The service has the role of a door. Beside it, in the same run, the bare web
framework with a handler that reads the body and answers: their ratio is what proof, reading and the commit cost.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from agent.roles import Role
from agent.serve import assemble, build, opened, running
from agent.web.server import bind, serving
from bench.pipeline import SUPPORT, configuration
from inbound.webhooks.contract import Letter, Signing
from inbound.webhooks.registry import clothes
from outbound.couriers.registry import open_courier

CONNECTIONS = 50
SECRET = "a secret of some length"  # noqa: S105 (of this run alone)


def requests(count: int, port: int) -> list[bytes]:
    """Whole HTTP requests, one mail each."""
    found = []
    text = "The quick brown fox jumps over the lazy dog. " * 100
    for n in range(count):
        mail = f"From: p{n}@customer.example\r\nTo: {SUPPORT}\r\nSubject: {n}\r\nMessage-ID: <{n}@x>\r\n\r\n{text}\r\n"
        letter = Letter(mail.encode(), "p@customer.example", (SUPPORT,))
        made = clothes()["postmark"](letter, Signing(SECRET, datetime.now(UTC)))
        head = "".join(f"{name}: {value}\r\n" for name, value in made.headers)
        start = f"POST /inbound/postmark HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(made.body)}\r\n"
        found.append(f"{start}{head}\r\n".encode() + made.body)
    return found


async def client(port: int, count: int) -> None:
    """Post them all; prints how many a second were answered 200."""
    waiting = requests(count, port)
    size = sum(map(len, waiting)) / count

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        taken = 0
        while waiting:
            writer.write(waiting.pop())
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            taken += b" 200 " in head[:20]
        writer.close()
        return taken

    begun = time.perf_counter()
    taken = sum(await asyncio.gather(*(one() for _ in range(CONNECTIONS))))
    print(json.dumps({"a_second": taken / (time.perf_counter() - begun), "taken": taken, "size": size}))


async def measured(port: int, count: int) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.webhooks", "--client", str(port), str(count), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    found: dict[str, float] = json.loads(out)
    return found


async def bare(request: Request) -> PlainTextResponse:
    await request.body()
    return PlainTextResponse("taken")


async def main(count: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    listening = bind("127.0.0.1", 0)
    app = Starlette(routes=[Route("/inbound/postmark", bare, methods=["POST"])])
    async with serving(app, listening):
        plain = await measured(listening.getsockname()[1], count)
    with tempfile.TemporaryDirectory() as name:
        config = configuration(Path(name), webhook=[{"provider": "postmark", "secret": SECRET}], webhooks={"port": 0})
        async with opened(config) as database:
            parts = build(config, database=database)
            service = assemble(parts, open_courier(config.courier), frozenset({Role.DOOR}))
            assert service.hooks is not None
            port = service.hooks.getsockname()[1]
            async with running(service):
                ours = await measured(port, count)
    print(
        f"{ours['taken']:.0f} of {count} requests of {ours['size'] / 1000:.1f} KB taken over {CONNECTIONS} connections"
    )
    print(f"bare framework            {plain['a_second']:6.0f} a second")
    print(
        f"proven, read and durable  {ours['a_second']:6.0f} a second, {ours['a_second'] / plain['a_second']:.2f} of it"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        asyncio.run(client(int(sys.argv[2]), int(sys.argv[3])))
    else:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000))
