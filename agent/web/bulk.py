"""One action on many mails of a list.

Rules:
- Each mail is changed in a transaction of its own, by the same verbs as on its page, and leaves the same audit rows.
- What could not be done is counted and said, never passed over.
- Approving is not among the verbs: an approval is for a text that somebody read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent import closing, handling, spam
from agent.approval import Decided, NotDecided
from agent.parts import Parts
from agent.store import handlings
from agent.web.narrowing import FILTERS
from agent.web.page import Pages, actor

MOST = 100
"""Mails of one request: a page of a list."""
BACK = frozenset({"view", *FILTERS, "after"})

Verb = Callable[[str], Awaitable[Decided | NotDecided]]


class Bulk:
    """What is done with all mails that were ticked."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def act(self, request: Request, form: FormData) -> Response:
        ids = [str(one) for one in form.getlist("id")][:MOST]
        word, by = str(form.get("word", "")).strip(), actor(request)
        back = "/?" + urlencode([(k, v) for k, v in parse_qsl(str(form.get("back", ""))) if k in BACK])
        verb = self._verb(str(form.get("verb", "")), word, by)
        if verb is None:
            return self._pages.note(request, "Not found", "There is no such action.", 404, back)
        if not ids:
            return self._pages.note(request, "Nothing was done", "Tick the mails first.", 400, back)
        problems: dict[str, int] = {}
        for mail_id in dict.fromkeys(ids):
            done = await verb(mail_id)
            if isinstance(done, NotDecided):
                problems[done.reason] = problems.get(done.reason, 0) + 1
        if not problems:
            return RedirectResponse(back, 303)
        told = "; ".join(f"{n} of {len(ids)} not: {reason}" for reason, n in problems.items())
        return self._pages.note(request, "Not all of it was done", told, 409, back)

    def _verb(self, name: str, word: str, by: str) -> Verb | None:
        parts = self._parts
        verbs: dict[str, Verb] = {
            "take": lambda one: self._take(one, by, by),
            "assign": lambda one: self._take(one, word, by),
            "team": lambda one: handling.give(parts, one, word, by=by),
            "tag": lambda one: handling.tag(parts, one, word, by=by),
            "rank": lambda one: handling.rank(parts, one, word, by=by),
            "snooze": lambda one: handling.snooze(parts, one, word, by=by),
            "close": lambda one: closing.close(parts, one, by=by, reason=word[:500]),
            "spam": lambda one: spam.spam(parts, one, by=by),
        }
        return verbs.get(name)

    async def _take(self, mail_id: str, assignee: str, by: str) -> Decided | NotDecided:
        """Whoever has it by now: a list shows who that is, and giving many away is meant."""
        async with self._parts.database.read() as tx:
            held = await handlings.get(tx, mail_id)
        if held.assignee == assignee:
            return Decided(mail_id)
        return await handling.assign(self._parts, mail_id, assignee, by=by, seen=held.assignee)
