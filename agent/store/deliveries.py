"""The outbox: what was decided to leave, with every attempt.

Rules:
- An attempt is a row before the first byte is on the wire.
- One live delivery for each idempotency key (a unique index says so): a mail causes one reply.
- A transition names the state that it leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.exc import IntegrityError

from agent.states import OutboxState
from agent.store import locks
from agent.store.database import Tx
from agent.store.pauses import EVERYWHERE
from agent.store.tables import attempt, job, mail, outbox, pause
from outbound.contracts import ApprovedEmail


class AlreadyAnsweredError(Exception):
    """A reply to this mail is on its way or was sent."""


@dataclass(frozen=True)
class Delivery:
    id: str
    draft_id: str
    mail_id: str
    conversation_id: str
    mailbox: str
    idempotency_key: str
    state: OutboxState
    attempts: int
    recipient: str
    message_id: str
    email: dict[str, Any]
    """The fields of the ApprovedEmail, `raw` included; not believed before `authorize.restore` has checked the seal."""
    detail: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Attempt:
    n: int
    begun_at: datetime
    ended_at: datetime | None
    result: str
    detail: str


_COLUMNS = [outbox.c[name] for name in Delivery.__dataclass_fields__] + [outbox.c.raw]
_COUNTED = [OutboxState.QUEUED, OutboxState.ATTEMPTING, OutboxState.SENT, OutboxState.IN_DOUBT]


def _delivery(row: Any) -> Delivery:
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public way to a row's mapping)
    values["state"] = OutboxState(values["state"])
    values["email"] = {**values["email"], "raw": bytes(values.pop("raw"))}
    return Delivery(**values)


async def put(
    tx: Tx,
    *,
    delivery_id: str,
    draft_id: str,
    mail_id: str,
    conversation_id: str,
    mailbox: str,
    idempotency_key: str,
    email: ApprovedEmail,
    now: datetime,
) -> None:
    """Queue a delivery. Raises AlreadyAnsweredError where the mail has a live one."""
    try:
        async with tx.begin_nested():  # PostgreSQL gives up a whole transaction for one broken constraint
            await tx.execute(
                outbox.insert().values(
                    id=delivery_id,
                    draft_id=draft_id,
                    mail_id=mail_id,
                    conversation_id=conversation_id,
                    mailbox=mailbox,
                    idempotency_key=idempotency_key,
                    state=OutboxState.QUEUED,
                    attempts=0,
                    recipient=email.recipient,
                    message_id=email.message_id,
                    email=email.model_dump(mode="json", exclude={"raw"}),
                    raw=email.raw,
                    created_at=now,
                    updated_at=now,
                )
            )
    except IntegrityError as error:
        raise AlreadyAnsweredError("a reply to this mail is on its way or was sent") from error


async def get(tx: Tx, delivery_id: str) -> Delivery | None:
    row = (await tx.execute(select(*_COLUMNS).where(outbox.c.id == delivery_id))).first()
    return None if row is None else _delivery(row)


async def locked(tx: Tx, delivery_id: str) -> Delivery | None:
    """Lock the conversation first, then read: what is decided on this still holds at commit."""
    found = (await tx.execute(select(outbox.c.conversation_id).where(outbox.c.id == delivery_id))).scalar()
    if found is None:
        return None
    await locks.conversation(tx, found)
    return await get(tx, delivery_id)


async def of_mail(tx: Tx, mail_id: str) -> list[Delivery]:
    rows = await tx.execute(select(*_COLUMNS).where(outbox.c.mail_id == mail_id).order_by(outbox.c.created_at))
    return [_delivery(row) for row in rows]


def paused() -> ColumnElement[bool]:
    """Holds for a job of a delivery that a pause keeps back. One whose attempt is open is not: it needs its outcome."""
    return exists().where(
        outbox.c.id == job.c.ref,
        outbox.c.state == OutboxState.QUEUED,
        (pause.c.scope == outbox.c.mailbox) | (pause.c.scope == EVERYWHERE),
    )


async def in_state(tx: Tx, state: OutboxState, *, limit: int) -> list[Delivery]:
    rows = await tx.execute(select(*_COLUMNS).where(outbox.c.state == state).order_by(outbox.c.updated_at).limit(limit))
    return [_delivery(row) for row in rows]


async def by_message_id(tx: Tx, message_ids: Sequence[str]) -> Delivery | None:
    """The delivery that one of these Message-IDs names."""
    if not message_ids:
        return None
    row = (await tx.execute(select(*_COLUMNS).where(outbox.c.message_id.in_(list(message_ids))).limit(1))).first()
    return None if row is None else _delivery(row)


async def move(
    tx: Tx, delivery_id: str, source: Iterable[OutboxState], target: OutboxState, *, now: datetime, detail: str = ""
) -> bool:
    """Take the delivery from one of `source` to `target`; False where it stood elsewhere."""
    done = await tx.execute(
        update(outbox)
        .where(outbox.c.id == delivery_id, outbox.c.state.in_(list(source)))
        .values(state=target, updated_at=now, detail=detail[:1000])
    )
    return done.rowcount == 1


async def begin(tx: Tx, delivery_id: str, now: datetime) -> bool:
    """Record that an attempt starts; False where the delivery is not queued."""
    done = await tx.execute(
        update(outbox)
        .where(outbox.c.id == delivery_id, outbox.c.state == OutboxState.QUEUED)
        .values(state=OutboxState.ATTEMPTING, attempts=outbox.c.attempts + 1, updated_at=now)
        .returning(outbox.c.attempts)
    )
    n = done.scalar()
    if n is None:
        return False
    await tx.execute(attempt.insert().values(outbox_id=delivery_id, n=n, begun_at=now))
    return True


async def end_attempt(tx: Tx, delivery_id: str, *, result: str, detail: str, now: datetime) -> None:
    """Give the open attempt its outcome."""
    await tx.execute(
        update(attempt)
        .where(attempt.c.outbox_id == delivery_id, attempt.c.ended_at.is_(None))
        .values(ended_at=now, result=result, detail=detail[:1000])
    )


async def attempts(tx: Tx, delivery_id: str) -> list[Attempt]:
    rows = await tx.execute(
        select(attempt.c.n, attempt.c.begun_at, attempt.c.ended_at, attempt.c.result, attempt.c.detail)
        .where(attempt.c.outbox_id == delivery_id)
        .order_by(attempt.c.n)
    )
    return [Attempt(*row) for row in rows]


async def answered(tx: Tx, *, mail_id: str, content_key: str, but: str = "") -> bool:
    """True where this mail, or another copy of it, has a live reply other than delivery `but`."""
    row = await tx.execute(
        select(outbox.c.id)
        .join(mail, mail.c.id == outbox.c.mail_id)
        .where(
            outbox.c.state.in_(_COUNTED),
            outbox.c.id != but,
            (outbox.c.mail_id == mail_id) | ((mail.c.content_key == content_key) & (mail.c.content_key != "")),
        )
        .limit(1)
    )
    return row.first() is not None


@dataclass(frozen=True)
class Sends:
    """Replies that left or are on their way, since an instant."""

    conversation: int
    recipient: int
    domain: int
    mailbox: int
    total: int


async def sends_since(
    tx: Tx, since: datetime, *, conversation_id: str, recipient: str, mailbox: str, but: str = ""
) -> Sends:
    """Count replies for the caps; of a judged delivery `but`, those decided before it, which it was counted with."""
    live = (outbox.c.created_at >= since) & outbox.c.state.in_(_COUNTED) & (outbox.c.id != but)
    if but:
        decided = select(outbox.c.created_at).where(outbox.c.id == but).scalar_subquery()
        live &= (outbox.c.created_at < decided) | ((outbox.c.created_at == decided) & (outbox.c.id < but))
    domain = recipient.rpartition("@")[2]

    def counted(*conditions: Any) -> Any:
        return select(func.count()).select_from(outbox).where(live, *conditions).scalar_subquery()

    row = (
        await tx.execute(
            select(
                counted(outbox.c.conversation_id == conversation_id),
                counted(outbox.c.recipient == recipient),
                counted(func.lower(outbox.c.recipient).endswith("@" + domain.lower(), autoescape=True)),
                counted(outbox.c.mailbox == mailbox),
                counted(),
            )
        )
    ).one()
    return Sends(*row)
