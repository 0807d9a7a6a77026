"""Guarantee 21: the 250 comes after the mail reached the disk, whatever dies and whatever fails."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.intake import DoorIntake
from agent.store import writer
from agent.store.database import Database
from inbound.listener import Door
from inbound.settings import ListenerSettings
from tests.guarantees.deliveries import Ledger, Line, keep_delivering, keeping, letter, new_store, stored
from tests.guarantees.disk import FAULTS, Asked, reached_the_disk, strace
from tests.guarantees.keeper import Addressbook

KILLS = int(os.environ.get("POSTROOM_KILLS", "200"))
PEERS = 6
LINES = (3, 3, 40, 3, 5_000)
"""Lines of mails in turn: within a page of the database, over some, over many."""


async def kill_again_and_again(folder: Path, kills: int, fault: str = "") -> Ledger:
    """Kill the door's process so often while peers deliver; then let them end what they have begun."""
    await new_store(folder)
    ledger, chance, killed = Ledger(), random.Random(21), False
    numbers = itertools.takewhile(lambda _: not killed, itertools.count(1))
    async with keeping(folder, fault) as kept:
        pid = await kept.born()
        peers = [asyncio.ensure_future(keep_delivering(kept.port, numbers, ledger, LINES)) for _ in range(PEERS)]
        for _ in range(kills):
            wanted = len(ledger.acknowledged) + chance.randrange(8)
            async with asyncio.timeout(30):
                while len(ledger.acknowledged) < wanted:  # noqa: ASYNC110 (peers know nothing of the killer)
                    await asyncio.sleep(0.001)
                await asyncio.sleep(chance.random() / 100)
            os.kill(pid, signal.SIGKILL)
            pid = await kept.born()
        killed = True
        async with asyncio.timeout(30):
            await asyncio.gather(*peers)
    return ledger


async def test_killed_hundreds_of_times_ledger_and_store_agree(tmp_path: Path) -> None:
    """Every mail that was acknowledged is there whole, once, under the id that the 250 named; and no other."""
    ledger = await kill_again_and_again(tmp_path, KILLS)
    assert stored(tmp_path) == {number: [mail_id] for number, mail_id in ledger.acknowledged.items()}
    assert len(ledger.acknowledged) >= 2 * KILLS, "they were killed at work"
    assert ledger.cut >= KILLS, "deliveries were cut off, and repeated"
    assert ledger.refused == []


async def test_an_answer_before_the_commit_would_be_noticed(tmp_path: Path) -> None:
    """The same peers and kills against a door that answers too early: mails are missing."""
    ledger = await kill_again_and_again(tmp_path, 20, "early")
    assert ledger.acknowledged.keys() - stored(tmp_path).keys()


async def watched(folder: Path, fault: str = "") -> tuple[Asked, Ledger]:
    """Thirty mails of many sizes from six peers at once, with every write and sync of the process on record."""
    await new_store(folder)
    ledger, trace = Ledger(), folder / "trace"
    numbers = iter(range(1, 31))
    async with keeping(folder, fault, under=strace(trace)) as kept:
        await kept.born()
        await asyncio.gather(*(keep_delivering(kept.port, numbers, ledger, LINES) for _ in range(PEERS)))
    return Asked.read(trace), ledger


async def test_the_disk_has_the_mail_before_the_peer_has_its_answer(tmp_path: Path) -> None:
    """Under strace: an fdatasync that began after the mail's last byte was written has ended well before its 250."""
    asked, ledger = await watched(tmp_path)
    assert len(ledger.acknowledged) == 30
    for number, mail_id in ledger.acknowledged.items():
        assert reached_the_disk(asked, mail_id, letter(number, LINES[number % len(LINES)])), number


async def test_a_commit_that_does_not_ask_the_disk_would_be_noticed(tmp_path: Path) -> None:
    """With synchronous=NORMAL, which no SIGKILL can tell from FULL, the same look finds fault."""
    asked, ledger = await watched(tmp_path, "normal")
    assert len(ledger.acknowledged) == 30
    covered = [
        reached_the_disk(asked, mail_id, letter(number, LINES[number % len(LINES)]))
        for number, mail_id in ledger.acknowledged.items()
    ]
    assert not all(covered)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_disk_that_fails_is_a_451_and_the_peer_keeps_the_mail(fault: str, tmp_path: Path) -> None:
    """Full, read-only, broken, or unable to sync: refused for now, nothing half stored, and taken once it is well."""
    await new_store(tmp_path)
    async with keeping(tmp_path, under=strace(tmp_path / "trace", FAULTS[fault])) as kept:
        await kept.born()
        line = await Line.open(kept.port)
        raw = letter(1, 3)
        answers = [await line.deliver(raw)]
        while not answers[-1].startswith("250 ") and len(answers) < 20:
            answers.append(await line.deliver(raw))
        line.close()
    assert {answer[:9] for answer in answers[:-1]} == {"451 4.3.0"}
    assert stored(tmp_path) == {1: [answers[-1].split()[-1]]}


@contextmanager
def locked(path: Path, database: Database) -> Iterator[None]:
    """Another program has begun to write."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def read_only(path: Path, database: Database) -> Iterator[None]:
    """SQLite answers what it answers of a file that it may not write."""
    connection = opened(database)
    connection.execute("PRAGMA query_only = ON")
    yield
    connection.execute("PRAGMA query_only = OFF")


@contextmanager
def full(path: Path, database: Database) -> Iterator[None]:
    """The file may not grow by a page."""
    connection = opened(database)
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
    yield
    connection.execute("PRAGMA max_page_count = 1000000000")


def opened(database: Database) -> sqlite3.Connection:
    assert database._sqlite_writer._opened is not None
    return database._sqlite_writer._opened[0].raw


@pytest.mark.parametrize("trouble", [locked, read_only, full])
async def test_a_store_that_cannot_take_it_is_a_451_and_the_session_goes_on(
    trouble: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same peer is told to come again, and on the same connection its mail is taken when the trouble is over."""
    monkeypatch.setattr(writer, "BUSY_SECONDS", 0.05)
    await new_store(tmp_path)
    database = Database.sqlite(tmp_path / "postroom.db")
    intake = DoorIntake(database, Addressbook(), lambda: None)
    running = asyncio.ensure_future(intake.run())
    door = Door(ListenerSettings(port=0), intake, clock=lambda: datetime.now(UTC))
    await door.start()
    line = await Line.open(door.port)
    raw = [letter(number, 5_000) for number in range(3)]
    assert (await line.deliver(raw[1])).startswith("250 ")
    with trouble(tmp_path / "postroom.db", database):
        assert (await line.deliver(raw[2])).startswith("451 4.3.0 ")
    assert (await line.deliver(raw[2])).startswith("250 ")
    line.close()
    await door.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await database.close()
    assert stored(tmp_path).keys() == {1, 2}
