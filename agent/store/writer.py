"""The one writer of a SQLite database: a transaction waits in a thread, its statements do not.

Waiting for another process's lock (BEGIN IMMEDIATE) and for the disk (COMMIT) takes as long as it takes and happens in
the thread of the connection. What stands between them takes microseconds, less than a message to a thread and back:
it is done at once, on the loop.

Rules:
- One transaction at a time, in the order of asking; what each changed stands or falls by itself.
- Transactions that wait for each other share a commit: the disk is asked once for all of them. None of them returns
  before that commit, and where it fails all of them fail. They are not more than `SHARED`: what the first of many does
  next, it does while the others are stored.
- Nobody is told that it is stored but by a commit that returned. Whatever else happens is told as an error.
- What happens in the thread is waited for, whatever is cancelled meanwhile.
- SQLite rolls back by itself where the disk is full or broken: nothing is said outside a transaction, and who shared it
  is told.
- What may take long does not hold the loop up: rows with much data, and every statement of a transaction that says
  so (`aside`), are done in the thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Dialect, Engine, Executable, create_engine
from sqlalchemy.pool import StaticPool

from agent.store.errors import DatabaseError
from agent.store.sqlite import OneHop, connect

BUSY_SECONDS = 10.0
"""How long a transaction waits for another process's, counted from when it was asked for."""
LAST_SECONDS = 0.25
"""What is left of that at least, for who waited long for transactions of this process."""
SHARED = 128
"""Transactions of one commit."""
MUCH = 64 * 1024
"""Bytes in one value above which a statement is done in the thread."""

LOST = "SQLite rolled the transaction back: is the disk full?"

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
Anything = tuple[Any, ...]
T = TypeVar("T")
Opened = tuple[OneHop, Engine, Connection]


class Tx(Protocol):
    """A transaction, as the verbs of the store see it; on PostgreSQL, and where one only reads, an AsyncConnection."""

    @property
    def info(self) -> dict[Any, Any]: ...

    @property
    def dialect(self) -> Dialect: ...

    async def execute(self, statement: Executable, parameters: Any = None, /) -> CursorResult[*Anything]: ...

    async def run_sync(self, work: Callable[[Connection], T], /) -> T: ...

    def begin_nested(self) -> Any: ...


class _Direct:
    """A transaction of the writer."""

    def __init__(self, connection: Connection, thread: OneHop, *, aside: bool) -> None:
        self._connection = connection
        self._thread = thread
        self._raw = thread.raw
        self._aside = aside
        self.shares = False
        """True for a further one of a batch: it is undone without the others."""
        self.info: dict[Any, Any] = {}
        self.dialect = connection.dialect

    async def execute(self, statement: Executable, parameters: Parameters = None, /) -> CursorResult[*Anything]:
        if self._aside or _is_much(parameters):
            return await self.run_sync(lambda connection: _all_of(connection.execute(statement, parameters)))
        self.stand()
        return self._connection.execute(statement, parameters)

    async def run_sync(self, work: Callable[[Connection], T], /) -> T:
        """Do it in the thread."""
        self.stand()
        return await _to_its_end(self._thread.start(lambda: work(self._connection)))

    def stand(self) -> None:
        """Raise DatabaseError where SQLite ended the transaction: what comes next would be stored by itself."""
        if not self._raw.in_transaction:
            raise DatabaseError(LOST)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        self.stand()
        with self._connection.begin_nested():
            yield


def _is_much(parameters: Parameters) -> bool:
    rows: Sequence[Mapping[str, Any]] = (parameters,) if isinstance(parameters, Mapping) else parameters or ()
    for row in rows:
        for value in row.values():  # a loop: this is asked for every statement
            if isinstance(value, _SIZED) and len(value) > MUCH:
                return True
    return False


_SIZED = (str, bytes)


def _all_of(found: CursorResult[*Anything]) -> CursorResult[*Anything]:
    """With its rows fetched already, where there are any."""
    return cast("CursorResult[*Anything]", found.freeze()()) if found.returns_rows else found


class _Batch:
    """Transactions that reach the disk together."""

    def __init__(self) -> None:
        self.stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.stored.add_done_callback(lambda done: done.cancelled() or done.exception())  # maybe nobody waits any more
        self.closer: asyncio.Task[None] | None = None
        self.done = 0
        """Transactions that ended in it and wait for its commit."""

    def end(self, error: BaseException | None) -> None:
        """Tell those who wait how it ended."""
        if self.stored.done():
            return
        if error is None:
            self.stored.set_result(None)
        else:
            self.stored.set_exception(error if isinstance(error, Exception) else DatabaseError(f"cut off: {error!r}"))


