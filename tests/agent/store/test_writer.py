"""SQLite's one writer: who shares a commit, who falls alone, and what everybody is told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from agent.store import writer
from agent.store.database import Database, DatabaseError, is_unavailable
from agent.store.sqlite import OneHop
from agent.store.tables import raw_mail
from agent.store.writer import MUCH, SHARED
from tests.agent.stores import lay


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Database]:
    await lay(folder / "work.db")
    database = Database.sqlite(folder / "work.db")
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
    real = OneHop.start

    def traced(self: OneHop, work: object) -> object:
        self.raw.set_trace_callback(lambda said: found.append(said) if said == "COMMIT" else None)
        return real(self, work)  # type: ignore[arg-type]  # the trace does not ask what it is

    monkeypatch.setattr(OneHop, "start", traced)
    return found


async def test_who_waits_for_each_other_shares_a_commit(tmp_path: Path, commits: list[str]) -> None:
    """Twenty at once reach the disk together, not one after the other."""
    async with opened(tmp_path) as database:
        commits.clear()
        await asyncio.gather(*(put(database, f"m-{n}") for n in range(20)))
        assert len(commits) <= 2
        assert len(stored(tmp_path)) == 20


async def test_of_very_many_the_first_do_not_wait_for_the_last(tmp_path: Path, commits: list[str]) -> None:
    """A commit has `SHARED` transactions at most: what the first do next, they do while the last are stored."""
    many = 3 * SHARED
    async with opened(tmp_path) as database:
        commits.clear()
        tasks = [asyncio.create_task(put(database, f"m-{n:03}")) for n in range(many)]
        await tasks[0]
        assert len(stored(tmp_path)) == SHARED
        assert not tasks[-1].done()
        await asyncio.gather(*tasks)
        assert len(commits) == 3
        assert len(stored(tmp_path)) == many


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
    real = OneHop.start

    def counted(self: OneHop, work: object) -> object:
        nonlocal sent
        sent += 1
        return real(self, work)  # type: ignore[arg-type]  # the count does not ask what it is

    monkeypatch.setattr(OneHop, "start", counted)
    async with opened(tmp_path) as database, database.write(aside=aside) as tx:
        before = sent
        await tx.execute(insert(raw_mail), [{"mail_id": "m-1", "data": b"x" * size}])
        assert sent - before == there


async def test_a_reading_statement_is_one_message_to_its_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one each for the cursor, the statement, its rows and its end: the messages cost more than SQLite does."""
    sent = 0
    real = OneHop.start

    def counted(self: OneHop, work: object) -> object:
        nonlocal sent
        sent += 1
        return real(self, work)  # type: ignore[arg-type]  # the count does not ask what it is

    monkeypatch.setattr(OneHop, "start", counted)
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


async def test_an_error_of_any_kind_at_the_commit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only what the database says: no memory, a closed connection. None of them is taken for stored."""
    async with opened(tmp_path) as database:
        await put(database, "m-before")
        for error in (MemoryError("none left"), ValueError("closed"), RuntimeError("what else")):

            def fails(_connection: object, error: Exception = error) -> None:
                raise error

            with monkeypatch.context() as broken:
                broken.setattr("sqlalchemy.engine.base.Connection.commit", fails)
                ended = await asyncio.gather(*(put(database, f"m-{n}") for n in range(3)), return_exceptions=True)
            assert all(one is not None for one in ended), ended
        await put(database, "m-after")
        assert stored(tmp_path) == {"m-before", "m-after"}


async def test_a_commit_that_did_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SQLAlchemy took for committed is looked up in SQLite itself."""
    async with opened(tmp_path) as database:
        await put(database, "m-before")
        with monkeypatch.context() as broken:
            broken.setattr("sqlalchemy.engine.base.Connection.commit", lambda _connection: None)
            with pytest.raises(DatabaseError, match="did not commit"):
                await put(database, "m-lost")
        await put(database, "m-after")
        assert stored(tmp_path) == {"m-before", "m-after"}


