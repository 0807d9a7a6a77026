"""Senders that die at any moment: forked, killed by SIGKILL while they deliver over SMTP, until enough of them died.

Run as `python -m tests.agent.doomed_sender FOLDER KILLS SEED`. The sink is a process of its own, which writes each
mail's Message-ID into a ledger before it answers the final dot, a little later. A sender tells its every step by a
byte; at a step drawn by lot, and a moment after it, it is killed. Each one has a clock at which the leases of the one
before have run out. At the end one that lives finishes, what is in doubt is resolved by the ledger, and the ledger is
held against the database. Prints one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from agent import events, switch
from agent.config import Config
from agent.delivery import StoredOutbox
from agent.parts import Parts
from agent.reputation_settings import ReputationSettings
from agent.serve import build, opened
from agent.states import OutboxState
from agent.store import deliveries
from agent.store.database import Database
from agent.store.deliveries import Delivery
from agent.wake import Wake
from outbound.contracts import ApprovedEmail, Claim, DeliveryResult, Held, Refused
from outbound.couriers.smtp import SmtpCourier
from outbound.sender import send_due
from tests.agent.postroom import HOURS, START, configuration, house

STEPS = "claimed", "begun", "on the wire", "answered", "recorded"
LEASE = timedelta(minutes=5)
APART = timedelta(minutes=6)
"""Between the clocks of two senders: the leases of the first have run out for the second."""
MOST_STEPS = 9
ANSWER_SECONDS = 0.003
"""The sink takes up to this long between its ledger and its answer."""


class Sink(asyncio.Protocol):
    """Says yes to everything, and notes first what it says yes to."""

    def __init__(self, ledger: int) -> None:
        self._ledger = ledger
        self._data = b""
        self._in_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._data += data
        while True:
            line, found, rest = self._data.partition(b"\r\n.\r\n" if self._in_mail else b"\r\n")
            if not found:
                return
            self._data = rest
            self._take(line)

    def _take(self, line: bytes) -> None:
        if self._in_mail:
            self._in_mail = False
            named = next(one for one in line.split(b"\r\n") if one.startswith(b"Message-ID: "))
            os.write(self._ledger, named[13:-1] + b"\n")
            asyncio.get_running_loop().call_later(random.random() * ANSWER_SECONDS, self._say, b"250 taken\r\n")
            return
        self._in_mail = line == b"DATA"
        self._say(b"354 go on\r\n" if self._in_mail else b"250 ok\r\n")

    def _say(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(ledger: int, told: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Sink(ledger), "127.0.0.1", 0)
    os.write(told, str(server.sockets[0].getsockname()[1]).encode())
    os.close(told)
    await server.serve_forever()


@contextmanager
def sink(ledger: Path) -> Iterator[int]:
    """A process that takes mail; gives its port."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reads)
        _end(_serve(os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND), writes))
    os.close(writes)
    try:
        with os.fdopen(reads, "rb") as pipe:
            yield int(pipe.read())
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _end(work: Any) -> NoReturn:
    """Do it and end the process, with none of what the parent would do at its end."""
    try:
        asyncio.run(work)
    except BaseException as error:  # noqa: BLE001 (whatever it is, the parent is told by the exit code)
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


class Telling:
    """An outbox and a courier that tell each step by a byte, before and after what they do."""

    name = "smtp"

    def __init__(self, outbox: StoredOutbox, courier: SmtpCourier, told: int) -> None:
        self._outbox, self._courier, self._told = outbox, courier, told

    def _tell(self, step: str) -> None:
        os.write(self._told, bytes([STEPS.index(step)]))

    async def claim(self, now: Any) -> Claim | None:
        found = await self._outbox.claim(now)
        self._tell("claimed")
        return found

    async def begin_attempt(self, claim: Claim, now: Any) -> Claim | Refused | Held:
        found = await self._outbox.begin_attempt(claim, now)
        self._tell("begun")
        return found

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        self._tell("on the wire")
        found = await self._courier.deliver(email)
        self._tell("answered")
        return found

    async def finish(self, claim: Claim, result: DeliveryResult, now: Any) -> bool:
        found = await self._outbox.finish(claim, result, now)
        self._tell("recorded")
        return found

    async def close(self) -> None:
        await self._courier.close()


