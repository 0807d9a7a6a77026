"""Mails a second through every stage, with the playbook: `python -m bench.pipeline [N]`.

Real SQLite in a temporary folder, DKIM-signed mails of N authors, the demo's playbook, a Maildir. One process; first
the stages one after the other, so that the time of each is its own, then as many mails again through all at once.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from agent.config import Config
from agent.demo_world import DemoKeys, Signature, finish, static_zone
from agent.reputation_settings import ReputationSettings
from agent.serve import Service, assemble, build, opened, send_all, senders
from agent.states import OPEN_RUNS
from agent.store import mails as mails_store
from agent.store import runs
from inbound.contracts import Envelope
from inbound.resolver import StaticZone
from outbound.couriers.registry import open_courier
from outbound.sender import send_due

ROOT = Path(__file__).parents[1]
SIGNED = (Signature(domain="customer.example", algorithm="rsa"),)
SUPPORT = "support@larkspur.example"


def configuration(folder: Path, **more: object) -> Config:
    many = 1_000_000
    return Config.model_validate(
        {
            "postroom": {"data_dir": folder},
            "listener": {"port": 0},
            "desk": {"port": 0},
            "courier": {"kind": "maildir", "path": folder / "replies"},
            "limits": {"per_domain": many, "per_mailbox": many, "total": many},
            "reputation": ReputationSettings.unlimited(),
            "mailbox": [{"address": SUPPORT, "playbook": ROOT / "fixtures" / "playbook", "auto_send": True}],
            **more,
        }
    )


def letters(service: Service, keys: DemoKeys, count: int, first: int = 0) -> list[tuple[bytes, Envelope]]:
    now = service.parts.now()
    found = []
    for n in range(first, first + count):
        author = f"person{n}@customer.example"
        raw = (
            f"From: Person {n} <{author}>\nTo: {SUPPORT}\nSubject: Opening hours\nDate: @NOW@\n"
            f"Message-ID: <{n}@customer.example>\n\nHello,\n\nwhat are your opening hours on Saturday?\n\nRegards\n"
        )
        envelope = Envelope(
            door="smtp", mail_from=author, rcpt_to=(SUPPORT,), peer="127.0.0.1", helo="bench", received_at=now
        )
        found.append((finish(raw.encode(), now, keys, SIGNED), envelope))
    return found


def told(what: str, seconds: float, count: int) -> None:
    print(f"{what:<38}{seconds / count * 1000:8.2f} ms a mail {count / seconds:9.0f} mails/s")


async def at_once(service: Service, mails: list[tuple[bytes, Envelope]]) -> float:
    """Seconds until every mail is answered and its run at its end, with all parts at work."""
    work = [service.triager.run(), service.runner.run(), *(send_all(service) for _ in range(senders(service)))]
    tasks = [asyncio.create_task(one) for one in work]
    begun = time.perf_counter()
    await asyncio.gather(*(service.intake.accept(raw, envelope) for raw, envelope in mails))
    while True:
        async with service.parts.database.read() as tx:
            open_runs = len(await runs.listing(tx, OPEN_RUNS, limit=1))
            new = (await mails_store.counts(tx)).get("received", 0)
        if not open_runs and not new:
            break
        await asyncio.sleep(0.1)
    took = time.perf_counter() - begun
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return took


async def run(count: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    keys = DemoKeys()
    zone = StaticZone(static_zone({"customer.example": "reject"}, SIGNED, keys))
    with tempfile.TemporaryDirectory() as name:
        config = configuration(Path(name))
        async with opened(config) as database:
            service = assemble(build(config, database=database, resolver=zone), open_courier(config.courier))
            intake = asyncio.create_task(service.intake.run())
            mails = letters(service, keys, count)

            async def accepted() -> None:
                await asyncio.gather(*(service.intake.accept(raw, envelope) for raw, envelope in mails))

            async def send() -> None:
                while await send_due(service.outbox, service.courier, service.parts.now, key=service.parts.keys.seal):
                    pass

            async def sent() -> None:
                await asyncio.gather(*(send() for _ in range(senders(service))))

            stages: list[tuple[str, Callable[[], Awaitable[None]]]] = [
                ("accept (durable)", accepted),
                ("triage (read, prove, understand)", service.triager.drain),
                ("run (turns, policy, gate, compose)", service.runner.drain),
                ("deliver (attempt, Maildir, outcome)", sent),
                ("run to its end", service.runner.drain),
            ]
            total = 0.0
            for what, work in stages:
                begun = time.perf_counter()
                await work()
                took = time.perf_counter() - begun
                total += took
                told(what, took, count)
            told("their sum", total, count)
            took = await at_once(service, letters(service, keys, count, first=count))
            told("all stages at once, as in serve", took, count)
            replies = len(list((Path(name) / "replies" / "new").iterdir()))
            print(f"{replies} of {2 * count} were answered unseen")
            intake.cancel()
            await asyncio.gather(intake, return_exceptions=True)
            if service.desk is not None:
                service.desk.close()
            await service.courier.close()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
