"""Mail of ours that is no reply: notices to the operator's own people, and canaries.

Rules:
- Told once: a key says what a notice is about, and a second one with it is not stored.
- A claim is a conditional update that moves the due time past the lease; whoever's token is older writes nothing.
- What a notice said is emptied when it left: it is about other people's mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, literal, select, update

from agent.ids import new_id
from agent.states import MailStatus, NoticeState
from agent.store.database import Database, Tx
from agent.store.statements import one_of
from agent.store.tables import mail, notice

SLACK = "slack"
"""As recipient: the configured webhook of a chat."""


@dataclass(frozen=True)
class Notice:
    id: str
    key: str
    kind: str
    mailbox: str
    recipient: str
    subject: str
    body: str
    mail_id: str
    state: NoticeState
    attempts: int
    token: int
    detail: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Waiting:
    """A mail that somebody should look at."""

    mail_id: str
    mailbox: str
    received_at: datetime
    status: MailStatus
    subject: str
    author: str


_COLUMNS = tuple(notice.c[name] for name in Notice.__dataclass_fields__)
_QUEUED = notice.c.state == literal(NoticeState.QUEUED.value, literal_execute=True)
_DUE = (
    select(notice.c.id)
    .where(_QUEUED, notice.c.due_at <= bindparam("by"), notice.c.recipient != "")
    .order_by(notice.c.due_at)
    .limit(bindparam("most"))
)
_TAKE = (
    update(notice)
    .where(notice.c.id.in_(select(_DUE.with_for_update(skip_locked=True).cte("mine").c.id)))
    .values(due_at=bindparam("until"), token=notice.c.token + 1, attempts=notice.c.attempts + 1)
    .returning(*_COLUMNS)
)
_HELD = (notice.c.id == bindparam("of_id")) & (notice.c.token == bindparam("of_token")) & _QUEUED
_CHANGE = update(notice).where(_HELD)
_WORDLESS = select(*_COLUMNS).where(_QUEUED, notice.c.recipient == "", notice.c.due_at <= bindparam("by"))
_LAST = select(*_COLUMNS).where(notice.c.kind == bindparam("kind")).order_by(notice.c.created_at.desc())


def _notice(row: Any) -> Notice:
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public way to a row's mapping)
    return Notice(**{**values, "state": NoticeState(values["state"])})


async def put(
    db: Database,
    tx: Tx,
    *,
    key: str,
    kind: str,
    mailbox: str,
    now: datetime,
    recipient: str = "",
    subject: str = "",
    body: str = "",
    mail_id: str = "",
    state: NoticeState = NoticeState.QUEUED,
) -> str | None:
    """Store a notice, due now; its id, or None where this was told before."""
    row = {
        "id": new_id("n", now),
        "key": key,
        "kind": kind,
        "mailbox": mailbox,
        "recipient": recipient,
        "subject": subject,
        "body": body,
        "mail_id": mail_id,
        "state": state,
        "due_at": now,
        "created_at": now,
    }
    fresh = db.insert(notice).values(row).on_conflict_do_nothing(index_elements=[notice.c.key])
    found = (await tx.execute(fresh.returning(notice.c.id))).first()
    return None if found is None else str(found[0])


async def get(tx: Tx, notice_id: str) -> Notice | None:
    row = (await tx.execute(select(*_COLUMNS).where(notice.c.id == notice_id))).first()
    return None if row is None else _notice(row)


async def told(tx: Tx, keys: Sequence[str]) -> bool:
    """True where one of these was noted."""
    return (await tx.execute(select(notice.c.id).where(notice.c.key.in_(list(keys))).limit(1))).first() is not None


async def claim(db: Database, *, now: datetime, lease: timedelta, limit: int) -> list[Notice]:
    """Take up to `limit` that are due, each for `lease`."""
    async with db.read() as look:
        if (await look.execute(_DUE, {"by": now, "most": 1})).first() is None:
            return []
    async with db.write() as tx:
        rows = await tx.execute(_TAKE, {"by": now, "most": limit, "until": now + lease})
        return sorted((_notice(row) for row in rows.all()), key=lambda one: one.id)


async def end(tx: Tx, held: Notice, state: NoticeState, detail: str, *, now: datetime) -> bool:
    """Say how it ended; False where the claim passed on, or a canary has arrived meanwhile."""
    done = await tx.execute(
        _CHANGE,
        {
            "of_id": held.id,
            "of_token": held.token,
            "state": state,
            "detail": detail[:500],
            "body": "",
            "ended_at": now,
        },
    )
    return done.rowcount == 1


async def put_back(tx: Tx, held: Notice, *, due_at: datetime, detail: str) -> None:
    await tx.execute(_CHANGE, {"of_id": held.id, "of_token": held.token, "due_at": due_at, "detail": detail[:500]})


async def wordless(tx: Tx, *, now: datetime, limit: int) -> list[Notice]:
    """What is to be told and has no words yet, oldest first."""
    rows = await tx.execute(_WORDLESS.order_by(notice.c.due_at, notice.c.id).limit(limit), {"by": now})
    return [_notice(row) for row in rows.all()]


async def worded(tx: Tx, found: Notice, *, now: datetime) -> bool:
    """It stands in a notice that has words; False where somebody else told it."""
    changed = {"of_id": found.id, "of_token": found.token, "state": NoticeState.SENT, "ended_at": now}
    return (await tx.execute(_CHANGE, changed)).rowcount == 1


async def arrived(tx: Tx, notice_id: str, *, door: str, now: datetime) -> bool:
    """A canary came in by its door; False for what is none, came before, or came by another."""
    states = one_of(notice.c.state, [NoticeState.QUEUED, NoticeState.SENT])
    done = await tx.execute(
        update(notice)
        .where(notice.c.id == notice_id, notice.c.kind == "canary", notice.c.mailbox == door, states)
        .values(state=NoticeState.ARRIVED, body="", ended_at=now)
    )
    return done.rowcount == 1


async def last(tx: Tx, kind: str, limit: int = 100) -> list[Notice]:
    """Newest first."""
    return [_notice(row) for row in await tx.execute(_LAST.limit(limit), {"kind": kind})]


async def untold(tx: Tx, event: str, statuses: Sequence[MailStatus], *, before: datetime, limit: int) -> list[Waiting]:
    """Mails in these states that came before then and about which `event` was not told, oldest first."""
    told = select(notice.c.id).where(notice.c.key == literal(f"{event}:").concat(mail.c.id))
    rows = await tx.execute(
        select(mail.c.id, mail.c.mailbox, mail.c.received_at, mail.c.status, mail.c.subject, mail.c.author)
        .where(one_of(mail.c.status, list(statuses)), mail.c.received_at <= before, ~told.exists())
        .order_by(mail.c.received_at)
        .limit(limit)
    )
    return [Waiting(row[0], row[1], row[2], MailStatus(row[3]), row[4], row[5]) for row in rows]


async def counts(tx: Tx, statuses: Sequence[MailStatus]) -> list[tuple[str, MailStatus, int, datetime]]:
    """How many mails of each mailbox are in each of these states, and when the oldest came."""
    rows = await tx.execute(
        select(mail.c.mailbox, mail.c.status, func.count(), func.min(mail.c.received_at))
        .where(one_of(mail.c.status, list(statuses)))
        .group_by(mail.c.mailbox, mail.c.status)
        .order_by(mail.c.mailbox, mail.c.status)
    )
    return [(row[0], MailStatus(row[1]), row[2], row[3]) for row in rows]


async def prune(tx: Tx, before: datetime) -> int:
    """Forget ended ones; those that say about which mail something was told stay with their mail."""
    kinds = one_of(notice.c.kind, ["notice", "digest", "canary", "canary_silent"])
    gone = await tx.execute(delete(notice).where(kinds, ~_QUEUED, notice.c.created_at < before))
    return int(gone.rowcount)
