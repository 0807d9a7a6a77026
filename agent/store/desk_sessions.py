"""Who came in, as rows: a session lasts so long at most, and so long without a sign of its person.

Rules:
- A row holds the digest of the cookie. It is read with its person, so what they may is what they may now.
- Of a person who is not active there are none, whatever rows are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update

from agent.store.database import Tx
from agent.store.people import COLUMNS, Person, PersonState, person_row
from agent.store.people_tables import desk_session, person


@dataclass(frozen=True)
class Found:
    person: Person
    seen_at: datetime


async def put(tx: Tx, digest: str, person_id: str, now: datetime) -> None:
    await tx.execute(desk_session.insert().values(digest=digest, person_id=person_id, created_at=now, seen_at=now))


async def find(tx: Tx, digest: str, *, begun_after: datetime, seen_after: datetime) -> Found | None:
    row = (
        await tx.execute(
            select(*COLUMNS, desk_session.c.seen_at)
            .join_from(desk_session, person, person.c.id == desk_session.c.person_id)
            .where(
                desk_session.c.digest == digest,
                desk_session.c.created_at > begun_after,
                desk_session.c.seen_at > seen_after,
                person.c.state == PersonState.ACTIVE,
            )
        )
    ).first()
    return None if row is None else Found(person_row(row), row.seen_at)


async def seen(tx: Tx, digest: str, now: datetime) -> None:
    await tx.execute(update(desk_session).where(desk_session.c.digest == digest).values(seen_at=now))


async def end(tx: Tx, digest: str) -> bool:
    return (await tx.execute(delete(desk_session).where(desk_session.c.digest == digest))).rowcount == 1


async def end_all(tx: Tx, person_id: str) -> int:
    return (await tx.execute(delete(desk_session).where(desk_session.c.person_id == person_id))).rowcount
