"""A look at a few rows of SQLite, on the loop: it takes microseconds, a message to a thread and back takes more.

Rules:
- Only for few and small rows found by an index; what reads many or large ones goes through `Database.read`.
- One consistent view, as every look; nothing is changed.
- It waits for nobody: readers of a WAL are not locked out by who writes. In the rare moments when they are (recovery,
  the last connection closing) it says after a moment that the database is locked, and whoever looked tries again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Executable, create_engine
from sqlalchemy.pool import StaticPool

PATIENCE_MS = 100

T = TypeVar("T")
Opened = tuple[Engine, Connection, sqlite3.Connection]


class Look:
    """A transaction that reads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.info: dict[Any, Any] = {}
        self.dialect = connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]:
        return self._connection.execute(statement, parameters)

    async def run_sync(self, work: Callable[[Connection], T], /) -> T:
        return work(self._connection)

    def begin_nested(self) -> Any:
        return self._connection.begin_nested()


class Glances:
    """Connections for looks: as many as there are looks at one moment, kept for the next."""

    def __init__(self, path: str | None, prepare: Callable[[Any], None]) -> None:
        self._path = path
        self._prepare = prepare
        self._idle: list[Opened] = []

    def _open(self) -> Opened:
        raw = sqlite3.connect(self._path or ":memory:", check_same_thread=False)
        try:
            self._prepare(raw)
            raw.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
            raw.execute("PRAGMA query_only = ON")
        except BaseException:
            raw.close()
            raise
        engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool, hide_parameters=True)
        return engine, engine.connect(), raw

    @contextmanager
    def look(self) -> Iterator[Look]:
        opened = self._idle.pop() if self._idle else self._open()
        _, connection, raw = opened
        try:
            raw.execute("BEGIN")
            with connection.begin():
                yield Look(connection)
        except BaseException:
            _close(*opened)
            raise
        self._idle.append(opened)

    def close(self) -> None:
        while self._idle:
            _close(*self._idle.pop())


def _close(engine: Engine, connection: Connection, raw: sqlite3.Connection) -> None:
    connection.close()
    engine.dispose()
    raw.close()