async def test_one_cancelled_while_another_process_holds_the_lock_leaves_nothing_behind(tmp_path: Path) -> None:
    """It may have got the lock just then: it gives it back, to the other process and to the next one here."""
    async with opened(tmp_path) as database:
        await put(database, "m-before")
        with closing(sqlite3.connect(tmp_path / "work.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            task = asyncio.create_task(put(database, "m-cancelled"))
            for _ in range(5):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(0)
            other.execute("ROLLBACK")
            with pytest.raises(asyncio.CancelledError):
                await task
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        await put(database, "m-after")
        assert stored(tmp_path) == {"m-before", "m-after"}


@pytest.mark.parametrize("later", [0, 3])
async def test_a_full_disk_that_a_block_swallows_is_told_all_the_same(tmp_path: Path, later: int) -> None:
    """SQLite ended the transaction: what the block goes on to say is refused, not stored by itself."""
    async with opened(tmp_path) as database:
        await put(database, "m-before")
        async with database.write() as tx:
            pages = (await tx.execute(text("PRAGMA page_count"))).scalar_one()
            await tx.execute(text(f"PRAGMA max_page_count = {pages + 2}"))

        async def swallows() -> None:
            async with database.write() as tx:
                with suppress(OperationalError):
                    await tx.execute(insert(raw_mail), {"mail_id": "m-big", "data": b"x" * 60_000})
                for n in range(later):
                    await tx.execute(insert(raw_mail), {"mail_id": f"m-{n}", "data": b"x"})

        with pytest.raises(DatabaseError, match="disk full"):
            await swallows()
        assert stored(tmp_path) == {"m-before"}
        async with database.write() as tx:
            await tx.execute(text("PRAGMA max_page_count = 1000000"))
        await put(database, "m-after")
        assert stored(tmp_path) == {"m-before", "m-after"}


async def test_closing_stores_what_is_under_way_and_nobody_waits_for_ever(tmp_path: Path) -> None:
    """Whoever shares the commit is answered; a later transaction opens the database again."""
    async with opened(tmp_path) as database:
        tasks = [asyncio.create_task(put(database, f"m-{n}")) for n in range(5)]
        for _ in range(4):
            await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(database.close(), *tasks), 30)
        await put(database, "m-after")
        assert stored(tmp_path) == {f"m-{n}" for n in range(5)} | {"m-after"}


async def test_a_cancelled_commit_happens_all_the_same(tmp_path: Path) -> None:
    """The task that commits for several is cancelled: they are answered, and so are those after them."""
    async with opened(tmp_path) as database:
        await put(database, "m-before")
        tasks = [asyncio.create_task(put(database, f"m-{n}")) for n in range(5)]
        found: list[asyncio.Task[object]] = []
        while not found:
            await asyncio.sleep(0)
            found = [task for task in asyncio.all_tasks() if task.get_name() == "commit"]
        found[0].cancel()
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
        await asyncio.wait_for(put(database, "m-after"), 30)
        assert stored(tmp_path) == {"m-before", "m-after"} | {f"m-{n}" for n in range(5)}


async def test_a_failed_commit_leaves_no_transaction_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy believes it ended; the lock is given back and the next one begins anew."""
    async with opened(tmp_path) as database:
        await put(database, "m-before")

        def half(connection: Connection) -> None:
            transaction = connection.get_transaction()
            assert transaction is not None
            monkeypatch.setattr(connection.dialect, "do_commit", broken)
            try:
                transaction.commit()
            finally:
                monkeypatch.undo()

        def broken(_raw: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr("sqlalchemy.engine.base.Connection.commit", half)
        with pytest.raises(OperationalError):
            await put(database, "m-lost")
        with closing(sqlite3.connect(tmp_path / "work.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        await put(database, "m-after")
        assert stored(tmp_path) == {"m-before", "m-after"}


async def test_waits_for_another_process_do_not_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has waited its time behind others does not begin to wait anew."""
    patience: list[float] = []
    real = writer._patiently

    def noted(connection: Connection, raw: sqlite3.Connection, seconds: float) -> None:
        patience.append(seconds)
        real(connection, raw, seconds)

    monkeypatch.setattr(writer, "_patiently", noted)
    monkeypatch.setattr(writer, "BUSY_SECONDS", 0.5)
    monkeypatch.setattr(writer, "LAST_SECONDS", 0.01)
    async with opened(tmp_path) as database:
        with closing(sqlite3.connect(tmp_path / "work.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await asyncio.gather(*(put(database, f"m-{n}") for n in range(5)), return_exceptions=True)
            other.execute("ROLLBACK")
    assert len(patience) == 5
    assert sum(patience[1:]) < 0.5


@pytest.mark.parametrize(
    "row", [{"mail_id": "m-1", "data": b"x" * (MUCH + 1)}, {"mail_id": "m" * (MUCH + 1), "data": b""}]
)
async def test_much_in_one_row_is_much_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: dict[str, object]
) -> None:
    """One row as well as many, text as well as bytes."""
    sent = 0
    real = OneHop.start

    def counted(self: OneHop, work: object) -> object:
        nonlocal sent
        sent += 1
        return real(self, work)  # type: ignore[arg-type]  # the count does not ask what it is

    monkeypatch.setattr(OneHop, "start", counted)
    async with opened(tmp_path) as database, database.write() as tx:
        before = sent
        await tx.execute(insert(raw_mail), row)
        assert sent - before == 1


async def test_rows_of_work_aside_are_fetched_aside(tmp_path: Path) -> None:
    """Nothing is left for the loop but to hand them over."""
    async with opened(tmp_path) as database:
        await asyncio.gather(*(put(database, f"m-{n}") for n in range(3)))
        async with database.write(aside=True) as tx:
            found = await tx.execute(select(raw_mail.c.mail_id).order_by(raw_mail.c.mail_id))
            assert not hasattr(found, "cursor")
            assert list(found.scalars()) == ["m-0", "m-1", "m-2"]


async def test_what_cannot_be_undone_alone_falls_with_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A savepoint that SQLite does not take back: none of the batch is stored, and each is told."""
    async with opened(tmp_path) as database:
        await put(database, "m-before")

        async def fails() -> None:
            async with database.write() as tx:
                await tx.execute(insert(raw_mail), {"mail_id": "m-rows", "data": b"x"})
                raw = database._sqlite_writer._opened[0].raw  # type: ignore[index]  # it is open here
                raw.execute("RELEASE one")
                raise LookupError("with its savepoint gone")

        first = asyncio.create_task(put(database, "m-first"))
        ended = await asyncio.gather(first, fails(), put(database, "m-later"), return_exceptions=True)
        assert isinstance(ended[0], DatabaseError)
        assert isinstance(ended[1], LookupError)
        assert ended[2] is None
        assert stored(tmp_path) == {"m-before", "m-later"}
