"""The outbox: what was decided to leave, with every attempt.

Rules:
- An attempt is a row before the first byte is on the wire.
- One live delivery for each idempotency key (a unique index says so): a mail causes one reply.
- A transition names the state that it leaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Select, Update, bindparam, case, exists, func, select, union_all, update
from sqlalchemy.exc import IntegrityError

from agent.states import OutboxState
from agent.store import jobs, locks
from agent.store.database import Tx
from agent.store.pauses import EVERYWHERE
from agent.store.statements import one_of
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
    settled: dict[str, str] = field(default_factory=dict)
    """Of several recipients, who is served no more: see `agent.serving`."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody whom it is for, the author first."""
        return (self.recipient, *self.email.get("copies", ()))


@dataclass(frozen=True)
class Attempt:
    n: int
    begun_at: datetime
    ended_at: datetime | None
    result: str
    detail: str


_COLUMNS = [outbox.c[name] for name in Delivery.__dataclass_fields__] + [outbox.c.raw]
_COUNTED = (outbox.c.state != OutboxState.FAILED) & (outbox.c.state != OutboxState.REFUSED)
"""Left, or may have, or will. (Said so, and not as a list of states: SQLite would look up the state `sent`.)"""
_OF: BindParameter[str] = bindparam("of")
_BUT: BindParameter[str] = bindparam("but")
_GET = select(*_COLUMNS).where(outbox.c.id == _OF)
_OF_MAIL = select(*_COLUMNS).where(outbox.c.mail_id == _OF).order_by(outbox.c.created_at)
_PUT = outbox.insert()
_BEGIN = (
    update(outbox)
    .where(outbox.c.id == _OF, outbox.c.state == OutboxState.QUEUED)
    .values(state=OutboxState.ATTEMPTING, attempts=outbox.c.attempts + 1)
    .returning(outbox.c.attempts)
)
_PUT_ATTEMPT = attempt.insert()
_END_ATTEMPT = update(attempt).where(attempt.c.outbox_id == _OF, attempt.c.ended_at.is_(None))
_COPIES = select(mail.c.id).where(mail.c.content_key == bindparam("copy"), mail.c.content_key != "")
_ANSWERED = (
    select(outbox.c.id)
    .where(
        outbox.c.mail_id.in_(union_all(select(_OF), _COPIES).subquery().select()),
        _COUNTED,
        outbox.c.id != _BUT,
    )
    .limit(1)
)
NOT_PAUSED = jobs.claiming(
    leave=exists().where(
        outbox.c.id == job.c.ref,
        outbox.c.state == OutboxState.QUEUED,
        (pause.c.scope == outbox.c.mailbox) | (pause.c.scope == EVERYWHERE),
    )
)
"""Claims deliveries that no pause keeps back. One whose attempt is open is not kept back: it needs its outcome."""


@cache
def _moving(source: frozenset[OutboxState]) -> Update:
    return update(outbox).where(outbox.c.id == _OF, one_of(outbox.c.state, sorted(source)))


def _counting(*, but: bool) -> Select[*tuple[Any, ...]]:
    """Counts for the caps; of a judged delivery, those decided before it, which it was counted with."""
    live = (outbox.c.created_at >= bindparam("since")) & _COUNTED
    if but:
        decided = select(outbox.c.created_at).where(outbox.c.id == _BUT).scalar_subquery()
        live &= outbox.c.id != _BUT
        live &= (outbox.c.created_at < decided) | ((outbox.c.created_at == decided) & (outbox.c.id < _BUT))
    scopes = [
        outbox.c.conversation_id == bindparam("conversation"),
        outbox.c.recipient == bindparam("recipient"),
        func.lower(outbox.c.recipient).like(bindparam("domain"), escape="/"),
        outbox.c.mailbox == bindparam("mailbox"),
    ]
    return select(*(func.count(case((one, 1))) for one in scopes), func.count()).where(live)


_LIKE_MEANS = re.compile(r"[/%_]")
_COUNT_ALL = _counting(but=False)
_COUNT_BEFORE = _counting(but=True)