def config_of(folder: Path, port: int = 25) -> Config:
    many = 10_000_000
    caps = ("per_conversation", "per_sender", "per_domain", "per_mailbox", "total")
    return configuration(
        folder,
        courier={"kind": "smtp", "host": "127.0.0.1", "port": port, "tls": "none"},
        limits=dict.fromkeys(caps, many),
        reputation=ReputationSettings.unlimited(),
        worker={"approval_max_age_hours": 8760},
    )


async def prepare(config: Config, folder: Path, mails: int) -> Parts:
    """Decided replies that wait in the outbox; gives parts for others to borrow from."""
    async with house(folder, config=config) as home:
        for n in range(mails):
            await home.receive(HOURS, author=f"p{n}@customer.example")
        await home.service.triager.drain()
        await home.service.runner.drain()
        return home.parts


async def send(parts: Parts, database: Database, round_: int, told: int) -> None:
    """Deliver what is due, as the sender of a service does."""
    parts = replace(parts, database=database, wake=Wake(), now=lambda: START + (round_ + 1) * APART)
    both = Telling(StoredOutbox(parts, LEASE), SmtpCourier(parts.config.courier), told)
    while await send_due(both, both, parts.now, key=parts.keys.seal):
        pass
    await both.close()
    await database.close()


def kill_one(parts: Parts, round_: int, lot: random.Random) -> str | None:
    """Let a sender begin and kill it at some step; gives the step, None where it ended before."""
    reads, writes = os.pipe()
    url, password = parts.database.url, parts.database.password
    pid = os.fork()
    if pid == 0:
        os.close(reads)
        _end(send(parts, Database(url, password=password), round_, writes))
    os.close(writes)
    steps = b""
    for _ in range(lot.randint(1, MOST_STEPS)):
        steps += (step := os.read(reads, 1))
        if not step:
            break
    else:
        time.sleep(lot.random() * ANSWER_SECONDS)
        os.kill(pid, signal.SIGKILL)
    os.close(reads)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0, "a sender failed by itself"
        return None
    return STEPS[steps[-1]]


async def judge(config: Config, round_: int, ledger: Path) -> dict[str, int]:
    """Finish what is left, resolve doubt by the ledger, and compare."""
    async with opened(config) as database:
        parts = build(config, database=database)
        parts = replace(parts, now=lambda: START + (round_ + 2) * APART)
        nothing = os.open(os.devnull, os.O_WRONLY)
        await send(parts, Database(database.url), round_ + 1, nothing)
        doubtful = await _all(database, OutboxState.IN_DOUBT)
        taken = _ledger(ledger)
        for one in doubtful:
            await switch.resolve(parts, one.id, "sent" if taken[one.message_id] else "resend", by="ruth")
        await send(parts, Database(database.url), round_ + 2, nothing)
        os.close(nothing)
        sent = await _all(database, OutboxState.SENT)
    taken = _ledger(ledger)
    flagged = {one.message_id for one in doubtful}
    return {
        "sent": len(sent),
        "in_doubt": len(doubtful),
        "lost": sum(taken[one.message_id] == 0 for one in sent),
        "duplicates": sum(number > 1 for number in taken.values()),
        "unflagged_duplicates": sum(number > 1 and one not in flagged for one, number in taken.items()),
        "in_the_ledger": taken.total(),
    }


def _ledger(path: Path) -> Counter[str]:
    return Counter(path.read_text().split())


async def _all(database: Database, state: OutboxState) -> list[Delivery]:
    async with database.read() as tx:
        return await deliveries.in_state(tx, state, limit=1_000_000)


def main(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    lot = random.Random(seed)
    ledger = folder / "ledger"
    ledger.touch()
    mails = kills * 3 // 2 + 30
    with sink(ledger) as port:
        config = config_of(folder / "house", port)
        parts = asyncio.run(prepare(config, folder / "house", mails))
        where: Counter[str] = Counter()
        round_ = 0
        while where.total() < kills:
            step = kill_one(parts, round_, lot)
            round_ += 1
            if step is None:
                break
            where[step] += 1
        found = asyncio.run(judge(config, round_, ledger))
    return {"kills": where.total(), "mails": mails, "where": dict(where), **found}


if __name__ == "__main__":
    events.configure("error", "text")
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))) + "\n")
