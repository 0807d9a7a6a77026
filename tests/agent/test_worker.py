"""A claim is kept up while its work goes on, and nobody else does that work meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.states import JobKind
from agent.store import jobs
from agent.store.database import Database
from agent.store.jobs import Job
from agent.store.migrate import migrate
from agent.wake import Wake
from agent.worker import Worker

LEASE = timedelta(seconds=0.3)


def now() -> datetime:
    return datetime.now(UTC)


async def test_work_that_takes_longer_than_its_lease_is_done_once(tmp_path: Path) -> None:
    """Two workers, one job of three leases' length: the holder's keeper extends the claim, the other finds nothing."""
    database = Database.sqlite(tmp_path / "work.db")
    await migrate(database)
    done: list[str] = []

    async def handler(job: Job) -> None:
        until = asyncio.get_running_loop().time() + 3 * LEASE.total_seconds()
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(LEASE.total_seconds() / 6)
            assert not await jobs.claim(database, JobKind.RUN, now=now(), lease=LEASE, limit=1)
        async with database.write() as tx:
            await jobs.end(tx, job)
        done.append(job.ref)

    async def burial(_job: Job, _reason: str) -> None:
        raise AssertionError("nothing is given up here")

    worker = Worker(
        database=database,
        kind=JobKind.RUN,
        handler=handler,
        burial=burial,
        wake=Wake(),
        now=now,
        lease=LEASE,
        width=2,
    )
    async with database.write() as tx:
        await jobs.schedule(database, tx, JobKind.RUN, "r-1", due_at=now(), now=now())
    await worker.drain()
    assert done == ["r-1"]
    await database.close()


async def test_a_writer_waits_before_it_reads(tmp_path: Path) -> None:
    """Of two processes on one file the second begins when the first ended: what it read holds at its commit."""
    one, other = Database.sqlite(tmp_path / "work.db"), Database.sqlite(tmp_path / "work.db")
    await migrate(one)
    order: list[str] = []

    async def second() -> None:
        async with other.write():
            order.append("second began")

    async with one.write():
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        order.append("first ends")
    await waiting
    assert order == ["first ends", "second began"]
    await one.close()
    await other.close()
