"""The queue: views over all mail, with filters, a page at a time.

Rules:
- What waits is shown oldest first, everything else newest first.
- A page's address says where it begins; nothing is counted beyond a bound, so that a million mails cost no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from agent import breaker
from agent.handling import PRIORITIES, REST, mention
from agent.parts import Parts
from agent.states import DraftState, MailStatus
from agent.store import handlings, pauses, queue, reputation, saved_views
from agent.store.queue import Place, View
from agent.web import narrowing
from agent.web.counted import Counts
from agent.web.narrowing import FILTERS, choices, narrowed, query_of
from agent.web.page import Pages, actor, sees, somebody, within

PAGE = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_INSTANT = 17
"""Digits of microseconds since 1970: enough until the year 5138."""

_S = MailStatus
OPEN = (_S.WAITING, _S.PERSON, _S.IN_DOUBT, _S.QUARANTINED, _S.WORKING, _S.RECEIVED, _S.SENDING)
VIEWS: dict[str, tuple[str, View]] = {
    "waiting": ("Waiting", View((_S.WAITING,), oldest_first=True, resting=False)),
    "person": ("For a person", View((_S.PERSON,), oldest_first=True, resting=False)),
    "mentions": ("Mentions me", View()),
    "escalated": ("Escalated", View((_S.WAITING, _S.PERSON), oldest_first=True, resting=False)),
    "mine": ("Mine", View(OPEN, oldest_first=True, resting=False)),
    "doubt": ("In doubt", View((_S.IN_DOUBT,), oldest_first=True)),
    "quarantined": ("Quarantined", View((_S.QUARANTINED,), oldest_first=True)),
    "snoozed": ("Resting", View((_S.WAITING, _S.PERSON), oldest_first=True, resting=True)),
    "sending": ("On the way", View((_S.SENDING, _S.WORKING, _S.RECEIVED))),
    "unseen": ("To audit", View((_S.ANSWERED,), draft_state=DraftState.UNSEEN, audited=False)),
    "answered": ("Answered", View((_S.ANSWERED,))),
    "automatic": ("Automatic", View((_S.RECORDED, _S.DUPLICATE))),
    "spam": ("Spam", View((_S.CLOSED,), tags=("spam",))),
    "closed": ("Closed", View((_S.CLOSED,))),
    "all": ("All", View()),
}


GROUPS = (
    ("To do", ("waiting", "person", "mine", "mentions", "escalated", "doubt", "quarantined", "snoozed")),
    ("Done", ("unseen", "sending", "answered", "automatic", "spam", "closed", "all")),
)


def mark_of(place: Place) -> str:
    """Where a page ends: the address of the next one carries it."""
    at, any_id = place
    return f"{(at - EPOCH) // timedelta(microseconds=1)}-{any_id}"


def place_of(mark: str) -> Place | None:
    """What `mark_of` said; None for the first page. Raises ValueError."""
    if not mark:
        return None
    micros, _, mail_id = mark.partition("-")
    if not (micros.isascii() and micros.isdigit() and len(micros) <= LONGEST_INSTANT and mail_id):
        raise ValueError(mark)
    return EPOCH + timedelta(microseconds=int(micros)), mail_id


def view_of(
    name: str,
    asked: Mapping[str, str],
    *,
    me: str,
    now: datetime,
    limit: timedelta,
    within: tuple[str, ...] | None = None,
) -> View:
    """A view of this name, narrowed by what was asked and to mailboxes; beyond `limit` a mail is escalated."""
    saved = VIEWS[name][1]
    fields = {"tags": (), "assignees": (), **narrowed(asked), "mailboxes": within}
    fields["tags"] += (*saved.tags, *((mention(me),) if name == "mentions" else ()))
    fields["assignees"] += (me,) if name == "mine" else ()
    return replace(saved, before=now - limit if name == "escalated" else None, **fields)


class QueuePage:
    """The desk's first page."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages
        self._counts = Counts()

    async def show(self, request: Request) -> Response:
        chosen = request.query_params.get("view", "waiting")
        if chosen not in VIEWS:
            return self._pages.note(request, "No such view", "The address names a view that does not exist.", 404)
        try:
            after = place_of(request.query_params.get("after", ""))
        except ValueError:
            return self._pages.note(request, "No such page", "The address names a page that does not exist.", 404)
        now, me, parts = self._parts.now(), actor(request), self._parts
        limit = timedelta(hours=parts.config.notices.escalate_after_hours)
        narrow = partial(view_of, me=me, now=now, limit=limit, within=within(request))
        views = {name: narrow(name, request.query_params) for name in VIEWS}
        kept, here = narrowing.kept(request.query_params), query_of(chosen, request.query_params)
        async with parts.database.read() as tx:
            lines = await queue.page(tx, views[chosen], now=now, limit=PAGE + 1, after=after)
            if kept:  # to count a narrowed list costs more than to show its page
                counts = {chosen: f"{PAGE}+" if after or len(lines) > PAGE else str(len(lines))}
            else:
                known = await self._counts.of(tx, (me, within(request)), views, now=now)
                counts = {name: _counted(n) for name, n in known.items()}
            handled, tags = await handlings.of_many(tx, [line.mail.id for line in lines[:PAGE]])
            paused = await pauses.all_(tx)
            blown = await reputation.get_breaker(tx, parts.config.postroom.tenant_id)
            saved = await saved_views.of(tx, somebody(request).id)
        mailboxes = [one.address for one in parts.config.mailboxes if sees(request, one.address)]
        return self._pages.show(
            "queue.html",
            request,
            groups=[(title, [(one, VIEWS[one][0], counts.get(one, "")) for one in names]) for title, names in GROUPS],
            chosen=chosen,
            shown=counts.get(chosen, ""),
            title=VIEWS[chosen][0],
            oldest_first=views[chosen].oldest_first,
            rows=[line.mail for line in lines[:PAGE]],
            handled=handled,
            tags=tags,
            more=mark_of(lines[PAGE - 1].place) if len(lines) > PAGE else "",
            first=after is None,
            page_mark=request.query_params.get("after", ""),
            kept={**dict.fromkeys(FILTERS, ""), **kept},
            query=urlencode(kept, errors="replace"),
            here=here,
            saved=saved,
            saved_here=next((one.name for one in saved if one.query == here), ""),
            choices=choices(parts, mailboxes),
            mailboxes=mailboxes,
            teams=teams_of(parts),
            priorities=PRIORITIES,
            rests=list(REST),
            paused=paused,
            breaker=breaker.told(blown),
            now=now,
        )


def teams_of(parts: Parts) -> list[str]:
    """Teams that the configuration names."""
    return sorted({rule.team for rule in parts.config.triage if rule.team})


def _counted(number: int) -> str:
    return f"{queue.COUNTED - 1}+" if number >= queue.COUNTED else str(number)
