"""Due work: claimed under a lease, with a fencing token that grows at each claim.

Rules:
- One job for each (kind, ref); scheduling it again makes it due again and fences whoever still holds it.
- A holder writes only while its token is the newest: every end goes through `end`, which fails otherwise.
- A job that is claimed too often without an end is not tried for ever: the caller buries it and a person is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update

from agent.ids import new_id
from agent.states import JobKind, JobState
from agent.store.database import Database, FenceLostError, Tx
from agent.store.tables import job


@dataclass(frozen=True)
class Job:
    kind: JobKind
    ref: str
    token: int
    attempts: int
    """Claims so far, this one included."""


async def schedule(db: Database, tx: Tx, kind: JobKind, ref: str, *, due_at: datetime, now: datetime) -> None:
    """Make the job due; a holder of an earlier claim is fenced."""
    insert = db.insert(job).values(
        id=new_id("j", now), kind=kind, ref=ref, state=JobState.DUE, due_at=due_at, token=0, attempts=0, error=""
    )
    await tx.execute(
        insert.on_conflict_do_update(
            index_elements=[job.c.kind, job.c.ref],
            set_={
                "state": JobState.DUE,
                "due_at": due_at,
                "lease_until": None,
                "token": job.c.token + 1,
                "attempts": 0,
                "error": "",
            },
        )
    )


async def claim(
    db: Database,
    kind: JobKind,
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    leave: ColumnElement[bool] | None = None,
) -> list[Job]:
    """Take up to `limit` due jobs, oldest first; each for `lease` from now. Jobs that `leave` holds for stay."""
    due = (
        select(job.c.id)
        .where(
            job.c.kind == kind,
            job.c.state == JobState.DUE,
            job.c.due_at <= now,
            (job.c.lease_until.is_(None)) | (job.c.lease_until <= now),
        )
        .order_by(job.c.due_at, job.c.id)
        .limit(limit)
    )
    if leave is not None:
        due = due.where(~leave)
    async with db.read() as look:  # an idle poll must not take the one writer's turn
        if (await look.execute(due.limit(1))).first() is None:
            return []
    # As a CTE: PostgreSQL may run a subquery with LIMIT more than once and then takes more than it says.
    mine = due.with_for_update(skip_locked=True).cte("mine")
    async with db.write() as tx:
        rows = await tx.execute(
            update(job)
            .where(job.c.id.in_(select(mine.c.id)))
            .values(lease_until=now + lease, token=job.c.token + 1, attempts=job.c.attempts + 1)
            .returning(job.c.kind, job.c.ref, job.c.token, job.c.attempts, job.c.due_at)
        )
        found = sorted(rows.all(), key=lambda row: (row.due_at, row.ref))
    return [Job(JobKind(row.kind), row.ref, row.token, row.attempts) for row in found]


async def end(tx: Tx, held: Job, *, state: JobState = JobState.DONE, error: str = "") -> None:
    """Finish the job. Raises FenceLostError where the claim passed on, which rolls the transaction back."""
    done = await tx.execute(
        update(job)
        .where(job.c.kind == held.kind, job.c.ref == held.ref, job.c.token == held.token, job.c.state == JobState.DUE)
        .values(state=state, lease_until=None, error=error[:500])
    )
    if done.rowcount != 1:
        raise FenceLostError(f"{held.kind} {held.ref}: the claim {held.token} passed on to somebody else")


async def put_back(tx: Tx, held: Job, *, due_at: datetime, error: str = "", counted: bool = True) -> None:
    """Let go of the job until `due_at`; `counted=False` takes this claim out of the count of tries. Fenced."""
    done = await tx.execute(
        update(job)
        .where(job.c.kind == held.kind, job.c.ref == held.ref, job.c.token == held.token, job.c.state == JobState.DUE)
        .values(
            lease_until=None,
            due_at=due_at,
            error=error[:500],
            attempts=job.c.attempts if counted else job.c.attempts - 1,
        )
    )
    if done.rowcount != 1:
        raise FenceLostError(f"{held.kind} {held.ref}: the claim {held.token} passed on to somebody else")


async def extend(db: Database, held: Job, *, now: datetime, lease: timedelta) -> bool:
    """Keep the claim for another lease; False where it passed on."""
    async with db.write() as tx:
        done = await tx.execute(
            update(job)
            .where(
                job.c.kind == held.kind, job.c.ref == held.ref, job.c.token == held.token, job.c.state == JobState.DUE
            )
            .values(lease_until=now + lease)
        )
        return done.rowcount == 1


async def check(tx: Tx, held: Job) -> None:
    """Raise FenceLostError unless the claim holds until this transaction ends; for steps that do not end the job."""
    row = await tx.execute(
        select(job.c.id)
        .where(job.c.kind == held.kind, job.c.ref == held.ref, job.c.token == held.token, job.c.state == JobState.DUE)
        .with_for_update()
    )
    if row.first() is None:
        raise FenceLostError(f"{held.kind} {held.ref}: the claim {held.token} passed on to somebody else")


async def next_due(db: Database, kind: JobKind) -> datetime | None:
    """When the next job of this kind falls due; None where none waits."""
    async with db.read() as tx:
        row = await tx.execute(
            select(job.c.due_at, job.c.lease_until)
            .where(job.c.kind == kind, job.c.state == JobState.DUE)
            .order_by(job.c.due_at)
            .limit(1)
        )
        first = row.first()
    return None if first is None else max(first.due_at, first.lease_until or first.due_at)
