"""Mails: stored raw before anything reads them, then described, then moved on by what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.dml import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite.dml import Insert as SqliteInsert

from agent.ids import new_id
from agent.states import MAIL_AFTER, JobKind, JobState, MailStatus, OutboxState
from agent.store import locks, marks, searching
from agent.store.database import MUCH, Database, Tx
from agent.store.statements import one_of
from agent.store.tables import (
    answer_claim,
    conversation,
    delivery_event,
    intent,
    job,
    mail,
    outbox,
    raw_mail,
    routing,
    webhook_seen,
)
from inbound.contracts import InboundEmailIntent, Seen


@dataclass(frozen=True)
class Arrival:
    """One mail at the door, before the commit."""

    id: str
    door_key: str
    sha256: str
    data: bytes
    envelope: dict[str, Any]
    mailboxes: tuple[str, ...]
    """Ours that it was addressed to, in configuration order; the first answers. Empty for a report to a return path."""
    received_at: datetime
    version: str
    seen: Seen | None = None


@dataclass(frozen=True)
class Mail:
    id: str
    sha256: str
    size: int
    envelope: dict[str, Any]
    received_at: datetime
    status: MailStatus
    status_reason: str
    mailbox: str
    conversation_id: str | None
    message_id: str
    author: str
    author_name: str
    authenticated: str
    subject: str
    kind: str
    content_key: str
    normalized: dict[str, Any] | None
    auth: dict[str, Any] | None
    screening: dict[str, Any] | None


@dataclass(frozen=True)
class Description:
    """What triage found out about one mail; columns of the same names."""

    mailbox: str
    message_id: str
    author: str
    author_name: str
    authenticated: str
    subject: str
    kind: str
    content_key: str
    normalized: dict[str, Any] | None
    auth: dict[str, Any] | None
    screening: dict[str, Any] | None


@dataclass(frozen=True)
class Listed:
    """A line of a list: what does not need the mail's text."""

    id: str
    received_at: datetime
    status: MailStatus
    status_reason: str
    mailbox: str
    author: str
    author_name: str
    authenticated: str
    subject: str
    intent: InboundEmailIntent | None


LISTED = [mail.c[name] for name in Listed.__dataclass_fields__ if name != "intent"]


def listed_row(row: Any) -> Listed:
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public way to a row's mapping)
    values["status"] = MailStatus(values["status"])
    values["intent"] = InboundEmailIntent.model_validate(values["intent"]) if values["intent"] else None
    return Listed(**values)


_COLUMNS = [mail.c[name] for name in Mail.__dataclass_fields__]
_OF: BindParameter[str] = bindparam("of")
_GET = select(*_COLUMNS).where(mail.c.id == _OF)
_RAW = select(raw_mail.c.data).where(raw_mail.c.mail_id == _OF)


def _putting_intent(insert: SqliteInsert | PostgresInsert) -> SqliteInsert | PostgresInsert:
    again = {name: insert.excluded[name] for name in ("data", "model", "prompt_version", "created_at")}
    return insert.on_conflict_do_update(index_elements=[intent.c.mail_id], set_=again)


_PUT_INTENT = {True: _putting_intent(sqlite.insert(intent)), False: _putting_intent(postgresql.insert(intent))}
"""By whether the database is SQLite; so the next one."""
_CLAIM = {
    True: sqlite.insert(answer_claim).on_conflict_do_nothing(),
    False: postgresql.insert(answer_claim).on_conflict_do_nothing(),
}
_DESCRIBE = update(mail).where(mail.c.id == _OF)
_MOVE = {
    to: _DESCRIBE.where(
        one_of(mail.c.status, [state for state in MailStatus if state is to or to in MAIL_AFTER[state]])
    )
    for to in MailStatus
}
_GET_INTENT = select(intent.c.data).where(intent.c.mail_id == _OF)
_CLAIM_HOLDER = select(answer_claim.c.mail_id).where(answer_claim.c.claim_key == bindparam("key"))
_LAST_REPLY = (
    select(func.max(outbox.c.created_at))
    .where(outbox.c.conversation_id == bindparam("conversation"), outbox.c.state == OutboxState.SENT)
    .scalar_subquery()
)
_OLDER_UNANSWERED = (
    select(mail.c.id)
    .where(
        mail.c.conversation_id == bindparam("conversation"),
        mail.c.id != bindparam("head"),
        mail.c.status == MailStatus.JOINED,
        (mail.c.received_at > _LAST_REPLY) | _LAST_REPLY.is_(None),
    )
    .limit(1)
)
_IN_CONVERSATION = (
    select(*_COLUMNS)
    .where(mail.c.conversation_id == bindparam("conversation"))
    .order_by(mail.c.received_at.desc(), mail.c.id.desc())
    .limit(bindparam("most"))
)


