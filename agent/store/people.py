"""People of the desk as rows: who they are, their recovery codes, their one-time links.

Rules:
- A link and a recovery code are taken by deleting their row: of two who come at once one gets it.
- A code's step only ever grows: the same code does not open twice.
- What opens the desk is here as a digest or sealed, never as it is typed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, select, update

from agent.store.database import Tx
from agent.store.people_tables import desk_link, desk_session, person, recovery_code
from agent.store.reputation_tables import bucket
from agent.store.tables import draft, mail, outbox, run

EVERY = "*"
"""In the place of mailboxes: all, also those to come."""


class PersonRole(StrEnum):
    VIEWER = "viewer"
    """Sees."""
    REVIEWER = "reviewer"
    """Sees and decides."""
    ADMIN = "admin"
    """The same, and says who else may."""


_HEIGHT = {PersonRole.VIEWER: 0, PersonRole.REVIEWER: 1, PersonRole.ADMIN: 2}


class PersonState(StrEnum):
    INVITED = "invited"
    """Has a link and no password yet."""
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True)
class Person:
    id: str
    name: str
    login: str
    role: PersonRole
    mailboxes: tuple[str, ...]
    """Whose mail they see and decide on; `*`: all of it."""
    state: PersonState
    password: str = field(repr=False)
    secret: str = field(repr=False)
    step: int
    created_at: datetime

    def may(self, role: PersonRole) -> bool:
        return _HEIGHT[self.role] >= _HEIGHT[role]

    @property
    def sees_all(self) -> bool:
        return EVERY in self.mailboxes

    @property
    def within(self) -> tuple[str, ...] | None:
        """What a list is narrowed to; None: nothing has to be."""
        return None if self.sees_all else self.mailboxes

    def sees(self, mailbox: str) -> bool:
        """Mail that reached no mailbox is seen by those alone who see all."""
        return self.sees_all or (mailbox != "" and mailbox in self.mailboxes)

    @property
    def has_codes(self) -> bool:
        """Whether a code is asked for beside the password."""
        return bool(self.secret) and self.step >= 0


COLUMNS = [person.c[name] for name in Person.__dataclass_fields__]


def person_row(row: Any) -> Person:
    role, mailboxes, state = PersonRole(row.role), tuple(row.mailboxes.split("\n")), PersonState(row.state)
    return Person(
        row.id, row.name, row.login, role, mailboxes, state, row.password, row.secret, row.step, row.created_at
    )


async def add(tx: Tx, one: Person) -> None:
    values = {**vars(one), "mailboxes": "\n".join(one.mailboxes)}
    await tx.execute(person.insert().values(**values))


async def get(tx: Tx, person_id: str) -> Person | None:
    row = (await tx.execute(select(*COLUMNS).where(person.c.id == person_id))).first()
    return None if row is None else person_row(row)


async def by_login(tx: Tx, login: str) -> Person | None:
    row = (await tx.execute(select(*COLUMNS).where(person.c.login == login))).first()
    return None if row is None else person_row(row)


async def all_(tx: Tx) -> list[Person]:
    return [person_row(row) for row in await tx.execute(select(*COLUMNS).order_by(person.c.login))]


async def change(tx: Tx, person_id: str, **values: Any) -> bool:
    """Set columns of a person; False where there is none of this id."""
    if "mailboxes" in values:
        values["mailboxes"] = "\n".join(values["mailboxes"])
    return (await tx.execute(update(person).where(person.c.id == person_id).values(**values))).rowcount == 1


async def owners(tx: Tx) -> list[str]:
    """Ids of those who can say who else may: active, admin, of all mailboxes."""
    return [
        one.id
        for one in await all_(tx)
        if one.role is PersonRole.ADMIN and one.state is PersonState.ACTIVE and one.sees_all
    ]


async def use_step(tx: Tx, person_id: str, step: int) -> bool:
    """Take a code's step; False where it, or a later one, was used."""
    done = await tx.execute(
        update(person).where(person.c.id == person_id, person.c.step < step, person.c.secret != "").values(step=step)
    )
    return done.rowcount == 1


async def put_codes(tx: Tx, person_id: str, digests: Iterable[str]) -> None:
    """Replace the recovery codes; with none, take them away."""
    await tx.execute(delete(recovery_code).where(recovery_code.c.person_id == person_id))
    rows = [{"person_id": person_id, "digest": one} for one in digests]
    if rows:
        await tx.execute(recovery_code.insert(), rows)


async def use_code(tx: Tx, person_id: str, digest: str) -> bool:
    gone = await tx.execute(
        delete(recovery_code).where(recovery_code.c.person_id == person_id, recovery_code.c.digest == digest)
    )
    return gone.rowcount == 1


async def codes_left(tx: Tx, person_id: str) -> int:
    query = select(func.count()).select_from(recovery_code).where(recovery_code.c.person_id == person_id)
    return int((await tx.execute(query)).scalar_one())


async def put_link(tx: Tx, digest: str, person_id: str | None, ends_at: datetime) -> None:
    """Store a link; those made before for the same person, or for the owner, open nothing any more."""
    same = desk_link.c.person_id.is_(None) if person_id is None else desk_link.c.person_id == person_id
    await tx.execute(delete(desk_link).where(same))
    await tx.execute(desk_link.insert().values(digest=digest, person_id=person_id, ends_at=ends_at))


async def link(tx: Tx, digest: str, now: datetime) -> tuple[str | None] | None:
    """Whom a link is for: (None,) for the owner to be; None where it is not valid."""
    query = select(desk_link.c.person_id).where(desk_link.c.digest == digest, desk_link.c.ends_at > now)
    row = (await tx.execute(query)).first()
    return None if row is None else (row.person_id,)


async def use_link(tx: Tx, digest: str, now: datetime) -> bool:
    gone = await tx.execute(delete(desk_link).where(desk_link.c.digest == digest, desk_link.c.ends_at > now))
    return gone.rowcount == 1


async def drop_links(tx: Tx, person_id: str) -> None:
    await tx.execute(delete(desk_link).where(desk_link.c.person_id == person_id))


async def forgive(tx: Tx, scope: str, owner: str) -> None:
    """Fill a bucket of attempts again."""
    await tx.execute(delete(bucket).where(bucket.c.scope == scope, bucket.c.owner == owner))


async def prune(tx: Tx, now: datetime, oldest: datetime) -> int:
    """Forget links that are over, and sessions that began before `oldest`."""
    gone = (await tx.execute(delete(desk_link).where(desk_link.c.ends_at <= now))).rowcount
    return int(gone + (await tx.execute(delete(desk_session).where(desk_session.c.created_at < oldest))).rowcount)


async def mailboxes_of(tx: Tx, any_ids: Iterable[str]) -> dict[str, str]:
    """By id of a mail, draft, run or delivery: the mailbox of its mail. Unknown ids are left out."""
    asked, found = list(any_ids), dict[str, str]()
    for table in (mail, draft, run, outbox):
        wanted = [one for one in asked if one not in found]
        if not wanted:
            break
        query = select(table.c.id, mail.c.mailbox).where(table.c.id.in_(wanted))
        if table is not mail:
            query = query.join_from(table, mail, mail.c.id == table.c.mail_id)
        found |= {row[0]: row[1] for row in await tx.execute(query)}
    return found
