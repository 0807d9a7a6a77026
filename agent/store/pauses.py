"""The hand on the switch: a pause is a row, seen by every process before the next attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from agent.store.database import Database, Tx
from agent.store.tables import pause

EVERYWHERE = "*"


@dataclass(frozen=True)
class Pause:
    scope: str
    since: datetime
    by: str


_ALL = select(pause.c.scope, pause.c.since, pause.c.by)
_COVERING = _ALL.where((pause.c.scope == bindparam("mailbox")) | (pause.c.scope == EVERYWHERE)).limit(1)


async def put(db: Database, tx: Tx, scope: str, *, by: str, now: datetime) -> bool:
    """Pause a mailbox, or `*`; False where it is paused already."""
    insert = db.insert(pause).values(scope=scope, since=now, by=by).on_conflict_do_nothing()
    return (await tx.execute(insert.returning(pause.c.scope))).first() is not None


async def lift(tx: Tx, scope: str) -> bool:
    return (await tx.execute(delete(pause).where(pause.c.scope == scope))).rowcount == 1


async def all_(tx: Tx) -> list[Pause]:
    rows = await tx.execute(_ALL.order_by(pause.c.scope))
    return [Pause(*row) for row in rows]


async def covering(tx: Tx, mailbox: str) -> Pause | None:
    """The pause that holds this mailbox back, if one does."""
    row = (await tx.execute(_COVERING, {"mailbox": mailbox})).first()
    return None if row is None else Pause(*row)
