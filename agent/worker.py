"""Claims due work and does it, some of it at once.

Rules:
- A claim is a lease; while its work goes on the lease is kept up, and work whose claim passed on is dropped.
- What fails is tried again later, growing; what was claimed too often is buried, and its burial tells a person.
- Stopping waits for nothing: what was in hand is claimed by somebody after its lease.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from agent.states import JobKind
from agent.store import jobs
from agent.store.database import Database, FenceLostError
from agent.store.jobs import Job
from agent.wake import Wake

POLL_SECONDS = 1.0
"""How soon work of another process is found."""
MAX_CLAIMS = 5

log = structlog.get_logger()

Handler = Callable[[Job], Awaitable[None]]
Burial = Callable[[Job, str], Awaitable[None]]


def pause_after(claims: int) -> timedelta:
    """How long to leave failed work alone: 2 s doubling to 5 min."""
    return timedelta(seconds=min(300, 2**claims))


class Worker:
    """Does the jobs of one kind, up to `width` at once."""

    def __init__(
        self,
        *,
        database: Database,
        kind: JobKind,
        handler: Handler,
        burial: Burial,
        wake: Wake,
        now: Callable[[], datetime],
        lease: timedelta,
        width: int,
    ) -> None:
        self._database = database
        self._kind = kind
        self._handler = handler
        self._burial = burial
        self._wake = wake
        self._now = now
        self._lease = lease
        self._width = width
        self._more = False
        """Whether the last claim took as much as it could."""
        self._busy: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                if not await self._round():
                    await self._wake.wait(self._kind, POLL_SECONDS)
        finally:
            for task in self._busy:
                task.cancel()
            await asyncio.gather(*self._busy, return_exceptions=True)

    async def _round(self) -> bool:
        """Fill the free places; False where nothing was due."""
        free = self._width - len(self._busy)
        if free == 0:
            await asyncio.wait(self._busy, return_when=asyncio.FIRST_COMPLETED)
            return True
        try:
            found = await jobs.claim(
                self._database, self._kind, now=self._now(), lease=self._lease, limit=free, surely=self._more
            )
        except Exception as error:  # noqa: BLE001 (the database may be locked or away: try again, lose nothing)
            log.error("worker.claim_failed", kind=self._kind, error=str(error)[:300])
            return False
        self._more = len(found) == free
        for job in found:
            task = asyncio.create_task(self._do(job), name=f"{job.kind} {job.ref}")
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
        return bool(found)

    async def drain(self) -> None:
        """Do what is due now, and what that causes in this kind, then return; for tests and one-off commands."""
        while await self._round() or self._busy:
            if self._busy:
                await asyncio.wait(self._busy)

    async def _do(self, job: Job) -> None:
        keeper = asyncio.create_task(self._keep(job))
        try:
            if job.attempts > MAX_CLAIMS:
                await self._burial(job, f"given up after {MAX_CLAIMS} tries")
            else:
                await self._handler(job)
        except FenceLostError as error:
            log.warning("worker.fenced", kind=job.kind, ref=job.ref, error=str(error))
        except Exception as error:
            log.exception("worker.failed", kind=job.kind, ref=job.ref, error=type(error).__name__)
            await self._later(job, error)
        finally:
            keeper.cancel()

    async def _keep(self, job: Job) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            with contextlib.suppress(Exception):
                if not await jobs.extend(self._database, job, now=self._now(), lease=self._lease):
                    return

    async def _later(self, job: Job, error: Exception) -> None:
        try:
            async with self._database.write() as tx:
                due = self._now() + pause_after(job.attempts)
                await jobs.put_back(tx, job, due_at=due, error=f"{type(error).__name__}: {error}")
        except Exception as second:  # noqa: BLE001 (the lease runs out by itself; nothing is lost)
            log.error("worker.put_back_failed", kind=job.kind, ref=job.ref, error=type(second).__name__)
