"""SQLite's one writer: who shares a commit, who falls alone, and what everybody is told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from agent.store import writer
from agent.store.database import Database, is_unavailable
from agent.store.migrate import migrate
from agent.store.sqlite import OneHop
from agent.store.tables import raw_mail
from agent.store.writer import MUCH


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Database]:
    database = Database.sqlite(folder / "work.db")
    await migrate(database)
    try:
        yield database
    finally:
        await database.close()


def stored(folder: Path) -> set[str]:
    """What another process finds."""
    with closing(sqlite3.connect(folder / "work.db")) as other:
        return {row[0] for row in other.execute("SELECT mail_id FROM raw_mail")}


async def put(database: Database, name: str, *, fail: bool = False) -> None:
    async with database.write() as tx:
        await tx.execute(insert(raw_mail), {"mail_id": name, "data": b"x"})
        await asyncio.sleep(0)
        if fail:
            raise LookupError(name)


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Filled with each COMMIT that reaches SQLite."""
    found: list[str] = []
    real = OneHop.run

    async def traced(self: OneHop, work: object) -> object:
        self.raw.set_trace_callback(lambda said: found.append(said) if said == "COMMIT" else None)
        return await real(self, work)  # type: ignore[arg-type]  # the trace does not ask what it is

    monkeypatch.setattr(OneHop, "run", traced)
    return found


async def test_who_waits_for_each_other_shares_a_commit(tmp_path: Path, commits: list[str]) -> None:
    """Twenty at once reach the disk together, not one after the other."""
    async with opened(tmp_path) as database:
        commits.clear()
        await asyncio.gather(*(put(database, f"m-{n}") for n in range(20)))
        assert len(commits) <= 2
        assert len(stored(tmp_path)) == 20


async def test_nobody_returns_before_it_is_on_the_disk(tmp_path: Path) -> None:
    """Whoever is told that it is stored finds it there in another process, at that moment."""
    async with opened(tmp_path) as database:

        async def one(name: str) -> bool:
            await put(database, name)
            return name in stored(tmp_path)

        assert all(await asyncio.gather(*(one(f"m-{n}") for n in range(10))))


@pytest.mark.parametrize("at", [0, 3, 9])
async def test_one_that_fails_takes_nobody_with_it(tmp_path: Path, at: int) -> None:
    """The first of a batch, one within it, and the last."""
    async with opened(tmp_path) as database:
        work = [put(database, f"m-{n}", fail=n == at) for n in range(10)]
        ended = await asyncio.gather(*work, return_exceptions=True)
        assert [n for n, one in enumerate(ended) if isinstance(one, LookupError)] == [at]
        assert stored(tmp_path) == {f"m-{n}" for n in range(10) if n != at}


