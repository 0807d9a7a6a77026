"""What people say of replies that left: they were right, or they should not have been sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select

from agent.store.database import Database, Tx
from agent.store.desk_tables import verdict


@dataclass(frozen=True)
class Verdict:
    draft_id: str
    mail_id: str
    entry: str
    """Mailbox and playbook entry; empty for free text."""
    good: bool
    at: datetime
    by: str
    reason: str


_COLUMNS = [verdict.c[name] for name in Verdict.__dataclass_fields__]
_OF_ENTRY = verdict.c.entry == bindparam("of", type_=verdict.c.entry.type)
_LAST_BAD = select(func.max(verdict.c.at)).where(_OF_ENTRY, verdict.c.good == 0)
_GOOD_SINCE = (
    select(func.count())
    .select_from(verdict)
    .where(_OF_ENTRY, verdict.c.good == 1, verdict.c.at >= bindparam("since", type_=verdict.c.at.type))
)


def _verdict(row: Sequence[object]) -> Verdict:
    draft_id, mail_id, entry, good, at, by, reason = row
    return Verdict(str(draft_id), str(mail_id), str(entry), bool(good), at, str(by), str(reason))  # type: ignore[arg-type]  # an Instant


async def put(db: Database, tx: Tx, said: Verdict) -> None:
    """The last word counts."""
    values = {**vars(said), "good": int(said.good)}
    fresh = db.insert(verdict).values(values)
    changed = {name: values[name] for name in ("good", "at", "by", "reason")}
    await tx.execute(fresh.on_conflict_do_update(index_elements=[verdict.c.draft_id], set_=changed))


async def drop(tx: Tx, draft_id: str) -> None:
    """The reply did not leave after all."""
    await tx.execute(delete(verdict).where(verdict.c.draft_id == draft_id))


async def of_mail(tx: Tx, mail_id: str) -> dict[str, Verdict]:
    """By draft."""
    rows = await tx.execute(select(*_COLUMNS).where(verdict.c.mail_id == mail_id))
    return {row.draft_id: _verdict(row) for row in rows}


async def good_since_bad(tx: Tx, entry: str) -> int | None:
    """How many replies from this entry were right since the last that should not have been sent; None without one."""
    at = (await tx.execute(_LAST_BAD, {"of": entry})).scalar_one()
    if at is None:
        return None
    return int((await tx.execute(_GOOD_SINCE, {"of": entry, "since": at})).scalar_one())


async def since(tx: Tx, at: datetime, *, limit: int) -> list[Verdict]:
    """Newest first."""
    rows = await tx.execute(select(*_COLUMNS).where(verdict.c.at >= at).order_by(verdict.c.at.desc()).limit(limit))
    return [_verdict(row) for row in rows]
