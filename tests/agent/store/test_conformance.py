"""The store keeps what it says it keeps, on both databases: the schema, claims and fences, what it can hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select, text

from agent.ids import new_id
from agent.states import JobKind
from agent.store import jobs, locks, mails, pauses
from agent.store.database import Database, DatabaseError, FenceLostError
from agent.store.locks import LockOrderError
from agent.store.mails import Arrival
from agent.store.migrate import alembic_config, migrate, revision
from agent.store.tables import SCHEMA, audit, metadata, pause
from tests.agent.stores import Stores

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def database(both_databases: Stores, tmp_path: Path) -> AsyncIterator[Database]:
    found = both_databases.open(tmp_path)
    await migrate(found)
    yield found
    await found.close()


def shape(connection: Connection) -> dict[str, object]:
    """Tables with columns, keys, checks and indexes, by name."""
    found = inspect(connection)
    return {
        table: (
            [one["name"] for one in found.get_columns(table)],
            sorted(str(one["name"]) for one in found.get_indexes(table) if not one.get("duplicates_constraint")),
            sorted(str(one["name"]) for one in found.get_unique_constraints(table)),
            sorted(str(one["name"]) for one in found.get_check_constraints(table)),
            sorted(str(one["name"]) for one in found.get_foreign_keys(table)),
        )
        for table in found.get_table_names()
        if table != "alembic_version"
    }


async def test_the_migrations_make_the_schema_that_the_code_names(both_databases: Stores, tmp_path: Path) -> None:
    """Columns, indexes and constraints are the same, whether migrations made them or the code."""
    migrated, made = (
        both_databases.open(tmp_path / "migrated", empty=True),
        both_databases.open(tmp_path / "made", empty=True),
    )
    await migrate(migrated)
    async with made.write() as tx:
        await tx.run_sync(metadata.create_all)
        wanted = await tx.run_sync(shape)
    async with migrated.read() as tx:
        assert await tx.run_sync(shape) == wanted
    await migrated.close()
    await made.close()


def test_the_code_knows_the_newest_revision() -> None:
    """A migration that is added without its number in `tables` would never run."""
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == SCHEMA


async def test_several_starts_at_once_migrate_once(both_databases: Stores, tmp_path: Path) -> None:
    """All of them find a whole schema."""
    starters = [both_databases.open(tmp_path, empty=True) for _ in range(4)]
    await asyncio.gather(*(migrate(one) for one in starters))
    for one in starters:
        assert await revision(one) == SCHEMA
        await one.close()


async def test_a_database_that_is_up_to_date_is_not_written_to(database: Database) -> None:
    """A command that reads waits for nobody's write."""
    async with database.write():
        await asyncio.wait_for(migrate(database), 5)


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


async def test_many_claim_at_once_and_nobody_twice(database: Database) -> None:
    """Each gets at most what it asked for, and every job goes to one."""
    for n in range(40):
        await _due(database, f"r-{n}")
    found = await asyncio.gather(
        *(jobs.claim(database, JobKind.RUN, now=START, lease=MINUTE, limit=3) for _ in range(20))
    )
    assert all(len(one) <= 3 for one in found)
    taken = [job.ref for one in found for job in one]
    assert len(taken) == len(set(taken))
    while more := await jobs.claim(database, JobKind.RUN, now=START, lease=MINUTE, limit=3):
        taken += [job.ref for job in more]
    assert sorted(taken) == sorted(f"r-{n}" for n in range(40))


async def test_a_claim_cannot_pass_on_while_its_holder_commits(
    both_databases: Stores, database: Database, tmp_path: Path
) -> None:
    """Between the check of the fence and the commit nobody takes the job, however late it is."""
    other = both_databases.open(tmp_path)
    await _due(database)
    (held,) = await jobs.claim(database, JobKind.RUN, now=START, lease=MINUTE, limit=1)
    async with database.write() as tx:
        await jobs.check(tx, held)
        taking = asyncio.create_task(jobs.claim(other, JobKind.RUN, now=START + 2 * MINUTE, lease=MINUTE, limit=1))
        await asyncio.wait([taking], timeout=0.3)
        assert not taking.done() or taking.result() == []
        await jobs.end(tx, held)
    assert await taking == []
    await other.close()


def _arrival(key: str) -> Arrival:
    return Arrival(
        id=new_id("m", START),
        door_key=key,
        sha256=key,
        data=b"x",
        envelope={"helo": "a\0b\ud800"},
        mailboxes=("support@larkspur.example",),
        received_at=START,
        version="test",
    )


