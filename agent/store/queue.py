"""The desk's lists: mails in a view, with filters, page by page.

Rules:
- A page costs what a page holds, whatever the number of mails: each state is read by its own index, and pages are
  found by where the last one ended, never by counting.
- How many there are is counted up to a bound; beyond it the answer is the bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import Select, func, literal, literal_column, select, union_all

from agent.states import DraftState, MailStatus
from agent.store.database import Tx
from agent.store.desk_tables import handling, mail_mark, mail_tag, verdict
from agent.store.mails import LISTED, Listed, listed, listed_row
from agent.store.statements import Unindexed
from agent.store.tables import draft, intent, mail

COUNTED = 1000
"""A count stops here."""
MOST_APART = 8
"""Mailboxes that are read one by one; a person of more reads all mail and leaves out what is not theirs."""
FEW = 5_000
"""From so many on, what a view is narrowed by is no place to begin: enough of it is near at hand."""

Place = tuple[datetime, str]


@dataclass(frozen=True)
class View:
    """What a list holds; empty fields ask for nothing."""

    statuses: tuple[MailStatus, ...] = ()
    oldest_first: bool = False
    resting: bool | None = None
    """True: only what rests; False: not what rests; None: either."""
    draft_state: DraftState | None = None
    assignees: tuple[str, ...] = ()
    """A mail has one: with two that differ the list is empty."""
    team: str = ""
    tags: tuple[str, ...] = ()
    priority: str = ""
    marks: tuple[tuple[str, ...], ...] = ()
    """Of each of these groups a mail has one mark: see `agent.store.marks`."""
    mailbox: str = ""
    before: datetime | None = None
    """Received before this."""
    mailboxes: tuple[str, ...] | None = None
    """Whose mail the person who asks may see; None: all."""
    audited: bool = True
    """False: of drafts, only those of which nobody said yet whether they were right."""


@dataclass(frozen=True)
class Line:
    """One line of a list, and where it stands in its order."""

    place: Place
    mail: Listed


async def _is_few(tx: Tx, view: View) -> bool:
    """One of what the view is narrowed by holds so few mails that the database should begin there."""
    for asked in _narrowing(view):
        some = asked.limit(FEW).subquery()
        if (await tx.execute(select(func.count()).select_from(some))).scalar_one() < FEW:
            return True
    return bool(view.resting)


def _narrowing(view: View) -> list[Select[tuple[str]]]:
    """Ids of mails, one question for each thing that the view is narrowed by."""
    tags = [select(mail_tag.c.mail_id).where(mail_tag.c.tag == word) for word in (*view.tags, view.priority) if word]
    marked = [select(mail_mark.c.mail_id).where(mail_mark.c.mark.in_(group)) for group in view.marks]
    named = [(handling.c.assignee, one) for one in view.assignees] + [(handling.c.team, view.team)]
    return tags + marked + [select(handling.c.mail_id).where(column == name) for column, name in named if name]


Start = tuple[MailStatus | None, tuple[str, ...] | None]


def _starts(view: View, *, few: bool) -> list[Start]:
    """Statuses and mailboxes, each read by itself: an index gives the order of one of each, not of several."""
    boxes = view.mailboxes
    if view.mailbox:
        boxes = (view.mailbox,) if boxes is None or view.mailbox in boxes else ()
    if boxes is None:
        return [(status, None) for status in view.statuses or (None,)]
    together = few or len(boxes) > MOST_APART
    return list(product(view.statuses or (None,), [boxes] if boxes and together else [(one,) for one in boxes]))


def _query(view: View, start: Start, now: datetime, *, few: bool) -> Select[tuple[str]]:
    """Ids alone, not ordered yet. `few`: begin with what the view is narrowed by, else with the view."""
    query, (status, boxes) = select(mail.c.id), start
    if status is not None:
        query = query.where((Unindexed(mail.c.status) if few else mail.c.status) == status)
    if boxes is not None and len(boxes) == 1 and not few:
        query = query.where(mail.c.mailbox == boxes[0])
    elif boxes is not None:
        query = query.where(Unindexed(mail.c.mailbox).in_(boxes))
    if view.before is not None:
        query = query.where(mail.c.received_at < view.before)
    for asked in _narrowing(view):
        ids = asked.selected_columns[0]
        query = query.where(mail.c.id.in_(asked) if few else asked.where(ids == mail.c.id).exists())
    if view.resting:
        query = query.where(mail.c.id.in_(select(handling.c.mail_id).where(handling.c.snoozed_until > now)))
    elif view.resting is False:
        rests = select(handling.c.mail_id).where(handling.c.mail_id == mail.c.id, handling.c.snoozed_until > now)
        query = query.where(~rests.exists())
    return query


def _by_draft(view: View, *, few: bool) -> Select[tuple[str, datetime, str]]:
    """Mails that have a draft in the view's state; read by the drafts, of which there are as many as are wanted."""
    state = Unindexed(draft.c.state) if few else draft.c.state
    query = select(draft.c.mail_id, draft.c.created_at, draft.c.id).where(state == view.draft_state)
    if view.mailbox:
        query = query.where(draft.c.mailbox == view.mailbox)
    if view.mailboxes is not None:
        box = Unindexed(mail.c.mailbox)
        theirs = select(mail.c.id).where(mail.c.id == draft.c.mail_id, box.in_(view.mailboxes))
        query = query.where(theirs.exists())
    for asked in _narrowing(view):
        ids = asked.selected_columns[0]
        query = query.where(draft.c.mail_id.in_(asked) if few else asked.where(ids == draft.c.mail_id).exists())
    if not view.audited:
        query = query.outerjoin(verdict, verdict.c.draft_id == draft.c.id).where(verdict.c.draft_id.is_(None))
    return query


