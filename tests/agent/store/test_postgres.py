"""PostgreSQL's own promises: how its server is reached, and what is said where that cannot be."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agent.store import locks, pauses, postgres
from agent.store.database import Database, DatabaseError, is_unavailable
from tests.agent.postgres import Server


async def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a traceback of an import."""
    for name in [one for one in sys.modules if one == "psycopg" or one.startswith("psycopg.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseError, match=r"pip install 'postroom\[postgres\]'"):
        Database("postgresql+psycopg://me@127.0.0.1/postroom")


SETTINGS = [
    ("transaction_isolation", "read committed"),
    ("synchronous_commit", "on"),
    ("lock_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "1min"),
    ("TimeZone", "UTC"),
]


async def test_a_writing_transaction_is_what_the_locks_need(postgres_server: Server) -> None:
    """Whatever the server's or the role's defaults are."""
    name = postgres_server.create()
    postgres_server.execute(
        f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'",
        f"ALTER DATABASE {name} SET synchronous_commit = off",
        f"ALTER DATABASE {name} SET timezone = 'Asia/Kolkata'",
    )
    database = Database(postgres_server.url(name))
    async with database.write() as tx:
        for setting, wanted in SETTINGS:
            assert (await tx.execute(text(f"SELECT current_setting('{setting}')"))).scalar() == wanted, setting
    async with database.read() as tx:
        assert (await tx.execute(text("SHOW transaction_isolation"))).scalar() == "repeatable read"
        assert (await tx.execute(text("SHOW transaction_read_only"))).scalar() == "on"
    await database.close()
    postgres_server.drop(name)


async def test_a_server_that_is_not_there_is_a_plain_line() -> None:
    """One line that says where was asked."""
    database = Database("postgresql+psycopg://me@127.0.0.1:1/postroom", password="hunter2")
    with pytest.raises(DatabaseError, match=r"does not answer.*127\.0\.0\.1") as told:
        await database.ping()
    assert "\n" not in str(told.value)
    assert "hunter2" not in str(told.value)
    await database.close()


async def test_who_hangs_inside_a_transaction_is_cut_off(
    postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its locks are let go, and what it did not commit is not there; it hears of it when it goes on."""
    monkeypatch.setattr(postgres, "OPTIONS", "-c idle_in_transaction_session_timeout=300ms -c synchronous_commit=on")
    name = postgres_server.create()
    hangs, waits = Database(postgres_server.url(name)), Database(postgres_server.url(name))

    async def hang() -> None:
        async with hangs.write() as stopped:
            await locks.conversation(stopped, "c-1")
            await pauses.put(hangs, stopped, "*", by="ruth", now=datetime.now(UTC))
            async with waits.write() as tx:
                await locks.conversation(tx, "c-1")
                assert await pauses.all_(tx) == []
            await pauses.all_(stopped)

    with pytest.raises(DBAPIError) as told:
        await hang()
    assert is_unavailable(told.value), "the work is sound, the store was away: so it is tried again"
    await hangs.ping()
    await hangs.close()
    await waits.close()
    postgres_server.drop(name)
