"""aiosqlite with one hop to its thread for each statement.

A statement through SQLAlchemy is four calls (a cursor, execute, fetch all, close), and each call is a message to
aiosqlite's thread and back: more than SQLite itself takes. Here they are one. Rows are fetched whole anyway.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self, TypeVar

import aiosqlite

Rows = list[tuple[Any, ...]]
T = TypeVar("T")


class _Cursor:
    """What SQLAlchemy's adapter asks of an asynchronous cursor."""

    arraysize = 1

    def __init__(self, connection: OneHop) -> None:
        self._connection = connection
        self._rows: Rows = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> _Cursor:
        await self._do(lambda cursor: cursor.execute(operation, parameters))
        return self

    async def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> _Cursor:
        await self._do(lambda cursor: cursor.executemany(operation, parameters))
        return self

    async def _do(self, work: Callable[[sqlite3.Cursor], object]) -> None:
        found = await self._connection.at_once(work)
        self.description, self.rowcount, self.lastrowid, self._rows = found

    async def fetchall(self) -> Rows:
        found, self._rows = self._rows, []
        return found

    async def close(self) -> None:
        """It was closed in its thread."""


class OneHop(aiosqlite.Connection):
    """A connection whose cursors do their work in one message."""

    def cursor(self) -> _Cursor:  # type: ignore[override]  # made without asking the thread
        return _Cursor(self)

    @property
    def raw(self) -> sqlite3.Connection:
        """The connection itself, for who has the only say over it at this moment."""
        return self._conn

    def start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Have something done in the thread. Raises ValueError where it has ended."""
        if not self._running or self._connection is None:
            raise ValueError("the connection is closed")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((done, work))
        return done

    async def run(self, work: Callable[[], T]) -> T:
        """Do something in the thread and wait for it."""
        return await self.start(work)

    async def at_once(self, work: Callable[[sqlite3.Cursor], object]) -> tuple[Any, int, int | None, Rows]:
        """Run a statement in the thread; gives description, row count, last row id and all rows."""

        def there() -> tuple[Any, int, int | None, Rows]:
            cursor = self._conn.cursor()
            try:
                work(cursor)
                rows = cursor.fetchall() if cursor.description else []
                return cursor.description, cursor.rowcount, cursor.lastrowid, rows
            finally:
                cursor.close()

        return await self.run(there)


async def connect(*where: Any, **how: Any) -> OneHop:
    """Open a connection; the arguments are those of `sqlite3.connect`."""
    found = OneHop(partial(sqlite3.connect, *where, **how), iter_chunk_size=64)
    found._thread.daemon = True  # noqa: SLF001 (as SQLAlchemy does with a connection that it opens itself)
    await found
    return found
