"""The queue: views over all mail, with filters, a page at a time.

Rules:
- What waits is shown oldest first, everything else newest first.
- A page's address says where it begins; nothing is counted beyond a bound, so that a million mails cost no more.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from agent.parts import Parts
from agent.states import DraftState, MailStatus
from agent.store import handlings, pauses, queue
from agent.store.queue import Place, View
from agent.web.page import Pages, actor

PAGE = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_INSTANT = 17
"""Digits of microseconds since 1970: enough until the year 5138."""

_S = MailStatus
OPEN = (_S.WAITING, _S.PERSON, _S.IN_DOUBT, _S.QUARANTINED, _S.WORKING, _S.RECEIVED, _S.SENDING)
VIEWS: dict[str, tuple[str, View]] = {
    "waiting": ("Waiting", View((_S.WAITING,), oldest_first=True, resting=False)),
    "person": ("For a person", View((_S.PERSON,), oldest_first=True, resting=False)),
    "mine": ("Mine", View(OPEN, oldest_first=True, resting=False)),
    "doubt": ("In doubt", View((_S.IN_DOUBT,), oldest_first=True)),
    "quarantined": ("Quarantined", View((_S.QUARANTINED,), oldest_first=True)),
    "snoozed": ("Resting", View((_S.WAITING, _S.PERSON), oldest_first=True, resting=True)),
    "sending": ("On the way", View((_S.SENDING, _S.WORKING, _S.RECEIVED))),
    "unseen": ("Sent unseen", View((_S.ANSWERED,), draft_state=DraftState.UNSEEN)),
    "answered": ("Answered", View((_S.ANSWERED,))),
    "automatic": ("Automatic", View((_S.RECORDED, _S.DUPLICATE))),
    "spam": ("Spam", View((_S.CLOSED,), tag="spam")),
    "closed": ("Closed", View((_S.CLOSED,))),
    "all": ("All", View()),
}


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


def view_of(name: str, request: Request) -> View:
    """A view of this name with what the address filters by."""
    asked, saved = request.query_params, VIEWS[name][1]
    return View(
        statuses=saved.statuses,
        oldest_first=saved.oldest_first,
        resting=saved.resting,
        draft_state=saved.draft_state,
        assignee=actor(request) if name == "mine" else asked.get("assignee", ""),
        tag=saved.tag or asked.get("tag", ""),
        mailbox=asked.get("mailbox", ""),
    )


class QueuePage:
    """The desk's first page."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def show(self, request: Request) -> Response:
        chosen = request.query_params.get("view", "waiting")
        if chosen not in VIEWS:
            return self._pages.note(request, "No such view", "The address names a view that does not exist.", 404)
        try:
            after = place_of(request.query_params.get("after", ""))
        except ValueError:
            return self._pages.note(request, "No such page", "The address names a page that does not exist.", 404)
        now, view = self._parts.now(), view_of(chosen, request)
        async with self._parts.database.read() as tx:
            lines = await queue.page(tx, view, now=now, limit=PAGE + 1, after=after)
            counts = {name: await queue.count(tx, view_of(name, request), now=now) for name in VIEWS}
            handled, tags = await handlings.of_many(tx, [line.mail.id for line in lines[:PAGE]])
            paused = await pauses.all_(tx)
        filters = {name: value for name in ("mailbox", "tag", "assignee") if (value := getattr(view, name))}
        kept = {name: value for name, value in filters.items() if name in request.query_params}
        return self._pages.show(
            "queue.html",
            request,
            tabs=[(name, title, _counted(counts[name])) for name, (title, _) in VIEWS.items()],
            chosen=chosen,
            oldest_first=view.oldest_first,
            rows=[line.mail for line in lines[:PAGE]],
            asked="",
            handled=handled,
            tags=tags,
            more=mark_of(lines[PAGE - 1].place) if len(lines) > PAGE else "",
            first=after is None,
            kept={"mailbox": "", "tag": "", "assignee": "", **kept},
            query=urlencode(kept),
            mailboxes=[mailbox.address for mailbox in self._parts.config.mailboxes],
            paused=paused,
            now=now,
        )


def _counted(number: int) -> str:
    return f"{queue.COUNTED - 1}+" if number >= queue.COUNTED else str(number)