def _mail(row: Any) -> Mail:
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public way to a row's mapping)
    values["status"] = MailStatus(values["status"])
    return Mail(**values)


async def accept_all(db: Database, arrivals: Sequence[Arrival]) -> list[tuple[str, bool]]:
    """Store a group of mails with their triage jobs in one commit.

    Gives (mail id, is a duplicate) for each, in order. The same bytes with the same envelope are stored once. What is
    named by `seen` is stored once too; where it was with other bytes, the mail id is empty.
    """
    async with db.write() as tx:
        others = await _named_others(db, tx, [one for one in arrivals if one.seen])
        stored = await _accept(db, tx, [one for one in arrivals if one.id not in others])
    return [("", True) if one.id in others else stored[one.id] for one in arrivals]


async def _named_others(db: Database, tx: Tx, named: Sequence[Arrival]) -> set[str]:
    """Ids of arrivals whose provider's name belongs to other bytes; the names of the rest are noted."""
    if not named:
        return set()
    rows = {
        one.seen.key: {"key": one.seen.key, "door_key": one.door_key, "at": one.received_at}
        for one in named
        if one.seen
    }
    fresh = db.insert(webhook_seen).on_conflict_do_nothing(index_elements=[webhook_seen.c.key])
    await tx.execute(fresh, [rows[key] for key in sorted(rows)])
    known = await tx.execute(
        select(webhook_seen.c.key, webhook_seen.c.door_key).where(webhook_seen.c.key.in_(list(rows)))
    )
    first = {row.key: row.door_key for row in known}
    return {one.id for one in named if one.seen and first[one.seen.key] != one.door_key}


async def _accept(db: Database, tx: Tx, arrivals: Sequence[Arrival]) -> dict[str, tuple[str, bool]]:
    first: dict[str, Arrival] = {}
    for arrival in arrivals:
        first.setdefault(arrival.door_key, arrival)
    if not first:
        return {}
    # In one order: two doors that take the same mails at once then wait for each other one way only.
    candidates = [first[key] for key in sorted(first)]
    await tx.execute(db.insert(mail).on_conflict_do_nothing(index_elements=[mail.c.door_key]), _rows(candidates))
    rows = await tx.execute(select(mail.c.door_key, mail.c.id).where(mail.c.door_key.in_(list(first))))
    stored = {row.door_key: row.id for row in rows}
    fresh = [arrival for arrival in candidates if stored[arrival.door_key] == arrival.id]
    if fresh:
        await _insert(tx, fresh)
    new = {arrival.id for arrival in fresh}
    return {arrival.id: (stored[arrival.door_key], arrival.id not in new) for arrival in arrivals}


async def prune_seen(tx: Tx, before: datetime) -> int:
    """Forget providers' names for mails that came before an instant; gives how many."""
    return (await tx.execute(delete(webhook_seen).where(webhook_seen.c.at < before))).rowcount


def _rows(arrivals: Sequence[Arrival]) -> list[dict[str, Any]]:
    return [
        {
            "id": a.id,
            "door_key": a.door_key,
            "sha256": a.sha256,
            "size": len(a.data),
            "envelope": a.envelope,
            "received_at": a.received_at,
            "status": MailStatus.RECEIVED,
            "mailbox": a.mailboxes[0] if a.mailboxes else "",
            "version": a.version,
        }
        for a in arrivals
    ]


async def _insert(tx: Tx, fresh: Sequence[Arrival]) -> None:
    await tx.execute(raw_mail.insert(), [{"mail_id": a.id, "data": a.data} for a in fresh])
    routes = [
        {"mail_id": a.id, "mailbox": mailbox, "answers": int(n == 0)}
        for a in fresh
        for n, mailbox in enumerate(a.mailboxes)
    ]
    if routes:
        await tx.execute(routing.insert(), routes)
    await tx.execute(
        job.insert(),
        [
            {
                "id": new_id("j", a.received_at),
                "kind": JobKind.TRIAGE,
                "ref": a.id,
                "state": JobState.DUE,
                "due_at": a.received_at,
            }
            for a in fresh
        ],
    )


