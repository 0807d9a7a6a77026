"""SQLite's own promises: what every connection says of itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from agent.store.database import Database, DatabaseError
from agent.store.migrate import migrate


@pytest.mark.parametrize(("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
async def test_every_connection_is_durable(tmp_path: Path, name: str, value: object) -> None:
    """Reader and writer say what the design asks for."""
    database = Database.sqlite(tmp_path / "store.db")
    await migrate(database)
    async with database.write() as tx:
        assert (await tx.execute(text(f"PRAGMA {name}"))).scalar() == value
    async with database.read() as tx:
        assert (await tx.execute(text(f"PRAGMA {name}"))).scalar() == value
    await database.close()


async def test_a_connection_that_is_not_durable_is_not_used() -> None:
    """A memory database cannot have a write-ahead log, so it is refused instead of half-trusted."""
    database = Database("sqlite+aiosqlite:///:memory:")
    with pytest.raises(DatabaseError, match="durable"):
        async with database.read():
            pass
    await database.close()


async def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Parts that a supervisor starts together on a machine that has no database yet."""
    for n in range(10):
        starters = [Database.sqlite(tmp_path / f"{n}.db") for _ in range(6)]
        await asyncio.gather(*(one.ping() for one in starters))
        for one in starters:
            await one.close()