class Writer:
    """Transactions that change things; end it with `close`. `prepare` is called with the new DBAPI connection."""

    def __init__(self, path: str | None, prepare: Callable[[Any], None]) -> None:
        self._path = path
        self._prepare = prepare
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._opened: Opened | None = None
        self._batch: _Batch | None = None

    async def _open(self) -> Opened:
        thread = await connect(self._path, check_same_thread=False)
        try:
            await thread.run(lambda: self._prepare(thread.raw))
            thread.raw.execute("PRAGMA busy_timeout = 0")
        except BaseException:
            await thread.close()
            raise
        # No listener for "begin" as at the reader: an engine that has one looks for all kinds at each statement.
        engine = create_engine("sqlite://", creator=lambda: thread.raw, poolclass=StaticPool, hide_parameters=True)
        opened = thread, engine, engine.connect()
        self._opened = opened  # at once: who asked for it may be cancelled by now
        return opened

    @asynccontextmanager
    async def begin(self, *, aside: bool = False) -> AsyncIterator[Tx]:
        """One transaction; on the disk when the block ends, rolled back when it raises."""
        until = asyncio.get_running_loop().time() + BUSY_SECONDS
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            opened = self._opened
            if opened is None:
                opened = await _to_its_end(asyncio.ensure_future(self._open()))
            tx = _Direct(opened[2], opened[0], aside=aside)
            batch = self._batch
            if batch is None:
                await self._locked(opened, until)
                batch = self._batch = _Batch()
            else:
                opened[0].raw.execute("SAVEPOINT one")
                tx.shares = True
            try:
                yield tx
                tx.stand()
                if tx.shares:
                    opened[0].raw.execute("RELEASE one")
            except BaseException:
                await self._take_back(opened, batch, tx, aside=aside)
                raise
            await self._reach_the_disk(batch)
        finally:
            self._turn.release()
        await asyncio.shield(batch.stored)

    async def _take_back(self, opened: Opened, batch: _Batch, tx: _Direct, *, aside: bool) -> None:
        """Undo one transaction: alone where it can be, else with all that share its commit."""
        raw = opened[0].raw

        def alone() -> None:
            raw.execute("ROLLBACK TO one")
            raw.execute("RELEASE one")

        if tx.shares and raw.in_transaction:
            try:
                if aside:
                    await _to_its_end(opened[0].start(alone))
                else:
                    alone()
            except sqlite3.Error:
                pass
            else:
                return
        self._batch = None
        batch.end(DatabaseError(LOST))
        await self._undo()

    async def _undo(self) -> None:
        """Roll all back; a connection that cannot is given up, which rolls back as well."""
        if self._opened is None:
            return
        thread, _, connection = self._opened
        try:
            await _to_its_end(thread.start(lambda: _undone(connection, thread.raw)))
        except Exception:  # noqa: BLE001 (whatever it was: nothing more is said on this connection)
            await self._give_up()

    async def _give_up(self) -> None:
        if self._opened is None:
            return
        thread, engine, connection = self._opened
        self._opened = None

        def ended() -> None:
            with suppress(Exception):
                connection.close()
            with suppress(Exception):
                engine.dispose()

        with suppress(ValueError):  # its thread has ended already
            await _to_its_end(thread.start(ended))
        await _to_its_end(asyncio.ensure_future(thread.close()))

    async def _reach_the_disk(self, batch: _Batch) -> None:
        """Commit, now or after those who wait by now."""
        batch.done += 1
        if batch.done >= SHARED:
            await self._commit(batch)
            return
        if batch.closer is not None and not batch.closer.done():
            return
        if self._waiting:
            batch.closer = asyncio.create_task(self._close_batch(batch), name="commit")
        else:
            await self._commit(batch)

    async def _close_batch(self, batch: _Batch) -> None:
        """Commit after those who wait by now: a lock is had in the order of asking. Cancelled, it does so first."""
        cancelled = False
        while True:
            try:
                await self._turn.acquire()
            except asyncio.CancelledError:
                cancelled = True
            else:
                break
        try:
            await self._commit(batch)
        finally:
            self._turn.release()
        if cancelled:
            raise asyncio.CancelledError

    async def _commit(self, batch: _Batch) -> None:
        if self._opened is None or self._batch is not batch:
            return
        thread, _, connection = self._opened
        self._batch = None
        try:
            work = thread.start(connection.commit)
        except ValueError as closed:  # its thread has ended
            batch.end(closed)
            await self._give_up()
            return
        cancelled = await _settled(work)
        error = DatabaseError("the commit was cut off") if work.cancelled() else work.exception()
        if error is None and thread.raw.in_transaction:
            error = DatabaseError("SQLite did not commit")
        batch.end(error)
        if error is not None:
            await self._undo()
        if cancelled:
            raise asyncio.CancelledError

    async def _locked(self, opened: Opened, until: float) -> None:
        """Begin: at once where nobody else writes, else with patience, in the thread."""
        thread, _, connection = opened
        try:
            try:
                _begin(connection, thread.raw)
            except sqlite3.OperationalError as error:
                if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                left = max(LAST_SECONDS, until - asyncio.get_running_loop().time())
                await _to_its_end(thread.start(lambda: _patiently(connection, thread.raw, left)))
        except BaseException:
            await self._undo()  # cancelled meanwhile, it may have begun
            raise

    async def close(self) -> None:
        """Commit what is under way and close; a later transaction opens it again."""
        async with self._turn:
            if self._batch is not None:
                await self._commit(self._batch)
            await self._give_up()


def _undone(connection: Connection, raw: sqlite3.Connection) -> None:
    connection.rollback()
    if raw.in_transaction:  # SQLAlchemy says nothing where its own commit has failed
        raw.rollback()
    if raw.in_transaction:
        raise DatabaseError("SQLite does not roll back")


def _begin(connection: Connection, raw: sqlite3.Connection) -> None:
    raw.execute("BEGIN IMMEDIATE")
    connection.begin()


def _patiently(connection: Connection, raw: sqlite3.Connection, seconds: float) -> None:
    raw.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
    try:
        _begin(connection, raw)
    finally:
        raw.execute("PRAGMA busy_timeout = 0")


async def _settled(work: asyncio.Future[Any]) -> bool:
    """Wait until it is done, whatever is cancelled meanwhile; True where something was."""
    cancelled = False
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            cancelled = True
    return cancelled


async def _to_its_end(work: asyncio.Future[T]) -> T:
    """Wait for what happens in the thread even where the waiting is cancelled; the cancellation follows then."""
    if await _settled(work):
        work.cancelled() or work.exception()  # looked at: the cancellation is told instead
        raise asyncio.CancelledError
    return work.result()