@pytest.mark.parametrize("at", [0, 1, 5, 9])
async def test_one_that_is_cancelled_takes_nobody_with_it(tmp_path: Path, at: int) -> None:
    """While it waits for its turn, or in the middle of it; the others end, and so does the next."""
    async with opened(tmp_path) as database:
        tasks = [asyncio.create_task(put(database, f"m-{n}")) for n in range(10)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[at].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        others = {f"m-{n}" for n in range(10) if n != at}
        assert others <= stored(tmp_path)
        await put(database, "m-next")
        assert "m-next" in stored(tmp_path)


async def test_a_cancelled_wait_for_the_disk_loses_nothing(tmp_path: Path) -> None:
    """Who is cancelled at the commit itself has stored it or not; what comes after stands on sound ground."""
    async with opened(tmp_path) as database:
        for n in range(20):
            task = asyncio.create_task(put(database, f"m-{n}"))
            for _ in range(n % 7):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await put(database, "m-after")
        assert "m-after" in stored(tmp_path)


async def test_a_full_disk_is_told_to_all_that_shared_it(tmp_path: Path) -> None:
    """What SQLite rolled back for one is gone for all of them: none may believe that it is stored."""
    async with opened(tmp_path) as database:
        await put(database, "m-before")
        async with database.write() as tx:
            pages = (await tx.execute(text("PRAGMA page_count"))).scalar_one()
            await tx.execute(text(f"PRAGMA max_page_count = {pages + 8}"))

        async def big(name: str) -> None:
            async with database.write() as tx:
                await tx.execute(insert(raw_mail), {"mail_id": name, "data": b"x" * 30_000})
                await asyncio.sleep(0)

        ended = await asyncio.gather(*(big(f"m-{n}") for n in range(6)), return_exceptions=True)
        told = {f"m-{n}" for n, one in enumerate(ended) if one is None}
        assert all(one is None or (isinstance(one, Exception) and is_unavailable(one)) for one in ended), ended
        assert len(told) < 6
        assert told | {"m-before"} == stored(tmp_path)
        async with database.write() as tx:
            await tx.execute(text("PRAGMA max_page_count = 1000000"))
        await put(database, "m-after")
        assert "m-after" in stored(tmp_path)


@pytest.mark.parametrize(("aside", "size", "there"), [(False, 10, 0), (False, MUCH + 1, 1), (True, 10, 1)])
async def test_what_may_take_long_does_not_hold_the_loop_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aside: bool, size: int, there: int
) -> None:
    """Much data, and the work that says so, is done in the thread; the rest costs no message to it."""
    sent = 0
    real = OneHop.run

    async def counted(self: OneHop, work: object) -> object:
        nonlocal sent
        sent += 1
        return await real(self, work)  # type: ignore[arg-type]  # the count does not ask what it is

    monkeypatch.setattr(OneHop, "run", counted)
    async with opened(tmp_path) as database, database.write(aside=aside) as tx:
        before = sent
        await tx.execute(insert(raw_mail), [{"mail_id": "m-1", "data": b"x" * size}])
        assert sent - before == there


async def test_a_reading_statement_is_one_message_to_its_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one each for the cursor, the statement, its rows and its end: the messages cost more than SQLite does."""
    sent = 0
    real = OneHop.run

    async def counted(self: OneHop, work: object) -> object:
        nonlocal sent
        sent += 1
        return await real(self, work)  # type: ignore[arg-type]  # the count does not ask what it is

    monkeypatch.setattr(OneHop, "run", counted)
    async with opened(tmp_path) as database, database.read() as tx:
        await tx.execute(select(raw_mail.c.mail_id))
        before = sent
        await tx.execute(text("SELECT 1 UNION SELECT 2"))
        assert sent - before == 1


async def test_another_process_that_holds_the_lock_too_long_is_told_and_got_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction fails as unavailable, again and again; when the lock is free the next one goes through."""
    monkeypatch.setattr(writer, "BUSY_SECONDS", 0.2)
    async with opened(tmp_path) as database:
        with closing(sqlite3.connect(tmp_path / "work.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            ended = await asyncio.gather(*(put(database, f"m-{n}") for n in range(3)), return_exceptions=True)
            assert all(isinstance(one, Exception) and is_unavailable(one) for one in ended), ended
            other.execute("ROLLBACK")
        await put(database, "m-after")
        assert stored(tmp_path) == {"m-after"}


async def test_a_savepoint_within_one_of_a_batch_falls_alone(tmp_path: Path) -> None:
    """A broken constraint is undone in its own block; the rest of that transaction and the others stay."""
    async with opened(tmp_path) as database:

        async def one(name: str) -> None:
            async with database.write() as tx:
                await tx.execute(insert(raw_mail), {"mail_id": name, "data": b"x"})
                await asyncio.sleep(0)
                with suppress(IntegrityError):
                    async with tx.begin_nested():
                        await tx.execute(insert(raw_mail), {"mail_id": f"{name}-more", "data": b"x"})
                        await tx.execute(insert(raw_mail), {"mail_id": name, "data": b"x"})

        await asyncio.gather(*(one(f"m-{n}") for n in range(5)))
        assert stored(tmp_path) == {f"m-{n}" for n in range(5)}
