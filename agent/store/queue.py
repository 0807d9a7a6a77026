"""The desk's lists: mails in a view, with filters, page by page.

Rules:
- A page costs what a page holds, whatever the number of mails: each state is read by its own index, and pages are
  found by where the last one ended, never by counting.
- How many there are is counted up to a bound; beyond it the answer is the bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select

from agent.states import DraftState, MailStatus
from agent.store.database import Tx
from agent.store.desk_tables import handling, mail_tag, verdict
from agent.store.mails import LISTED, Listed, listed, listed_row
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
    team: str = ""
    tag: str = ""
    priority: str = ""
    mailbox: str = ""
    before: datetime | None = None
    """Received before this."""
    audited: bool = True
    """False: of drafts, only those of which nobody said yet whether they were right."""


@dataclass(frozen=True)
class Line:
    """One line of a list, and where it stands in its order."""

    place: Place
    mail: Listed


def _query(view: View, status: MailStatus | None, now: datetime) -> Select[tuple[str]]:
    """Ids alone, not ordered yet."""
    query = select(mail.c.id)
    few = bool(view.tag or view.priority or view.assignee or view.team or view.resting)
    if status is not None:
        # As an expression it is no index's: what people worked on is few, and there the database begins to look.
        query = query.where((mail.c.status.concat("") if few else mail.c.status) == status)
    if view.mailbox:
        query = query.where(mail.c.mailbox == view.mailbox)
    if view.before is not None:
        query = query.where(mail.c.received_at < view.before)
    for word in filter(None, (view.tag, view.priority)):
        query = query.where(mail.c.id.in_(select(mail_tag.c.mail_id).where(mail_tag.c.tag == word)))
    for column, name in ((handling.c.assignee, view.assignee), (handling.c.team, view.team)):
        if name:
            query = query.where(mail.c.id.in_(select(handling.c.mail_id).where(column == name)))
    if view.resting:
        query = query.where(mail.c.id.in_(select(handling.c.mail_id).where(handling.c.snoozed_until > now)))
    elif view.resting is False:
        query = query.outerjoin(handling, handling.c.mail_id == mail.c.id)
        query = query.where(handling.c.snoozed_until.is_(None) | (handling.c.snoozed_until <= now))
    return query


def _by_draft(view: View) -> Select[tuple[str, datetime]]:
    """Mails that have a draft in the view's state; read by the drafts, of which there are as many as are wanted."""
    query = select(draft.c.mail_id, draft.c.created_at, draft.c.id).where(draft.c.state == view.draft_state)
    if view.mailbox:
        query = query.where(draft.c.mailbox == view.mailbox)
    for word in filter(None, (view.tag, view.priority)):
        query = query.where(draft.c.mail_id.in_(select(mail_tag.c.mail_id).where(mail_tag.c.tag == word)))
    for column, name in ((handling.c.assignee, view.assignee), (handling.c.team, view.team)):
        if name:
            query = query.where(draft.c.mail_id.in_(select(handling.c.mail_id).where(column == name)))
    if not view.audited:
        query = query.outerjoin(verdict, verdict.c.draft_id == draft.c.id).where(verdict.c.draft_id.is_(None))
    return query


async def _page_by_draft(tx: Tx, view: View, *, limit: int, after: Place | None) -> list[Line]:
    query = _by_draft(view)
    if after is not None:
        at, draft_id = after
        same = (draft.c.created_at == at) & (draft.c.id < draft_id)
        query = query.where(draft.c.created_at <= at, (draft.c.created_at < at) | same)
    rows = list(await tx.execute(query.order_by(draft.c.created_at.desc(), draft.c.id.desc()).limit(limit)))
    found = await listed(tx, [row.mail_id for row in rows])
    return [Line((row.created_at, row.id), found[row.mail_id]) for row in rows if row.mail_id in found]


async def page(tx: Tx, view: View, *, now: datetime, limit: int, after: Place | None = None) -> list[Line]:
    """Mails of a view in its order; `after` is where the page before ended."""
    if view.draft_state is not None:
        return await _page_by_draft(tx, view, limit=limit, after=after)
    found: dict[str, Line] = {}
    for status in view.statuses or (None,):
        wanted = _ordered(_query(view, status, now), view, after).limit(limit).subquery()
        rows = await tx.execute(
            select(*LISTED, intent.c.data.label("intent"))
            .join(wanted, wanted.c.id == mail.c.id)
            .outerjoin(intent, intent.c.mail_id == mail.c.id)
        )
        found.update({row.id: Line((row.received_at, row.id), listed_row(row)) for row in rows})
    lines = sorted(found.values(), key=lambda line: line.place, reverse=not view.oldest_first)
    return lines[:limit]


def _ordered(ids: Select[tuple[str]], view: View, after: Place | None) -> Select[tuple[str]]:
    if after is not None:
        at, mail_id = after
        beyond = mail.c.received_at > at if view.oldest_first else mail.c.received_at < at
        same = mail.c.id > mail_id if view.oldest_first else mail.c.id < mail_id
        bound = mail.c.received_at >= at if view.oldest_first else mail.c.received_at <= at
        ids = ids.where(bound, beyond | ((mail.c.received_at == at) & same))
    if view.oldest_first:
        return ids.order_by(mail.c.received_at, mail.c.id)
    return ids.order_by(mail.c.received_at.desc(), mail.c.id.desc())


async def count(tx: Tx, view: View, *, now: datetime) -> int:
    """How many a view holds, `COUNTED` where there are as many or more."""
    if view.draft_state is not None:
        some = _by_draft(view).limit(COUNTED).subquery()
        return int((await tx.execute(select(func.count()).select_from(some))).scalar_one())
    total = 0
    for status in view.statuses or (None,):
        ids = _query(view, status, now).limit(COUNTED).subquery()
        total += (await tx.execute(select(func.count()).select_from(ids))).scalar_one()
    return min(total, COUNTED)


async def next_of(tx: Tx, view: View, of: Place, *, now: datetime) -> str | None:
    """The mail that comes after one in a view."""
    found = await page(tx, view, now=now, limit=1, after=of)
    return found[0].mail.id if found else None
