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
from dataclasses import dataclass
from pathlib import Path

import structlog

from agent.config import Config
from agent.demo_world import DemoKeys, Signature, finish, static_zone
from agent.reputation_settings import ReputationSettings
from agent.serve import Service, assemble, build, opened, send_all, senders, warm
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


@dataclass(frozen=True)
class Spent:
    """By the clock and by the processor, in seconds."""

    wall: float
    processor: float

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall + other.wall, self.processor + other.processor)


async def timed(work: Awaitable[object]) -> Spent:
    begun, used = time.perf_counter(), time.process_time()
    await work
    return Spent(time.perf_counter() - begun, time.process_time() - used)


def told(what: str, spent: Spent, count: int) -> None:
    each, busy = spent.wall / count * 1000, spent.processor / count * 1000
    print(f"{what:<38}{each:8.2f} ms a mail{count / spent.wall:8.0f} mails/s{busy:8.2f} ms of processor")


async def at_once(service: Service, mails: list[tuple[bytes, Envelope]]) -> None:
    """Take the mails in and wait until every one is answered and its run at its end, with all parts at work."""
    work = [service.triager.run(), service.runner.run(), *(send_all(service) for _ in range(senders(service)))]
    tasks = [asyncio.create_task(one) for one in work]
    await asyncio.gather(*(service.intake.accept(raw, envelope) for raw, envelope in mails))
    while True:
        await asyncio.sleep(0.25)
        async with service.parts.database.read() as tx:
            open_runs = len(await runs.listing(tx, OPEN_RUNS, limit=1))
            new = (await mails_store.counts(tx)).get("received", 0)
        if not open_runs and not new:
            break
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def run(count: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    keys = DemoKeys()
    zone = StaticZone(static_zone({"customer.example": "reject"}, SIGNED, keys))
    with tempfile.TemporaryDirectory() as name:
        config = configuration(Path(name))
        async with opened(config) as database:
            service = assemble(build(config, database=database, resolver=zone), open_courier(config.courier))
            warm(service.parts.model, service.roles)
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
            total = Spent(0, 0)
            for what, work in stages:
                spent = await timed(work())
                total += spent
                told(what, spent, count)
            told("their sum", total, count)
            further = letters(service, keys, count, first=count)
            told("all stages at once, as in serve", await timed(at_once(service, further)), count)
            replies = len(list((Path(name) / "replies" / "new").iterdir()))
            print(f"{replies} of {2 * count} were answered unseen")
            intake.cancel()
            await asyncio.gather(intake, return_exceptions=True)
            if service.desk is not None:
                service.desk.close()
            await service.courier.close()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
