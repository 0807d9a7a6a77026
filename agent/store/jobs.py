"""Due work: claimed under a lease, with a fencing token that grows at each claim.

Rules:
- One job for each (kind, ref); scheduling it again makes it due again and fences whoever still holds it.
- A holder writes only while its token is the newest: every end goes through `end`, which fails otherwise.
- A job that is claimed too often without an end is not tried for ever: the caller buries it and a person is told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.dml import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite.dml import Insert as SqliteInsert
from sqlalchemy.sql.dml import ReturningUpdate

from agent.ids import new_id
from agent.states import JobKind, JobState
from agent.store.database import Database, FenceLostError, Tx
from agent.store.tables import job


def _scheduling(insert: SqliteInsert | PostgresInsert) -> SqliteInsert | PostgresInsert:
    again = {name: insert.excluded[name] for name in ("state", "due_at", "lease_until", "attempts", "error", "rank")}
    return insert.on_conflict_do_update(
        index_elements=[job.c.kind, job.c.ref], set_={**again, "token": job.c.token + 1}
    )


_SCHEDULE = {True: _scheduling(sqlite.insert(job)), False: _scheduling(postgresql.insert(job))}
"""By whether the database is SQLite."""
_HELD = (
    (job.c.kind == bindparam("of_kind"))
    & (job.c.ref == bindparam("of_ref"))
    & (job.c.token == bindparam("of_token"))
    & (job.c.state == JobState.DUE)
)
_CHANGE_HELD = update(job).where(_HELD)
_UNCOUNT = _CHANGE_HELD.values(attempts=job.c.attempts - 1)
_CHECK = select(job.c.id).where(_HELD).with_for_update()


@dataclass(frozen=True)
class Job:
    kind: JobKind
    ref: str
    token: int
    attempts: int
    """Claims so far, this one included."""


@dataclass(frozen=True)
class Claiming:
    look: Select[tuple[str]]
    """Gives a row where a job can be claimed."""
    take: ReturningUpdate[tuple[JobKind, str, int, int, int, datetime]]


def _of(held: Job) -> dict[str, Any]:
    return {"of_kind": held.kind, "of_ref": held.ref, "of_token": held.token}


async def schedule(
    db: Database, tx: Tx, kind: JobKind, ref: str, *, due_at: datetime, now: datetime, rank: int = 0
) -> None:
    """Make the job due; a holder of an earlier claim is fenced. Of what is due, the lower `rank` goes first."""
    fresh = {"state": JobState.DUE, "due_at": due_at, "lease_until": None, "attempts": 0, "error": "", "rank": rank}
    await tx.execute(_SCHEDULE[db.is_sqlite], {"id": new_id("j", now), "kind": kind, "ref": ref, "token": 0, **fresh})


_IS_DUE = job.c.state == literal_column(f"'{JobState.DUE}'")
"""A bound value would not be known to be the one that the index is for, and all jobs that ever were would be read."""


def claiming(leave: ColumnElement[bool] | None = None) -> Claiming:
    """Statements that claim jobs; those for which `leave` holds stay."""
    due = (
        select(job.c.id)
        .where(
            job.c.kind == bindparam("of_kind"),
            _IS_DUE,
            job.c.due_at <= bindparam("by"),
            (job.c.lease_until.is_(None)) | (job.c.lease_until <= bindparam("by")),
        )
        .order_by(job.c.rank, job.c.due_at, job.c.id)
    )
    if leave is not None:
        due = due.where(~leave)
    # As a CTE: PostgreSQL may run a subquery with LIMIT more than once and then takes more than it says.
    mine = due.limit(bindparam("most")).with_for_update(skip_locked=True).cte("mine")
    take = (
        update(job)
        .where(job.c.id.in_(select(mine.c.id)))
        .values(lease_until=bindparam("until"), token=job.c.token + 1, attempts=job.c.attempts + 1)
        .returning(job.c.kind, job.c.ref, job.c.token, job.c.attempts, job.c.rank, job.c.due_at)
    )
    return Claiming(due.limit(1), take)


ANY = claiming()


async def claim(
    db: Database,
    kind: JobKind,
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    which: Claiming = ANY,
    surely: bool = False,
    then: Callable[[Tx, Job], Awaitable[None]] | None = None,
) -> list[Job]:
    """Take up to `limit` due jobs, by rank and then oldest first; each for `lease` from now.

    `surely`: there was work a moment ago, so do not look first. `then` is done with each in the claim's transaction.
    """
    asked = {"of_kind": kind, "by": now}
    if not surely:
        async with db.glance() as look:  # an idle poll must not take the one writer's turn
            if (await look.execute(which.look, asked)).first() is None:
                return []
    async with db.write() as tx:
        rows = await tx.execute(which.take, {**asked, "until": now + lease, "most": limit})
        ordered = sorted(rows.all(), key=lambda row: (row.rank, row.due_at, row.ref))
        found = [Job(JobKind(row.kind), row.ref, row.token, row.attempts) for row in ordered]
        if then is not None:
            for one in found:
                await then(tx, one)
    return found


async def end(tx: Tx, held: Job, *, state: JobState = JobState.DONE, error: str = "") -> None:
    """Finish the job. Raises FenceLostError where the claim passed on, which rolls the transaction back."""
    done = await tx.execute(_CHANGE_HELD, {**_of(held), "state": state, "lease_until": None, "error": error[:500]})
    if done.rowcount != 1:
        raise FenceLostError(f"{held.kind} {held.ref}: the claim {held.token} passed on to somebody else")


async def put_back(tx: Tx, held: Job, *, due_at: datetime, error: str = "", counted: bool = True) -> None:
    """Let go of the job until `due_at`; `counted=False` takes this claim out of the count of tries. Fenced."""
    values = {"lease_until": None, "due_at": due_at, "error": error[:500]}
    done = await tx.execute(_CHANGE_HELD if counted else _UNCOUNT, {**_of(held), **values})
    if done.rowcount != 1:
        raise FenceLostError(f"{held.kind} {held.ref}: the claim {held.token} passed on to somebody else")


async def extend(db: Database, held: Job, *, now: datetime, lease: timedelta) -> bool:
    """Keep the claim for another lease; False where it passed on."""
    async with db.write() as tx:
        done = await tx.execute(_CHANGE_HELD, {**_of(held), "lease_until": now + lease})
        return done.rowcount == 1


async def check(tx: Tx, held: Job) -> None:
    """Raise FenceLostError unless the claim holds until this transaction ends; for steps that do not end the job."""
    if (await tx.execute(_CHECK, _of(held))).first() is None:
        raise FenceLostError(f"{held.kind} {held.ref}: the claim {held.token} passed on to somebody else")


async def next_due(db: Database, kind: JobKind) -> datetime | None:
    """When the next job of this kind falls due; None where none waits."""
    async with db.read() as tx:
        row = await tx.execute(
            select(job.c.due_at, job.c.lease_until).where(job.c.kind == kind, _IS_DUE).order_by(job.c.due_at).limit(1)
        )
        first = row.first()
    return None if first is None else max(first.due_at, first.lease_until or first.due_at)


async def put_off(tx: Tx, refs: Sequence[str]) -> list[tuple[datetime, str]]:
    """When work on any of these is tried again, and why not yet; only where something was wrong."""
    rows = await tx.execute(
        select(job.c.due_at, job.c.error).where(
            job.c.kind.in_([JobKind.TRIAGE, JobKind.RUN]), job.c.ref.in_(refs), job.c.state == JobState.DUE
        )
    )
    return [(row.due_at, row.error) for row in rows if row.error]
