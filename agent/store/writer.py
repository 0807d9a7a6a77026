"""The one writer of a SQLite database: a transaction waits in a thread, its statements do not.

Waiting for another process's lock (BEGIN IMMEDIATE) and for the disk (COMMIT) takes as long as it takes and happens in
the thread of the connection. What stands between them takes microseconds, less than a message to a thread and back:
it is done at once, on the loop.

Rules:
- One transaction at a time, in the order of asking; what each changed stands or falls by itself.
- Transactions that wait for each other share a commit: the disk is asked once for all of them. None of them returns
  before that commit, and where it fails all of them fail.
- What happens in the thread is waited for, whatever is cancelled meanwhile.
- What may take long does not hold the loop up: rows with much data, and every statement of a transaction that says
  so (`aside`), are done in the thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, CursorResult, Dialect, Engine, Executable, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from agent.store.errors import DatabaseError
from agent.store.sqlite import OneHop, connect

BUSY_SECONDS = 10.0
"""How long a transaction waits for another process's."""
MUCH = 64 * 1024
"""Bytes in one value above which a statement is done in the thread."""

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
Anything = tuple[Any, ...]
T = TypeVar("T")


class Tx(Protocol):
    """A transaction, as the verbs of the store see it; on PostgreSQL, and where one only reads, an AsyncConnection."""

    @property
    def info(self) -> dict[Any, Any]: ...

    @property
    def dialect(self) -> Dialect: ...

    async def execute(self, statement: Executable, parameters: Any = None, /) -> CursorResult[*Anything]: ...

    async def run_sync(self, work: Callable[[Connection], T], /) -> T: ...

    def begin_nested(self) -> Any: ...


@contextmanager
def _part(raw: sqlite3.Connection) -> Iterator[None]:
    """A further transaction of a batch: where it fails the others stay."""
    raw.execute("SAVEPOINT one")
    try:
        yield
    except BaseException:
        if raw.in_transaction:
            raw.execute("ROLLBACK TO one")
            raw.execute("RELEASE one")
        raise
    if raw.in_transaction:
        raw.execute("RELEASE one")


class _Direct:
    """A transaction of the writer."""

    def __init__(self, connection: Connection, thread: OneHop, *, aside: bool) -> None:
        self._connection = connection
        self._thread = thread
        self._aside = aside
        self.info: dict[Any, Any] = {}
        self.dialect = connection.dialect

    async def execute(self, statement: Executable, parameters: Parameters = None, /) -> CursorResult[*Anything]:
        if self._aside or (isinstance(parameters, list) and _is_much(parameters)):
            return await self.run_sync(lambda connection: connection.execute(statement, parameters))
        return self._connection.execute(statement, parameters)

    async def run_sync(self, work: Callable[[Connection], T], /) -> T:
        """Do it in the thread."""
        return await _to_its_end(self._thread.run(lambda: work(self._connection)))

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        with self._connection.begin_nested():
            yield


def _is_much(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(isinstance(value, bytes) and len(value) > MUCH for row in rows for value in row.values())


class _Batch:
    """Transactions that reach the disk together."""

    def __init__(self) -> None:
        self.stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.stored.add_done_callback(lambda done: done.cancelled() or done.exception())  # maybe nobody waits any more
        self.closer: asyncio.Task[None] | None = None


class Writer:
    """Transactions that change things; end it with `close`. `prepare` is called with the new DBAPI connection."""

    def __init__(self, path: str | None, prepare: Callable[[Any], None]) -> None:
        self._path = path
        self._prepare = prepare
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._opened: tuple[OneHop, Engine, Connection] | None = None
        self._batch: _Batch | None = None

    async def _open(self) -> tuple[OneHop, Engine, Connection]:
        thread = await connect(self._path, check_same_thread=False)
        try:
            await thread.run(lambda: self._prepare(thread.raw))
            thread.raw.execute("PRAGMA busy_timeout = 0")
        except BaseException:
            await thread.close()
            raise
        engine = create_engine("sqlite://", creator=lambda: thread.raw, poolclass=StaticPool, hide_parameters=True)

        @event.listens_for(engine, "begin")
        def start(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return thread, engine, engine.connect()

    @asynccontextmanager
    async def begin(self, *, aside: bool = False) -> AsyncIterator[Tx]:
        """One transaction; on the disk when the block ends, rolled back when it raises."""
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            if self._opened is None:
                self._opened = await _to_its_end(self._open())
            thread, _, connection = self._opened
            batch = self._batch
            if batch is None:
                await self._locked(thread, connection)
                batch = self._batch = _Batch()
                async with self._whole(thread, connection):
                    yield _Direct(connection, thread, aside=aside)
            else:
                try:
                    with _part(thread.raw):
                        yield _Direct(connection, thread, aside=aside)
                finally:
                    self._note_loss(batch)
            if batch.closer is None:
                if self._waiting:
                    batch.closer = asyncio.create_task(self._close_batch(batch), name="commit")
                else:
                    await self._commit(batch)
        finally:
            self._turn.release()
        await asyncio.shield(batch.stored)

    @asynccontextmanager
    async def _whole(self, thread: OneHop, connection: Connection) -> AsyncIterator[None]:
        """The first transaction of a batch: where it fails there is nothing else in it."""
        try:
            yield
        except BaseException:
            self._batch = None
            await _to_its_end(thread.run(connection.rollback))
            raise

    def _note_loss(self, batch: _Batch) -> None:
        """A full or broken disk: SQLite rolled back all of the batch, not only what asked last."""
        if self._opened is not None and self._batch is batch and not self._opened[0].raw.in_transaction:
            self._batch = None
            self._opened[2].rollback()
            batch.stored.set_exception(DatabaseError("SQLite rolled the transaction back: is the disk full?"))

    async def _close_batch(self, batch: _Batch) -> None:
        """Commit after those who wait by now: a lock is had in the order of asking."""
        async with self._turn:
            await self._commit(batch)

    async def _commit(self, batch: _Batch) -> None:
        if self._opened is None or self._batch is not batch:
            return
        thread, _, connection = self._opened
        self._batch = None
        failed: list[Exception] = []
        try:
            await _to_its_end(thread.run(lambda: _commit(connection, failed)))
        finally:
            if failed:
                batch.stored.set_exception(failed[0])
            else:
                batch.stored.set_result(None)

    async def _locked(self, thread: OneHop, connection: Connection) -> None:
        """Begin: at once where nobody else writes, else with patience, in the thread."""
        try:
            connection.begin()
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                raise
            connection.rollback()
            await _to_its_end(thread.run(lambda: _patiently(connection)))

    async def close(self) -> None:
        async with self._turn:
            if self._opened is not None:
                thread, engine, connection = self._opened
                self._opened = None
                connection.close()  # rolls back what was never committed: nobody was told that it is stored
                engine.dispose()
                await thread.close()


def _commit(connection: Connection, failed: list[Exception]) -> None:
    try:
        connection.commit()
    except DBAPIError as error:
        failed.append(error)
        connection.rollback()


def _patiently(connection: Connection) -> None:
    raw = connection.connection
    raw.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    try:
        connection.begin()
    finally:
        raw.execute("PRAGMA busy_timeout = 0")


async def _to_its_end(work: Awaitable[T]) -> T:
    """Wait for what happens in the thread even where the waiting is cancelled; the cancellation follows then."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                break
            cancelled = True
        except BaseException:  # noqa: BLE001 (told below, from the task)
            break
    if cancelled:
        raise asyncio.CancelledError
    return task.result()
