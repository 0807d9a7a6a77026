"""The store keeps what it says it keeps: settings of the connection, claims and fences, the schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from agent.states import JobKind
from agent.store import jobs
from agent.store.database import Database, DatabaseError, FenceLostError
from agent.store.migrate import migrate
from agent.store.tables import metadata

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    found = Database.sqlite(tmp_path / "store.db")
    await migrate(found)
    yield found
    await found.close()


@pytest.mark.parametrize(("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
async def test_every_connection_is_durable(database: Database, name: str, value: object) -> None:
    """Reader and writer say what the design asks for."""
    async with database.write() as tx:
        assert (await tx.execute(text(f"PRAGMA {name}"))).scalar() == value
    async with database.read() as tx:
        assert (await tx.execute(text(f"PRAGMA {name}"))).scalar() == value


async def test_a_connection_that_is_not_durable_is_not_used() -> None:
    """A memory database cannot have a write-ahead log, so it is refused instead of half-trusted."""
    database = Database("sqlite+aiosqlite:///:memory:")
    with pytest.raises(DatabaseError, match="journal_mode"):
        await database.ping()
    await database.close()


async def test_the_migrations_make_the_schema_that_the_code_names(database: Database) -> None:
    """Every table and column of the code is in a database that migrations made."""
    async with database.read() as tx:
        for table in metadata.tables.values():
            rows = await tx.execute(text(f"PRAGMA table_info({table.name})"))
            assert {row.name for row in rows} == {column.name for column in table.columns}, table.name


async def test_a_database_of_a_newer_postroom_is_refused(database: Database) -> None:
    """A revision that we do not know stops the start with a plain word."""
    async with database.write() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match="newer Postroom"):
        await migrate(database)


async def _due(database: Database, ref: str = "r-1") -> None:
    async with database.write() as tx:
        await jobs.schedule(database, tx, JobKind.RUN, ref, due_at=START, now=START)


async def test_a_job_is_claimed_by_one(database: Database) -> None:
    """Of many who ask at once, one gets it."""
    await _due(database)
    found = await asyncio.gather(
        *(jobs.claim(database, JobKind.RUN, now=START, lease=MINUTE, limit=5) for _ in range(10))
    )
    assert sum(len(one) for one in found) == 1


async def test_a_lease_that_ran_out_passes_on_and_fences_its_holder(database: Database) -> None:
    """Who comes back late can write nothing."""
    await _due(database)
    (first,) = await jobs.claim(database, JobKind.RUN, now=START, lease=MINUTE, limit=1)
    assert await jobs.claim(database, JobKind.RUN, now=START + MINUTE / 2, lease=MINUTE, limit=1) == []
    (second,) = await jobs.claim(database, JobKind.RUN, now=START + MINUTE, lease=MINUTE, limit=1)
    assert second.token > first.token
    with pytest.raises(FenceLostError):
        async with database.write() as tx:
            await jobs.end(tx, first)
    async with database.write() as tx:
        await jobs.end(tx, second)


async def test_scheduling_again_fences_the_holder(database: Database) -> None:
    """New work on the same thing is never lost to somebody who finishes the old."""
    await _due(database)
    (held,) = await jobs.claim(database, JobKind.RUN, now=START, lease=MINUTE, limit=1)
    await _due(database)
    with pytest.raises(FenceLostError):
        async with database.write() as tx:
            await jobs.end(tx, held)
    assert len(await jobs.claim(database, JobKind.RUN, now=START, lease=MINUTE, limit=1)) == 1


async def test_a_claim_can_be_kept_up(database: Database) -> None:
    """Long work keeps its lease."""
    await _due(database)
    (held,) = await jobs.claim(database, JobKind.RUN, now=START, lease=MINUTE, limit=1)
    assert await jobs.extend(database, held, now=START + MINUTE / 2, lease=MINUTE)
    assert await jobs.claim(database, JobKind.RUN, now=START + MINUTE, lease=MINUTE, limit=1) == []


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    """What follows from a change is there with it or not at all."""

    async def broken() -> None:
        async with database.write() as tx:
            await jobs.schedule(database, tx, JobKind.RUN, "r-2", due_at=START, now=START)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        await broken()
    assert await jobs.claim(database, JobKind.RUN, now=START, lease=MINUTE, limit=1) == []