def _delivery(row: Any) -> Delivery:
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public way to a row's mapping)
    values["state"] = OutboxState(values["state"])
    values["settled"] = values["settled"] or {}
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
                _PUT,
                {
                    "id": delivery_id,
                    "draft_id": draft_id,
                    "mail_id": mail_id,
                    "conversation_id": conversation_id,
                    "mailbox": mailbox,
                    "idempotency_key": idempotency_key,
                    "state": OutboxState.QUEUED,
                    "attempts": 0,
                    "recipient": email.recipient,
                    "message_id": email.message_id,
                    "email": email.model_dump(mode="json", exclude={"raw"}),
                    "raw": email.raw,
                    "created_at": now,
                    "updated_at": now,
                },
            )
    except IntegrityError as error:
        raise AlreadyAnsweredError("a reply to this mail is on its way or was sent") from error


async def get(tx: Tx, delivery_id: str) -> Delivery | None:
    row = (await tx.execute(_GET, {"of": delivery_id})).first()
    return None if row is None else _delivery(row)


async def locked(tx: Tx, delivery_id: str) -> Delivery | None:
    """Lock the conversation, then read: what is decided on this still holds at commit."""
    found = await get(tx, delivery_id)
    if found is None:
        return None
    await locks.conversation(tx, found.conversation_id)
    return await get(tx, delivery_id) if locks.may_change(tx) else found


async def of_mail(tx: Tx, mail_id: str) -> list[Delivery]:
    return [_delivery(row) for row in await tx.execute(_OF_MAIL, {"of": mail_id})]


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
    tx: Tx,
    delivery_id: str,
    source: Iterable[OutboxState],
    target: OutboxState,
    *,
    now: datetime,
    detail: str = "",
    settled: Mapping[str, str] | None = None,
) -> bool:
    """Take the delivery from one of `source` to `target`; False where it stood elsewhere."""
    values: dict[str, Any] = {"state": target, "updated_at": now, "detail": detail[:1000]}
    if settled is not None:
        values["settled"] = dict(settled)
    done = await tx.execute(_moving(frozenset(source)), {"of": delivery_id, **values})
    return done.rowcount == 1


async def begin(tx: Tx, delivery_id: str, now: datetime) -> bool:
    """Record that an attempt starts; False where the delivery is not queued."""
    n = (await tx.execute(_BEGIN, {"of": delivery_id, "updated_at": now})).scalar()
    if n is None:
        return False
    await tx.execute(_PUT_ATTEMPT, {"outbox_id": delivery_id, "n": n, "begun_at": now})
    return True


async def end_attempt(tx: Tx, delivery_id: str, *, result: str, detail: str, now: datetime) -> None:
    """Give the open attempt its outcome."""
    await tx.execute(_END_ATTEMPT, {"of": delivery_id, "ended_at": now, "result": result, "detail": detail[:1000]})


async def attempts(tx: Tx, delivery_id: str) -> list[Attempt]:
    rows = await tx.execute(
        select(attempt.c.n, attempt.c.begun_at, attempt.c.ended_at, attempt.c.result, attempt.c.detail)
        .where(attempt.c.outbox_id == delivery_id)
        .order_by(attempt.c.n)
    )
    return [Attempt(*row) for row in rows]


async def answered(tx: Tx, *, mail_id: str, content_key: str, but: str = "") -> bool:
    """True where this mail, or another copy of it, has a live reply other than delivery `but`."""
    row = await tx.execute(_ANSWERED, {"of": mail_id, "copy": content_key, "but": but})
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
    asked = {
        "since": since,
        "conversation": conversation_id,
        "recipient": recipient,
        "domain": "%@" + _LIKE_MEANS.sub(r"/\g<0>", recipient.rpartition("@")[2].lower()),
        "mailbox": mailbox,
    }
    if but:
        return Sends(*(await tx.execute(_COUNT_BEFORE, {**asked, "but": but})).one())
    return Sends(*(await tx.execute(_COUNT_ALL, asked)).one())