async def test_two_doors_take_the_same_mails_at_once(
    both_databases: Stores, database: Database, tmp_path: Path
) -> None:
    """Stored once, with one job each; both doors name the same mail; nobody waits for ever."""
    other = both_databases.open(tmp_path)
    keys = [f"k{n}" for n in range(20)]
    for _ in range(5):
        one, two = await asyncio.gather(
            mails.accept_all(database, [_arrival(key) for key in keys]),
            mails.accept_all(other, [_arrival(key) for key in reversed(keys)]),
        )
        assert {mail_id for mail_id, _ in one} == {mail_id for mail_id, _ in two}
    assert len(await jobs.claim(database, JobKind.TRIAGE, now=START, lease=MINUTE, limit=100)) == len(keys)
    await other.close()


async def test_a_mail_that_comes_twice_in_one_group_is_one(database: Database) -> None:
    """The second is told of the first."""
    first, second = await mails.accept_all(database, [_arrival("k"), _arrival("k")])
    assert first[0] == second[0]
    assert (first[1], second[1]) == (False, True)


HARD = ["nul \0 in it", "a lone \ud800 surrogate", "emoji \U0001f600", "quote ' \" back \\ slash % _", "x" * 500]


@pytest.mark.parametrize("words", HARD, ids=range(len(HARD)))
async def test_any_text_can_be_stored_and_found_again(database: Database, words: str) -> None:
    """What a database cannot hold is replaced, what is too long is cut, alike in what is stored and what is asked."""
    async with database.write() as tx:
        assert await pauses.put(database, tx, words, by=words, now=START)
        assert not await pauses.put(database, tx, words, by=words, now=START)
    async with database.read() as tx:
        (found,) = await pauses.all_(tx)
        assert await pauses.covering(tx, words) == found
    assert found.scope == words.replace("\0", "\ufffd").replace("\ud800", "\ufffd")[:320]
    assert len(found.by) <= 200
    assert found.since == START
    async with database.write() as tx:
        assert await pauses.lift(tx, words)


async def test_an_instant_keeps_its_microsecond_whatever_its_zone(database: Database) -> None:
    """Stored as one number, read in UTC; the session's zone plays no part."""
    there = timezone(timedelta(hours=5, minutes=30))
    at = datetime(2026, 3, 29, 2, 30, 0, 123457, tzinfo=there)
    async with database.write() as tx:
        await pauses.put(database, tx, "*", by="ruth", now=at)
        found = (await tx.execute(select(pause.c.since))).scalar_one()
    assert (found, found.tzinfo) == (at, UTC)


async def test_json_keeps_what_models_say(database: Database) -> None:
    """NUL, lone surrogates and numbers beyond 64 bits are in JSON what they were."""
    said = {"text": "a\0b \ud83d \u20ac", "big": 2**80, "small": 0.1, "none": None, "deep": [[{}]]}
    async with database.write() as tx:
        await tx.execute(audit.insert().values(chain="c-1", n=1, at=START, actor="", event="", data=said, mac=""))
        assert (await tx.execute(select(audit.c.data))).scalar_one() == said


async def test_a_view_does_not_move(database: Database) -> None:
    """What is read within one block is of one moment."""
    async with database.read() as look:
        assert await pauses.all_(look) == []
        async with database.write() as tx:
            await pauses.put(database, tx, "*", by="ruth", now=START)
        assert await pauses.all_(look) == []
    async with database.read() as look:
        assert len(await pauses.all_(look)) == 1


async def test_locks_have_one_order(database: Database) -> None:
    """So nobody waits for somebody who waits for them; a mistake is found on either database."""
    async with database.write() as tx:
        await locks.conversation(tx, "c-1")
        await locks.replies(tx)
        await locks.conversation(tx, "c-1")  # held already
        with pytest.raises(LockOrderError):
            await locks.conversation(tx, "c-2")
        with pytest.raises(LockOrderError):
            await locks.correspondent(tx, "support@larkspur.example", "ann@customer.example")
        with pytest.raises(LockOrderError):
            await locks.chain(tx, "c-2")
        await locks.chain(tx, "system")


async def test_a_lock_is_let_go_with_its_transaction(
    both_databases: Stores, database: Database, tmp_path: Path
) -> None:
    """Who waits for it goes on then, and sees what was committed."""
    other = both_databases.open(tmp_path)

    async def count() -> int:
        async with other.write() as tx:
            await locks.conversation(tx, "c-1")
            return len(await pauses.all_(tx))

    async with database.write() as tx:
        await locks.conversation(tx, "c-1")
        waiting = asyncio.create_task(count())
        await asyncio.wait([waiting], timeout=0.2)
        assert not waiting.done()
        await pauses.put(database, tx, "*", by="ruth", now=START)
    assert await waiting == 1
    await other.close()
