"""Several processes on one database, some of them killed, some of them hanging: nothing lost, nothing doubled.

`POSTROOM_CRASH_SECONDS` is how long the load goes on at least (10); `make crash` takes a minute.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Self

import pytest

from agent.audit import Audit
from agent.keys import Keys
from agent.states import MailStatus
from agent.store import mails
from agent.store.mails import Listed
from agent.story import tell
from tests.agent.nodes import Node, letter, node, prepare
from tests.agent.stores import STORES
from tests.agent.wire import delivered

SECONDS = float(os.environ.get("POSTROOM_CRASH_SECONDS", "10"))
KILLS = 3
"""So many at least: the load goes on past its time until they happened, for a start takes long on a busy machine."""
KILLS_WITHIN = 60.0
"""Seconds after which it no longer waits for them."""
SETTLES = 60.0
"""Seconds after which the last mail has come to its end, leases of the dead included."""
END = {MailStatus.ANSWERED, MailStatus.IN_DOUBT}


async def stored(folder: Path) -> list[Listed]:
    database = STORES.open(folder)
    try:
        async with database.read() as tx:
            return await mails.listing(tx, limit=100_000)
    finally:
        await database.close()


async def broken(folder: Path) -> list[str]:
    """What is wrong with any audit chain."""
    database = STORES.open(folder)
    audit = Audit(Keys.open(folder / "keys").audit)
    try:
        async with database.read() as tx:
            stories = [await tell(tx, audit, mail.id) for mail in await mails.listing(tx, limit=100_000)]
            return [story.broken for story in stories if story is not None and story.broken]
    finally:
        await database.close()


def settled(folder: Path, wanted: int) -> list[Listed]:
    """The mails when all of them have come to an end; those that there are after `SETTLES`."""
    until = time.monotonic() + SETTLES
    while True:
        found = asyncio.run(stored(folder))
        if (len(found) >= wanted and {mail.status for mail in found} <= END) or time.monotonic() > until:
            return found
        threading.Event().wait(0.2)


class Peers:
    """Servers of our customers: each gives its mail to some node until one says that it took it."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.taken: list[int] = []
        self._numbers = iter(range(1_000_000))
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._give) for _ in range(3)]

    def __enter__(self) -> Self:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join()

    def _give(self) -> None:
        while not self._over.is_set():
            with self._lock:
                number = next(self._numbers)
            raw = letter(number)
            while not random.choice(self.nodes).give(number, raw):
                threading.Event().wait(0.05)
            with self._lock:
                self.taken.append(number)
            self._over.wait(0.2)


@pytest.mark.usefixtures("on_postgresql")
def test_killed_at_random_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    """Three processes, all roles, under load; one after the other dies by SIGKILL and is started again."""
    prepare(tmp_path)
    nodes = [Node(tmp_path, n) for n in range(3)]
    kills = 0
    try:
        with Peers(nodes) as peers:
            began = time.monotonic()
            while (lasted := time.monotonic() - began) < SECONDS or (kills < KILLS and lasted < KILLS_WITHIN):
                threading.Event().wait(random.uniform(0.2, 1.5))
                n = random.randrange(3)
                nodes[n].end()
                nodes[n] = Node(tmp_path, n)
                kills += 1
        found = settled(tmp_path, len(peers.taken))
    finally:
        for one in nodes:
            one.end()
    assert kills >= KILLS
    print(f"{kills} kills, {len(found)} mails, {Counter(mail.status for mail in found)}")  # noqa: T201 (with -s or on failure)
    assert Counter(mail.author for mail in found) == Counter(f"a{number}@customer.example" for number in peers.taken), (
        "each mail that was taken is there once"
    )
    wire = delivered(tmp_path)
    assert max(wire.values()) == 1, "nobody got two replies"
    for mail in found:
        assert mail.status in END, (mail.id, mail.status, mail.status_reason)
        assert mail.status is MailStatus.IN_DOUBT or wire[mail.author] == 1
    assert sum(mail.status is MailStatus.ANSWERED for mail in found) >= len(found) / 2
    assert asyncio.run(broken(tmp_path)) == []


@pytest.mark.usefixtures("both_databases")
@pytest.mark.parametrize(
    ("place", "status", "line"),
    [
        ("model", MailStatus.ANSWERED, '"event": "worker.fenced"'),
        ("courier", MailStatus.IN_DOUBT, '"recorded": false'),
    ],
)
def test_who_hangs_past_the_lease_is_fenced(tmp_path: Path, place: str, status: MailStatus, line: str) -> None:
    """Stopped in the middle (SIGSTOP); another one takes over; when the first goes on it can write nothing."""
    prepare(tmp_path)
    with node(tmp_path, 1, hold=place) as first:
        assert first.give(1, letter(1))
        assert first.said("holds")
        with node(tmp_path, 2):
            (mail,) = settled(tmp_path, 1)
            assert mail.status is status
            first.process.send_signal(signal.SIGCONT)
            until = time.monotonic() + SETTLES
            while line not in first.log.read_text() and time.monotonic() < until:
                threading.Event().wait(0.05)
            assert line in first.log.read_text()
            (mail,) = settled(tmp_path, 1)
            assert mail.status is status
    assert delivered(tmp_path) == {"a1@customer.example": 1}
    assert asyncio.run(broken(tmp_path)) == []
