"""Conversations: mails of one authenticated author with one mailbox.

Rules:
- A mail whose author is not authenticated starts a conversation of its own, which nobody ever joins.
- The newest mail that was read is the head; a draft made for an older head is void.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update

from agent.ids import new_id
from agent.store import locks
from agent.store.database import Tx
from agent.store.tables import conversation

SUBJECT_WINDOW = timedelta(days=30)
"""A `Re:` with the same subject joins a conversation that moved within this time."""


@dataclass(frozen=True)
class Conversation:
    id: str
    mailbox: str
    correspondent: str
    subject_key: str
    head_mail_id: str
    updated_at: datetime


_COLUMNS = [conversation.c[name] for name in Conversation.__dataclass_fields__]
_GET = select(*_COLUMNS).where(conversation.c.id == bindparam("of"))
_START = conversation.insert()
_MOVE_HEAD = update(conversation).where(conversation.c.id == bindparam("of"))


async def get(tx: Tx, conversation_id: str) -> Conversation | None:
    row = (await tx.execute(_GET, {"of": conversation_id})).first()
    return None if row is None else Conversation(*row)


async def by_subject(
    tx: Tx, mailbox: str, correspondent: str, subject_key: str, *, now: datetime
) -> Conversation | None:
    """The author's newest conversation with this subject; None for an unauthenticated author or an empty subject."""
    if not correspondent or not subject_key:
        return None
    row = (
        await tx.execute(
            select(*_COLUMNS)
            .where(
                conversation.c.mailbox == mailbox,
                conversation.c.correspondent == correspondent,
                conversation.c.subject_key == subject_key,
                conversation.c.updated_at >= now - SUBJECT_WINDOW,
            )
            .order_by(conversation.c.updated_at.desc())
            .limit(1)
        )
    ).first()
    return None if row is None else Conversation(*row)


async def start(
    tx: Tx, *, mailbox: str, correspondent: str, subject_key: str, head: str, now: datetime
) -> Conversation:
    """Make a conversation, locked for the caller."""
    fresh = Conversation(new_id("c", now), mailbox, correspondent, subject_key[:500], head, now)
    await locks.conversation(tx, fresh.id)
    await tx.execute(_START, {**vars(fresh), "created_at": now})
    return fresh


async def move_head(tx: Tx, conversation_id: str, head: str, now: datetime) -> None:
    await tx.execute(_MOVE_HEAD, {"of": conversation_id, "head_mail_id": head, "updated_at": now})