async def _page_by_draft(tx: Tx, view: View, *, limit: int, after: Place | None) -> list[Line]:
    query = _by_draft(view, few=await _is_few(tx, view))
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
    few = await _is_few(tx, view)
    for start in _starts(view, few=few):
        wanted = _ordered(_query(view, start, now, few=few), view, after, few=few).limit(limit).subquery()
        rows = await tx.execute(
            select(*LISTED, intent.c.data.label("intent"))
            .join(wanted, wanted.c.id == mail.c.id)
            .outerjoin(intent, intent.c.mail_id == mail.c.id)
        )
        found.update({row.id: Line((row.received_at, row.id), listed_row(row)) for row in rows})
    lines = sorted(found.values(), key=lambda line: line.place, reverse=not view.oldest_first)
    return lines[:limit]


def _ordered(ids: Select[tuple[str]], view: View, after: Place | None, *, few: bool) -> Select[tuple[str]]:
    if after is not None:
        at, mail_id = after
        beyond = mail.c.received_at > at if view.oldest_first else mail.c.received_at < at
        same = mail.c.id > mail_id if view.oldest_first else mail.c.id < mail_id
        bound = mail.c.received_at >= at if view.oldest_first else mail.c.received_at <= at
        ids = ids.where(bound, beyond | ((mail.c.received_at == at) & same))
    at_all = literal_column("+mail.received_at") if few else mail.c.received_at  # with the sign no index's order
    if view.oldest_first:
        return ids.order_by(at_all, mail.c.id)
    return ids.order_by(at_all.desc(), mail.c.id.desc())


async def counts(tx: Tx, views: Mapping[str, View], *, now: datetime) -> dict[str, int]:
    """How many each view holds, `COUNTED` where there are as many or more; asked in one statement."""
    asked = [
        select(literal(name).label("name"), func.count().label("n")).select_from(ids.limit(COUNTED).subquery())
        for name, view in views.items()
        for ids in _counted(view, now, few=await _begins_with_filter(tx, view))
    ]
    found = dict.fromkeys(views, 0)
    for row in await tx.execute(union_all(*asked)) if asked else ():
        found[row.name] = min(found[row.name] + row.n, COUNTED)
    return found


async def _begins_with_filter(tx: Tx, view: View) -> bool:
    """Where all mail is asked for, what narrows it is the only beginning; else the smaller of both."""
    return bool(view.resting or _narrowing(view)) and (not view.statuses or await _is_few(tx, view))


def _counted(view: View, now: datetime, *, few: bool) -> list[Select[Any]]:
    """Ordered as an index is, so that it is read: PostgreSQL would look through the table for the first thousand."""
    if view.draft_state is not None:
        drafts = _by_draft(view, few=few)
        return [drafts if few else drafts.order_by(draft.c.created_at)]
    found = [_query(view, start, now, few=few) for start in _starts(view, few=few)]
    return found if few else [one.order_by(mail.c.received_at) for one in found]


async def next_of(tx: Tx, view: View, of: Place, *, now: datetime) -> str | None:
    """The mail that comes after one in a view."""
    found = await page(tx, view, now=now, limit=1, after=of)
    return found[0].mail.id if found else None
