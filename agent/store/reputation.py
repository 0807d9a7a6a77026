"""What our good name rests on, as rows: buckets, how young a sending domain is, reports, and the breaker.

Rules:
- Tokens are taken from all buckets of a reply or from none, in the transaction that lets it begin; `locks.rates` is
  held from the look at them to the commit, so that two replies cannot take the last one.
- A report counts once for each delivery and kind, however often it comes.
- The breaker moves by a conditional update: the row says what it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agent.buckets import Bucket, free_at, taken
from agent.states import OutboxState
from agent.store import locks
from agent.store.database import Database, Tx
from agent.store.reputation_tables import breaker, bucket, report
from agent.store.tables import outbox

KEPT = timedelta(days=60)
"""How long reports are kept; no window of the breaker is as long."""


@dataclass(frozen=True)
class Full:
    """No token is there: of which bucket, and when one will be."""

    bucket: Bucket
    until: datetime


@dataclass(frozen=True)
class Breaker:
    state: str
    """closed, open, half_open."""
    since: datetime
    by: str
    reason: str


_BREAKER = select(breaker.c.state, breaker.c.since, breaker.c.by, breaker.c.reason).where(
    breaker.c.tenant == bindparam("of_tenant")
)
_FIRST = select(outbox.c.created_at).where(outbox.c.mailbox == bindparam("of")).order_by(outbox.c.created_at).limit(1)
_LEFT_SINCE = select(func.count()).where(
    outbox.c.mailbox.in_(bindparam("of", expanding=True)),
    outbox.c.created_at >= bindparam("since"),
    outbox.c.state != OutboxState.FAILED,
    outbox.c.state != OutboxState.REFUSED,
)


@cache
def _buckets(number: int) -> Select[tuple[str, str, datetime]]:
    """So many rows, each by its key: of a list of pairs SQLite would read the whole table."""
    named = (
        (bucket.c.scope == bindparam(f"scope{n}")) & (bucket.c.owner == bindparam(f"owner{n}")) for n in range(number)
    )
    return select(bucket.c.scope, bucket.c.owner, bucket.c.full_at).where(or_(*named))


def _filling(insert: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    return insert.on_conflict_do_update(
        index_elements=[bucket.c.scope, bucket.c.owner], set_={"full_at": insert.excluded.full_at}
    )


_FILL = {True: _filling(sqlite.insert(bucket)), False: _filling(postgresql.insert(bucket))}
"""By whether the database is SQLite."""


async def take(db: Database, tx: Tx, wanted: Sequence[Bucket], now: datetime) -> Full | None:
    """Take a token from each bucket; where one has none, nothing is taken and the one that holds longest is named."""
    if not wanted:
        return None
    await locks.rates(tx)
    asked = {f"scope{n}": one.scope for n, one in enumerate(wanted)}
    rows = await tx.execute(_buckets(len(wanted)), asked | {f"owner{n}": one.owner for n, one in enumerate(wanted)})
    known = {(row.scope, row.owner): row.full_at for row in rows}
    found = [(one, known.get((one.scope, one.owner))) for one in wanted]
    until, slowest = max(((free_at(one, at, now), one) for one, at in found), key=lambda pair: pair[0])
    if until > now:
        return Full(slowest, until)
    rows_after = [{"scope": one.scope, "owner": one.owner, "full_at": taken(one, at, now)} for one, at in found]
    await tx.execute(_FILL[db.is_sqlite], rows_after)
    return None


async def prune(tx: Tx, tenant: str, now: datetime) -> int:
    """Forget buckets that are full, as one that is not there is, and reports beyond any window. Gives how many."""
    gone = (await tx.execute(delete(bucket).where(bucket.c.full_at <= now))).rowcount
    old = delete(report).where(report.c.tenant == tenant, report.c.at < now - KEPT)
    return gone + (await tx.execute(old)).rowcount


async def first_reply(tx: Tx, mailboxes: Sequence[str]) -> datetime | None:
    """When a reply of these mailboxes was decided first; None where there is none yet."""
    firsts = [(await tx.execute(_FIRST, {"of": one})).scalar() for one in mailboxes]
    return min((one for one in firsts if one is not None), default=None)


async def decided_since(tx: Tx, mailboxes: Sequence[str], since: datetime) -> int:
    """Replies of these mailboxes that left or will, decided since then."""
    return int((await tx.execute(_LEFT_SINCE, {"of": list(mailboxes), "since": since})).scalar_one())


async def note(db: Database, tx: Tx, tenant: str, outbox_id: str, kind: str, now: datetime) -> bool:
    """Count a report about a delivery; False where it was counted already."""
    insert = db.insert(report).values(outbox_id=outbox_id, kind=kind, tenant=tenant, at=now)
    return (await tx.execute(insert.on_conflict_do_nothing().returning(report.c.kind))).first() is not None


async def reports_since(tx: Tx, tenant: str, since: datetime, mailbox: str = "") -> dict[str, int]:
    """How many deliveries bounced and how many were complained of, by kind; of one mailbox where it is named."""
    query = select(report.c.kind, func.count()).where(report.c.tenant == tenant, report.c.at >= since)
    if mailbox:
        query = query.join_from(report, outbox, outbox.c.id == report.c.outbox_id).where(outbox.c.mailbox == mailbox)
    rows = await tx.execute(query.group_by(report.c.kind))
    return {kind: int(number) for kind, number in rows}


async def reported_of(tx: Tx, tenant: str, since: datetime) -> int:
    """Reports, since then, about deliveries that were decided since then: of those that were let try."""
    rows = await tx.execute(
        select(func.count())
        .select_from(report.join(outbox, outbox.c.id == report.c.outbox_id))
        .where(report.c.tenant == tenant, report.c.at >= since, outbox.c.created_at >= since)
    )
    return int(rows.scalar_one())


async def get_breaker(tx: Tx, tenant: str) -> Breaker | None:
    row = (await tx.execute(_BREAKER, {"of_tenant": tenant})).first()
    return None if row is None else Breaker(*row)


async def move_breaker(
    db: Database, tx: Tx, tenant: str, source: str, target: str, *, by: str, reason: str, now: datetime
) -> bool:
    """Take the breaker from `source` (none is closed) to `target`; False where it stands elsewhere."""
    if source == "closed":
        fresh = db.insert(breaker).values(tenant=tenant, state="closed", since=now, by=by, reason="")
        await tx.execute(fresh.on_conflict_do_nothing())
    done = await tx.execute(
        update(breaker)
        .where(breaker.c.tenant == tenant, breaker.c.state == source)
        .values(state=target, since=now, by=by, reason=reason[:500])
    )
    return done.rowcount == 1


async def erase(tx: Tx, address: str) -> None:
    """Take a person's own bucket away."""
    await tx.execute(delete(bucket).where(bucket.c.scope == "sender", bucket.c.owner == address))