async def get(tx: Tx, mail_id: str) -> Mail | None:
    row = (await tx.execute(_GET, {"of": mail_id})).first()
    return None if row is None else _mail(row)


async def locked(tx: Tx, mail_id: str) -> Mail | None:
    """Lock the mail and its conversation first, then read: what is decided on this still holds at commit."""
    await locks.mail(tx, mail_id)
    found = await get(tx, mail_id)
    if found is None or found.conversation_id is None:
        return found
    await locks.conversation(tx, found.conversation_id)
    return await get(tx, mail_id) if locks.may_change(tx) else found


async def raw(tx: Tx, mail_id: str) -> bytes | None:
    """The bytes as they came; None after retention pruned them."""
    data: bytes | None = (await tx.execute(_RAW, {"of": mail_id})).scalar()
    return data


async def with_raw(db: Database, mail_id: str) -> tuple[Mail, bytes] | None:
    """A mail with its bytes; None where either is gone. Nothing large is read on the loop."""
    async with db.glance() as look:
        found = await get(look, mail_id)
        data = await raw(look, mail_id) if found and found.size <= MUCH else None
    if found is not None and found.size > MUCH:
        async with db.read() as tx:
            data = await raw(tx, mail_id)
    return None if found is None or data is None else (found, data)


async def prune_raw(tx: Tx, before: datetime, limit: int) -> int:
    """Forget the bytes of mail that came before an instant and is done with; gives how many."""
    done = [MailStatus.ANSWERED, MailStatus.CLOSED, MailStatus.RECORDED, MailStatus.DUPLICATE, MailStatus.JOINED]
    old = (
        select(mail.c.id)
        .join(raw_mail, raw_mail.c.mail_id == mail.c.id)
        .where(mail.c.status.in_(done), mail.c.received_at < before)
        .order_by(mail.c.received_at)
        .limit(limit)
    )
    return (await tx.execute(delete(raw_mail).where(raw_mail.c.mail_id.in_(old.scalar_subquery())))).rowcount


async def routes(tx: Tx, mail_id: str) -> list[str]:
    """Our mailboxes that the mail was addressed to; the one that answers first."""
    rows = await tx.execute(
        select(routing.c.mailbox)
        .where(routing.c.mail_id == mail_id)
        .order_by(routing.c.answers.desc(), routing.c.mailbox)
    )
    return [row.mailbox for row in rows]


async def describe(tx: Tx, mail_id: str, facts: Description, conversation_id: str | None) -> None:
    await tx.execute(_DESCRIBE, {**vars(facts), "of": mail_id, "conversation_id": conversation_id})
    said = str((facts.normalized or {}).get("new_text", ""))
    await searching.put(tx, mail_id, mail_id, facts.subject, facts.author, facts.author_name, said)


class IllegalMoveError(Exception):
    """The mail stands where the wanted state cannot follow; the transaction is to be rolled back."""


async def move(tx: Tx, mail_id: str, target: MailStatus, reason: str = "") -> None:
    """Take the mail to `target`, or tell its state anew. Raises IllegalMoveError where `MAIL_AFTER` forbids it."""
    done = await tx.execute(_MOVE[target], {"of": mail_id, "status": target, "status_reason": reason[:1000]})
    if done.rowcount != 1:
        raise IllegalMoveError(f"{mail_id} stands where {target} cannot follow")


async def join_older(tx: Tx, conversation_id: str, head: str) -> None:
    """Mark the conversation's unanswered mails as taken along by its newest one."""
    await tx.execute(
        update(mail)
        .where(
            mail.c.conversation_id == conversation_id,
            mail.c.id != head,
            mail.c.status.in_([MailStatus.WAITING, MailStatus.WORKING, MailStatus.PERSON, MailStatus.JOINED]),
        )
        .values(status=MailStatus.JOINED, status_reason="a newer mail of the conversation took it along")
    )


async def older_unanswered(tx: Tx, conversation_id: str, head: str) -> bool:
    """True where a mail that was taken along came after the last reply of the conversation, or there was none."""
    row = await tx.execute(_OLDER_UNANSWERED, {"conversation": conversation_id, "head": head})
    return row.first() is not None


async def claim_answer(db: Database, tx: Tx, key: str, mail_id: str) -> str:
    """Let the first of several copies be the one that is answered; gives the id of the mail that holds the claim."""
    done = await tx.execute(_CLAIM[db.is_sqlite], {"claim_key": key, "mail_id": mail_id})
    if done.rowcount == 1:
        return mail_id
    holder: str = (await tx.execute(_CLAIM_HOLDER, {"key": key})).scalar_one()
    return holder


