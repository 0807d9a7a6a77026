"""The hand on the switch: a pause is a row, seen by every process before the next attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from agent.store.database import Database, Tx
from agent.store.tables import pause

EVERYWHERE = "*"


@dataclass(frozen=True)
class Pause:
    scope: str
    since: datetime
    by: str


async def put(db: Database, tx: Tx, scope: str, *, by: str, now: datetime) -> bool:
    """Pause a mailbox, or `*`; False where it is paused already."""
    insert = db.insert(pause).values(scope=scope, since=now, by=by).on_conflict_do_nothing()
    return (await tx.execute(insert.returning(pause.c.scope))).first() is not None


async def lift(tx: Tx, scope: str) -> bool:
    return (await tx.execute(delete(pause).where(pause.c.scope == scope))).rowcount == 1


async def all_(tx: Tx) -> list[Pause]:
    rows = await tx.execute(select(pause.c.scope, pause.c.since, pause.c.by).order_by(pause.c.scope))
    return [Pause(*row) for row in rows]


async def covering(tx: Tx, mailbox: str) -> Pause | None:
    """The pause that holds this mailbox back, if one does."""
    rows = await tx.execute(
        select(pause.c.scope, pause.c.since, pause.c.by).where(pause.c.scope.in_([mailbox, EVERYWHERE])).limit(1)
    )
    row = rows.first()
    return None if row is None else Pause(*row)
