"""A thousand runs at once against a model that thinks for two seconds a turn: `python -m bench.runs [RUNS]`.

A model server of its own process on loopback answers every request after two seconds: a turn that reads the inbox,
three that search the knowledge, and one that proposes a reply, which waits for a person. Real SQLite, the openai SDK,
one process. Printed: the time until every run rests, against the time that the model alone takes, and the resident
size of the process.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog

from agent.demo_world import DemoKeys, static_zone
from agent.serve import Service, assemble, build, opened, warm
from agent.states import OPEN_RUNS, RunState
from agent.store import runs
from bench.pipeline import SIGNED, configuration, letters
from inbound.resolver import StaticZone
from outbound.couriers.registry import open_courier
from tests.agent.postroom import free_port

THINKING_SECONDS = 2.0
REPLY = "Hello,\n\nwe are glad to help: a colleague of mine will tell you more about it this week.\n\nRegards\n"
UNDERSTOOD = {
    "intent": "opening_hours",
    "entities": [],
    "confidence": 0.97,
    "risks": [],
    "requested_action": "reply",
    "review_required": False,
}
TURNS: tuple[tuple[str, dict[str, object] | None], ...] = (
    ("read_inbox", {"limit": 5}),
    ("search_knowledge", {"query": "opening hours on Saturday"}),
    ("search_knowledge", {"query": "holidays"}),
    ("search_knowledge", {"query": "where the shop is"}),
    ("send_email", None),
)


def answer(asked: dict[str, Any]) -> bytes:
    """What the mail wants, or the turn that comes next, by how many outputs the request brings."""
    n = sum(item.get("type") == "function_call_output" for item in asked["input"])
    if not asked.get("tools"):
        output = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
        output["content"] = [{"type": "output_text", "text": json.dumps(UNDERSTOOD), "annotations": []}]
    else:
        name, arguments = TURNS[min(n, len(TURNS) - 1)]
        said = json.dumps(asked["input"][0])
        author = said.partition("From: ")[2].partition(" ")[0]
        output = {"type": "function_call", "id": f"fc{n}", "call_id": f"c{n}", "name": name, "status": "completed"}
        output["arguments"] = json.dumps(arguments or {"to": author, "subject": "Re: Opening hours", "body": REPLY})
    usage = {"input_tokens": 900, "output_tokens": 40, "total_tokens": 940}
    known = {"id": f"resp_{n}", "object": "response", "created_at": 1, "status": "completed", "model": "thinker"}
    return json.dumps({**known, "output": [output], "usage": usage}).encode()


async def think(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """HTTP/1.1 with as little as possible in it: this process is not what is measured."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            await asyncio.sleep(THINKING_SECONDS)
            said = answer(json.loads(body))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(said))
            writer.write(said)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve_model(port: int) -> None:
    server = await asyncio.start_server(think, "127.0.0.1", port, backlog=2048)
    print("ready", flush=True)
    await server.serve_forever()


async def resting(service: Service, count: int) -> None:
    """Until every run waits for a person."""
    while True:
        async with service.parts.database.read() as tx:
            if len(await runs.listing(tx, OPEN_RUNS - {RunState.REQUIRES_ACTION}, limit=1)) == 0:
                assert len(await runs.listing(tx, [RunState.REQUIRES_ACTION], limit=count)) == count
                return
        await asyncio.sleep(0.1)


async def run(count: int, port: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    keys = DemoKeys()
    zone = StaticZone(static_zone({"customer.example": "reject"}, SIGNED, keys))
    with tempfile.TemporaryDirectory() as name:
        model = {"kind": "openai", "name": "thinker", "base_url": f"http://127.0.0.1:{port}/v1", "api_key": "none"}
        config = configuration(Path(name), model=model, worker={"workers": count})
        async with opened(config) as database:
            service = assemble(build(config, database=database, resolver=zone), open_courier(config.courier))
            warm(service.parts.model, service.roles)
            intake = asyncio.create_task(service.intake.run())
            await asyncio.gather(*(service.intake.accept(raw, to) for raw, to in letters(service, keys, count)))
            await service.triager.drain()
            begun, used = time.perf_counter(), time.process_time()
            working = asyncio.create_task(service.runner.run())
            await resting(service, count)
            took, used = time.perf_counter() - begun, time.process_time() - used
            working.cancel()
            intake.cancel()
            await asyncio.gather(working, intake, return_exceptions=True)
            await service.parts.model.close()
            if service.desk is not None:
                service.desk.close()
            await service.courier.close()
    ideal = len(TURNS) * THINKING_SECONDS
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} runs of {len(TURNS)} turns: {took:.1f} s, the model alone {ideal:.1f} s: {took / ideal:.2f} times")
    print(f"processor time {used / count / len(TURNS) * 1000:.2f} ms a turn; resident size at most {size:.0f} MB")


async def main(count: int) -> None:
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.runs", "--model", str(port), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        await server.stdout.readline()
        await run(count, port)
    finally:
        server.terminate()
        await server.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--model"]:
        asyncio.run(serve_model(int(sys.argv[2])))
    else:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
