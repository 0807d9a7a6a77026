"""One database: `write` for a transaction that changes things, `read` for a look, `glance` for a short one.

Rules:
- SQLite: WAL, synchronous=FULL, foreign keys and a busy time-out are set on every connection and then read back;
  a connection that does not say so is not used.
- SQLite: a writing transaction begins IMMEDIATE: it waits for its turn before it reads, so what it read still holds at
  commit. There is one writer connection in a process; waiting for it costs no polling.
- PostgreSQL (`agent.store.postgres`): READ COMMITTED, and who reads in order to write locks first. That is the rule of
  `agent.store.locks`; verbs keep it on both databases.
- An error's text never carries the values of a statement: they are mail.
- Nothing outside `agent.store` imports SQLAlchemy; `Tx` is all that others see of it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.dml import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite.dml import Insert as SqliteInsert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.schema import Table

from agent.store import locks
from agent.store.errors import DatabaseError, FenceLostError
from agent.store.glance import Glances
from agent.store.postgres import postgres_engine
from agent.store.sqlite import connect
from agent.store.statements import REMEMBERED
from agent.store.writer import BUSY_SECONDS, MUCH, Tx, Writer

__all__ = ["MUCH", "Database", "DatabaseError", "FenceLostError", "Tx", "is_unavailable"]

_EXPECTED_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


class Database:
    """An open database; end it with `close`. `pool_size` counts connections to PostgreSQL."""

    def __init__(self, url: str, *, password: str = "", pool_size: int = 10) -> None:
        self.url = url
        self.password = password
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._sqlite_writer = Writer(make_url(url).database, _prepare)
            self._glances = Glances(make_url(url).database, _prepare)
            self._reader = _sqlite_engine(url, pool_size=4)
        else:
            self._writer = postgres_engine(url, password=password, pool_size=pool_size)
            self._reader = self._writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @classmethod
    def sqlite(cls, path: Path) -> Database:
        """A database in the file `path`; its folder is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite+aiosqlite:///{path}")

    @asynccontextmanager
    async def write(self, *, aside: bool = False) -> AsyncIterator[Tx]:
        """One transaction that changes things; committed when the block ends, rolled back when it raises.

        `aside` is for work over many rows: on SQLite nothing of it happens on the loop.
        """
        begun = self._sqlite_writer.begin(aside=aside) if self.is_sqlite else self._writer.begin()
        async with begun as tx:
            locks.begin(tx)
            tx.info[REMEMBERED] = {}
            yield tx

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """One consistent view; changes nothing."""
        async with self._reader.connect() as tx:
            yield tx

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[Tx]:
        """The same for few and small rows that an index finds: on SQLite at once, on the loop."""
        if self.is_sqlite:
            with self._glances.look() as look:
                yield look
        else:
            async with self.read() as tx:
                yield tx

    async def close(self) -> None:
        if self.is_sqlite:
            await self._sqlite_writer.close()
            await self._reader.dispose()
            self._glances.close()
        else:
            await self._writer.dispose()

    def insert(self, table: Table) -> SqliteInsert | PostgresInsert:
        """An INSERT that knows ON CONFLICT on this database."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    async def clock(self) -> datetime | None:
        """What the server takes for now; None for SQLite, which has our clock."""
        if self.is_sqlite:
            return None
        async with self.read() as tx:
            return (await tx.execute(text("SELECT clock_timestamp()"))).scalar_one()  # type: ignore[no-any-return]  # timestamptz is an aware datetime

    async def scrub(self, *, rewrite: bool) -> None:
        """Take what was deleted out of the files too, as far as they are ours.

        SQLite overwrites what it deletes (`secure_delete`); here its index of words is merged, so that no removed word
        stays in it, and its log is emptied. PostgreSQL keeps what was deleted in its pages until something else is
        written there: `rewrite` makes it write all tables anew (VACUUM FULL), and everybody waits for each meanwhile.
        """
        if self.is_sqlite:
            async with self.write(aside=True) as tx:
                await tx.execute(text("INSERT INTO search_index(search_index) VALUES('optimize')"))
            await asyncio.to_thread(_empty_log, make_url(self.url).database or "")
        elif rewrite:
            async with self._writer.connect() as plain:
                connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
                names = await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
                for name in names.scalars().all():
                    await connection.execute(text(f'VACUUM (FULL) "{name}"'))
                await connection.execute(text("CHECKPOINT"))

    async def ping(self) -> None:
        """Raise DatabaseError where the database does not answer."""
        try:
            async with self.read() as tx:
                await tx.execute(text("SELECT 1"))
        except (DBAPIError, PoolTimeout) as error:
            raise DatabaseError(f"the database does not answer: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    """Without what SQLAlchemy adds; a failure to connect names server and user, never a password."""
    return " ".join(str(getattr(error, "orig", error)).split())


def _sqlite_engine(url: str, *, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=60,
        hide_parameters=True,
        async_creator=partial(connect, make_url(url).database, check_same_thread=False),
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        _prepare(connection)

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _prepare(connection: Any) -> None:
    connection.isolation_level = None  # we write BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    cursor.execute("PRAGMA page_count")
    if cursor.fetchone()[0] == 0:  # later it says nothing new, and takes the one writer's turn to say it
        _first(cursor, "PRAGMA auto_vacuum = INCREMENTAL")
    _first(cursor, "PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten; so it is by Debian's default
    for name, wanted in _EXPECTED_PRAGMAS.items():
        cursor.execute(f"PRAGMA {name}")
        found = cursor.fetchone()[0]
        if found != wanted:
            raise DatabaseError(f"SQLite keeps {name} at {found!r}, but durable mail needs {wanted!r}")
    cursor.close()


def _empty_log(path: str) -> None:
    """Write the log into the database and cut it to nothing. Who reads meanwhile keeps it: the next one to try does."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        connection.execute("PRAGMA incremental_vacuum").fetchall()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _first(cursor: Any, statement: str) -> None:
    """Say it again while others open the same new file: SQLite's own patience does not cover this moment."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute(statement)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def is_unavailable(error: Exception) -> bool:
    """True for a locked, full, read-only or lost database: the work is sound, the store is not."""
    return isinstance(error, _AWAY) or (isinstance(error, DBAPIError) and error.connection_invalidated)


_AWAY = (OperationalError, sqlite3.OperationalError, InterfaceError, PoolTimeout, DatabaseError, TimeoutError)
