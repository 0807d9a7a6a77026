"""What models cost, added up by the hour.

Rules:
- Added in the transaction that stores the exchange; nothing is added for what cost nothing.
- A row is shared by few: of what all add to there are `PARTS` rows, so that nodes do not wait for each other.
- A mail's own sum is over all its time, the others' over the hours that a window reaches into.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from agent.store.database import Database, Tx
from agent.store.tables import spending

PARTS = 16
COUNTABLE = 2**31 - 1
"""The most that one answer counts for; a server that claims more is not worth failing for."""
KEPT = timedelta(days=7)
"""How long sums by the hour are kept; no window is as long."""


@dataclass(frozen=True)
class Spent:
    """Tokens (written, sent) by scope."""

    mail: tuple[int, int]
    sender: tuple[int, int]
    mailbox: tuple[int, int]
    day: tuple[int, int]

    def of(self, scope: str) -> tuple[int, int]:
        found: tuple[int, int] = getattr(self, scope)
        return found


def _adding(insert: Any) -> Any:
    """For one row: several in one VALUES would be compiled anew each time."""
    both = ("input_tokens", "output_tokens")
    return insert.on_conflict_do_update(
        index_elements=[spending.c[name] for name in ("scope", "owner", "hour", "part")],
        set_={name: spending.c[name] + insert.excluded[name] for name in both},
    )


_ADD = {True: _adding(sqlite.insert(spending)), False: _adding(postgresql.insert(spending))}
"""By whether the database is SQLite."""
_RECENT = spending.c.hour > bindparam("since")
_SPENT = (
    select(
        spending.c.scope,
        func.coalesce(func.sum(spending.c.output_tokens), 0),
        func.coalesce(func.sum(spending.c.input_tokens), 0),
    )
    .where(
        ((spending.c.scope == "mail") & (spending.c.owner == bindparam("mail")))
        | ((spending.c.scope == "sender") & (spending.c.owner == bindparam("sender")) & _RECENT)
        | ((spending.c.scope == "mailbox") & (spending.c.owner == bindparam("mailbox")) & _RECENT)
        | ((spending.c.scope == "day") & (spending.c.owner == "") & _RECENT)
    )
    .group_by(spending.c.scope)
)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


async def add(
    db: Database,
    tx: Tx,
    *,
    mail_id: str,
    author: str,
    mailbox: str,
    input_tokens: int,
    output_tokens: int,
    now: datetime,
) -> None:
    if not input_tokens and not output_tokens:
        return
    part = zlib.crc32(mail_id.encode()) % PARTS
    # In one order, so that no two wait for each other.
    owners = (("day", "", part), ("mail", mail_id, 0), ("mailbox", mailbox, part), ("sender", author, 0))
    spent = {
        "hour": _hour(now),
        "input_tokens": min(input_tokens, COUNTABLE),
        "output_tokens": min(output_tokens, COUNTABLE),
    }
    rows = [{"scope": scope, "owner": owner, "part": of, **spent} for scope, owner, of in owners]
    await tx.execute(_ADD[db.is_sqlite], rows)


async def spent(tx: Tx, since: datetime, *, mail_id: str, author: str, mailbox: str) -> Spent:
    """What models' answers said that they cost: of this mail ever, else in the hours that begin after an instant."""
    rows = await tx.execute(_SPENT, {"since": since, "mail": mail_id, "sender": author, "mailbox": mailbox})
    found = {scope: (int(written), int(sent)) for scope, written, sent in rows}
    return Spent(**{scope: found.get(scope, (0, 0)) for scope in Spent.__dataclass_fields__})


async def prune(tx: Tx, now: datetime) -> int:
    """Forget sums by the hour that no window reaches any more; a mail's own stay. Gives how many."""
    old = delete(spending).where(spending.c.hour < now - KEPT, spending.c.scope != "mail")
    return (await tx.execute(old)).rowcount
