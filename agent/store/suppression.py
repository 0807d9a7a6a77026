"""Who gets nothing any more: bounced for good, complained, bounced too often, or put here by a person.

Rules:
- A row that is not active counts soft bounces; enough of them within the window make it active, in the same statement
  for whoever comes first.
- What a person put here stays what it is: a later report changes neither its reason nor its date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, delete, false, func, select, true

from agent.store.database import Database, Tx
from agent.store.tables import suppression


@dataclass(frozen=True)
class Suppressed:
    address: str
    reason: str
    detail: str
    by: str
    at: datetime


_OF = (suppression.c.tenant == bindparam("of_tenant")) & (suppression.c.address == bindparam("of_address"))
_COVERS = select(suppression.c.address).where(_OF, suppression.c.active == true())
_COLUMNS = tuple(suppression.c[name] for name in Suppressed.__dataclass_fields__)


async def covers(tx: Tx, tenant: str, address: str) -> bool:
    return (await tx.execute(_COVERS, {"of_tenant": tenant, "of_address": address})).first() is not None


async def put(
    db: Database, tx: Tx, tenant: str, address: str, *, reason: str, detail: str, by: str, now: datetime
) -> bool:
    """Suppress an address at once; False where it was already."""
    row = {"active": True, "reason": reason, "detail": detail[:500], "soft": 0, "by": by, "at": now}
    fresh = db.insert(suppression).values(tenant=tenant, address=address, **row)
    fresh = fresh.on_conflict_do_update(
        index_elements=[suppression.c.tenant, suppression.c.address],
        set_={name: fresh.excluded[name] for name in row},
        where=suppression.c.active == false(),
    )
    return (await tx.execute(fresh.returning(suppression.c.address))).first() is not None


async def soft(
    db: Database,
    tx: Tx,
    tenant: str,
    address: str,
    *,
    detail: str,
    by: str,
    now: datetime,
    limit: int,
    window: timedelta,
) -> bool:
    """Count a soft bounce; True where this one made it too many."""
    values = {"active": limit <= 1, "reason": "soft", "detail": detail[:500], "soft": 1, "by": by, "at": now}
    fresh = db.insert(suppression).values(tenant=tenant, address=address, **values)
    counted = case((suppression.c.at < now - window, 1), else_=suppression.c.soft + 1)
    fresh = fresh.on_conflict_do_update(
        index_elements=[suppression.c.tenant, suppression.c.address],
        set_={"soft": counted, "active": counted >= limit, "detail": fresh.excluded.detail, "at": fresh.excluded.at},
        where=suppression.c.active == false(),
    )
    row = (await tx.execute(fresh.returning(suppression.c.active))).first()
    return bool(row and row.active)


async def lift(tx: Tx, tenant: str, address: str) -> bool:
    """Let an address get mail again; its soft bounces are forgotten too. False where nothing was known of it."""
    gone = await tx.execute(delete(suppression).where(_OF), {"of_tenant": tenant, "of_address": address})
    return gone.rowcount == 1


async def listing(tx: Tx, tenant: str, *, after: str = "", limit: int = 1000) -> Sequence[Suppressed]:
    """By address, from after that one on."""
    rows = await tx.execute(
        select(*_COLUMNS)
        .where(suppression.c.tenant == tenant, suppression.c.address > after, suppression.c.active == true())
        .order_by(suppression.c.address)
        .limit(limit)
    )
    return [Suppressed(*row) for row in rows]


async def count(tx: Tx, tenant: str) -> int:
    """How many addresses of a tenant get nothing any more."""
    theirs = select(func.count()).where(suppression.c.tenant == tenant, suppression.c.active == true())
    return int((await tx.execute(theirs)).scalar_one())