async def put_intent(
    db: Database, tx: Tx, mail_id: str, found: InboundEmailIntent, *, model: str, prompt_version: str, now: datetime
) -> None:
    values = {
        "data": found.model_dump(mode="json"),
        "model": model,
        "prompt_version": prompt_version,
        "created_at": now,
    }
    await tx.execute(_PUT_INTENT[db.is_sqlite], {"mail_id": mail_id, **values})
    await marks.put(tx, mail_id, found)


async def get_intent(tx: Tx, mail_id: str) -> InboundEmailIntent | None:
    data = (await tx.execute(_GET_INTENT, {"of": mail_id})).scalar()
    return None if data is None else InboundEmailIntent.model_validate(data)


async def put_events(tx: Tx, mail_id: str, events: Sequence[tuple[dict[str, Any], str | None]], now: datetime) -> None:
    """Record what a report says; the second of each pair is the send that it was matched to."""
    if events:
        await tx.execute(
            delivery_event.insert(),
            [
                {"mail_id": mail_id, "n": n, "outbox_id": outbox_id, "event": event, "at": now}
                for n, (event, outbox_id) in enumerate(events)
            ],
        )


async def in_conversation(tx: Tx, conversation_id: str, *, limit: int) -> list[Mail]:
    """The conversation's mails, newest first."""
    rows = await tx.execute(_IN_CONVERSATION, {"conversation": conversation_id, "most": limit})
    return [_mail(row) for row in rows]


async def by_message_ids(tx: Tx, mailbox: str, message_ids: Sequence[str], authenticated: str) -> Mail | None:
    """The newest mail of this authenticated author in this mailbox that carries one of the Message-IDs."""
    if not message_ids or not authenticated:
        return None
    row = (
        await tx.execute(
            select(*_COLUMNS)
            .where(
                mail.c.message_id.in_(list(message_ids)),
                mail.c.mailbox == mailbox,
                mail.c.authenticated == authenticated,
                mail.c.conversation_id.is_not(None),
            )
            .order_by(mail.c.received_at.desc())
            .limit(1)
        )
    ).first()
    return None if row is None else _mail(row)


async def listing(
    tx: Tx,
    statuses: Sequence[MailStatus] = (),
    *,
    limit: int,
    before: tuple[datetime, str] | None = None,
    oldest_first: bool = False,
) -> list[Listed]:
    """Mails in the given states (any, when none is given), newest first or oldest; `before` ends the page before."""
    order = [mail.c.received_at, mail.c.id] if oldest_first else [mail.c.received_at.desc(), mail.c.id.desc()]
    query = (
        select(*LISTED, intent.c.data.label("intent"))
        .outerjoin(intent, intent.c.mail_id == mail.c.id)
        .order_by(*order)
        .limit(limit)
    )
    if statuses:
        query = query.where(mail.c.status.in_(list(statuses)))
    if before is not None:
        at, mail_id = before
        query = query.where((mail.c.received_at < at) | ((mail.c.received_at == at) & (mail.c.id < mail_id)))
    return [listed_row(row) for row in await tx.execute(query)]


async def listed(tx: Tx, mail_ids: Sequence[str]) -> dict[str, Listed]:
    """These mails by id, as lines of a list."""
    query = (
        select(*LISTED, intent.c.data.label("intent"))
        .outerjoin(intent, intent.c.mail_id == mail.c.id)
        .where(mail.c.id.in_(list(mail_ids)))
    )
    return {one.id: one for one in map(listed_row, await tx.execute(query))}


async def counts(tx: Tx) -> dict[str, int]:
    """How many mails stand in each state."""
    rows = await tx.execute(select(mail.c.status, func.count()).group_by(mail.c.status))
    return {row[0]: row[1] for row in rows}


async def conversation_of(tx: Tx, conversation_id: str) -> tuple[str, str, str] | None:
    """(mailbox, correspondent, newest mail's id) of a conversation."""
    row = (
        await tx.execute(
            select(conversation.c.mailbox, conversation.c.correspondent, conversation.c.head_mail_id).where(
                conversation.c.id == conversation_id
            )
        )
    ).first()
    return None if row is None else (row.mailbox, row.correspondent, row.head_mail_id)
