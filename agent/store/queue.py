"""The desk's lists: mails in a view, with filters, page by page.

Rules:
- A page costs what a page holds, whatever the number of mails: each state is read by its own index, and pages are
  found by where the last one ended, never by counting.
- How many there are is counted up to a bound; beyond it the answer is the bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select

from agent.states import DraftState, MailStatus
from agent.store.database import Tx
from agent.store.desk_tables import handling, mail_tag
from agent.store.mails import LISTED, Listed, listed_row
from agent.store.tables import draft, intent, mail

COUNTED = 1000
"""A count stops here."""

Place = tuple[datetime, str]


@dataclass(frozen=True)
class View:
    """What a list holds; empty fields ask for nothing."""

    statuses: tuple[MailStatus, ...] = ()
    oldest_first: bool = False
    resting: bool | None = None
    """True: only what rests; False: not what rests; None: either."""
    draft_state: DraftState | None = None
    assignee: str = ""
    tag: str = ""
    mailbox: str = ""


def _query(view: View, status: MailStatus | None, now: datetime) -> Select[tuple[str]]:
    """Ids alone, not ordered yet."""
    query = select(mail.c.id)
    if status is not None:
        query = query.where(mail.c.status == status)
    if view.mailbox:
        query = query.where(mail.c.mailbox == view.mailbox)
    if view.tag:
        query = query.join(mail_tag, (mail_tag.c.mail_id == mail.c.id) & (mail_tag.c.tag == view.tag))
    if view.assignee or view.resting:
        query = query.join(handling, handling.c.mail_id == mail.c.id)
    elif view.resting is False:
        query = query.outerjoin(handling, handling.c.mail_id == mail.c.id)
    if view.assignee:
        query = query.where(handling.c.assignee == view.assignee)
    if view.resting:
        query = query.where(handling.c.snoozed_until > now)
    elif view.resting is False:
        query = query.where(handling.c.snoozed_until.is_(None) | (handling.c.snoozed_until <= now))
    if view.draft_state is not None:
        of_mail = select(draft.c.id).where(draft.c.mail_id == mail.c.id, draft.c.state == view.draft_state)
        query = query.where(of_mail.exists())
    return query


async def page(tx: Tx, view: View, *, now: datetime, limit: int, after: Place | None = None) -> list[Listed]:
    """Mails of a view in its order; `after` is where the page before ended."""
    found: dict[str, Listed] = {}
    for status in view.statuses or (None,):
        ids = _query(view, status, now)
        order = [mail.c.received_at, mail.c.id]
        if after is not None:
            at, mail_id = after
            beyond = mail.c.received_at > at if view.oldest_first else mail.c.received_at < at
            same = mail.c.id > mail_id if view.oldest_first else mail.c.id < mail_id
            bound = mail.c.received_at >= at if view.oldest_first else mail.c.received_at <= at
            ids = ids.where(bound, beyond | ((mail.c.received_at == at) & same))
        ordered = order if view.oldest_first else [column.desc() for column in order]
        wanted = ids.order_by(*ordered).limit(limit).subquery()
        rows = await tx.execute(
            select(*LISTED, intent.c.data.label("intent"))
            .join(wanted, wanted.c.id == mail.c.id)
            .outerjoin(intent, intent.c.mail_id == mail.c.id)
        )
        found.update({row.id: listed_row(row) for row in rows})
    lines = sorted(found.values(), key=lambda one: (one.received_at, one.id), reverse=not view.oldest_first)
    return lines[:limit]


async def count(tx: Tx, view: View, *, now: datetime) -> int:
    """How many a view holds, `COUNTED` where there are as many or more."""
    total = 0
    for status in view.statuses or (None,):
        some = _query(view, status, now).limit(COUNTED).subquery()
        total += (await tx.execute(select(func.count()).select_from(some))).scalar_one()
    return min(total, COUNTED)


async def next_of(tx: Tx, view: View, of: Place, *, now: datetime) -> str | None:
    """The mail that comes after one in a view."""
    found: Sequence[Listed] = await page(tx, view, now=now, limit=1, after=of)
    return found[0].id if found else None
