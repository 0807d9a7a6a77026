"""What people at the desk do with a mail beside deciding on it: who has it, rest, tags, notes.

Rules:
- Each change says what it found: one that changed nothing gives False, and nothing else follows from it.
- The caller has locked the mail and writes the audit row in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agent.ids import new_id
from agent.store.database import Database, Tx
from agent.store.desk_tables import handling, mail_note, mail_tag
from agent.store.tables import mail


@dataclass(frozen=True)
class Handling:
    mail_id: str
    assignee: str = ""
    team: str = ""
    snoozed_until: datetime | None = None


@dataclass(frozen=True)
class Note:
    id: str
    mail_id: str
    at: datetime
    by: str
    text: str


_OF = bindparam("of", type_=handling.c.mail_id.type)
_COLUMNS = [handling.c[name] for name in Handling.__dataclass_fields__]
_GET = select(*_COLUMNS).where(handling.c.mail_id == _OF)
_TAGS = select(mail_tag.c.tag).where(mail_tag.c.mail_id == _OF).order_by(mail_tag.c.tag)
_TAGGED_IN = (
    select(mail_tag.c.mail_id)
    .join(mail, mail.c.id == mail_tag.c.mail_id)
    .where(
        mail.c.conversation_id == bindparam("conversation", type_=mail.c.conversation_id.type),
        mail_tag.c.tag == bindparam("word", type_=mail_tag.c.tag.type),
    )
    .limit(1)
)
_NOTES = (
    select(*(mail_note.c[name] for name in Note.__dataclass_fields__))
    .where(mail_note.c.mail_id == _OF)
    .order_by(mail_note.c.at, mail_note.c.id)
)


_TAG = {
    True: sqlite.insert(mail_tag).on_conflict_do_nothing().returning(mail_tag.c.tag),
    False: postgresql.insert(mail_tag).on_conflict_do_nothing().returning(mail_tag.c.tag),
}
"""By whether the database is SQLite."""


async def get(tx: Tx, mail_id: str) -> Handling:
    row = (await tx.execute(_GET, {"of": mail_id})).first()
    return Handling(mail_id) if row is None else Handling(*row)


async def tags(tx: Tx, mail_id: str) -> list[str]:
    return [row.tag for row in await tx.execute(_TAGS, {"of": mail_id})]


async def is_tagged_in(tx: Tx, conversation_id: str, word: str) -> bool:
    """True where a mail of the conversation bears the tag."""
    return (await tx.execute(_TAGGED_IN, {"conversation": conversation_id, "word": word})).first() is not None


async def notes(tx: Tx, mail_id: str) -> list[Note]:
    return [Note(*row) for row in await tx.execute(_NOTES, {"of": mail_id})]


async def of_many(tx: Tx, mail_ids: Sequence[str]) -> tuple[dict[str, Handling], dict[str, list[str]]]:
    """What is known of these mails, and their tags."""
    rows = await tx.execute(select(*_COLUMNS).where(handling.c.mail_id.in_(list(mail_ids))))
    tagged: dict[str, list[str]] = {}
    pairs = select(mail_tag.c.mail_id, mail_tag.c.tag).where(mail_tag.c.mail_id.in_(list(mail_ids)))
    for row in await tx.execute(pairs.order_by(mail_tag.c.tag)):
        tagged.setdefault(row.mail_id, []).append(row.tag)
    return {row.mail_id: Handling(*row) for row in rows}, tagged


async def _make(db: Database, tx: Tx, mail_id: str) -> None:
    await tx.execute(db.insert(handling).values(mail_id=mail_id).on_conflict_do_nothing())


async def assign(db: Database, tx: Tx, mail_id: str, assignee: str, *, seen: str) -> bool:
    """Give the mail to somebody, or to nobody; False where it is not `seen`'s any more."""
    await _make(db, tx, mail_id)
    done = await tx.execute(
        update(handling)
        .where(handling.c.mail_id == mail_id, handling.c.assignee == seen, handling.c.assignee != assignee)
        .values(assignee=assignee)
    )
    return done.rowcount == 1


async def give(db: Database, tx: Tx, mail_id: str, team: str) -> bool:
    """Make it a team's mail, or with an empty name no team's."""
    await _make(db, tx, mail_id)
    done = await tx.execute(
        update(handling).where(handling.c.mail_id == mail_id, handling.c.team != team).values(team=team)
    )
    return done.rowcount == 1


async def snooze(db: Database, tx: Tx, mail_id: str, until: datetime | None) -> bool:
    """Keep the mail out of the lists of what waits until then; None: show it again."""
    await _make(db, tx, mail_id)
    done = await tx.execute(
        update(handling)
        .where(handling.c.mail_id == mail_id, handling.c.snoozed_until.is_distinct_from(until))
        .values(snoozed_until=until)
    )
    return done.rowcount == 1


async def tag(db: Database, tx: Tx, mail_id: str, word: str) -> bool:
    return (await tx.execute(_TAG[db.is_sqlite], {"mail_id": mail_id, "tag": word})).first() is not None


async def untag(tx: Tx, mail_id: str, word: str) -> bool:
    done = await tx.execute(delete(mail_tag).where(mail_tag.c.mail_id == mail_id, mail_tag.c.tag == word))
    return done.rowcount == 1


async def note(tx: Tx, mail_id: str, text: str, *, by: str, now: datetime) -> bool:
    values = {"id": new_id("k", now), "mail_id": mail_id, "at": now, "by": by, "text": text}
    await tx.execute(mail_note.insert().values(values))
    return True
