"""Search over all mail and drafts, a page at a time."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from agent.parts import Parts
from agent.store import handlings, mails, pauses, searching
from agent.web.page import Pages, within

PAGE = 50
LONGEST = 200
"""Characters of a question."""
DIGITS = 18
"""Of where a page begins."""


class SearchPage:
    """What has all of the words that somebody asked for."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def show(self, request: Request) -> Response:
        asked, below = request.query_params.get("q", "")[:LONGEST].strip(), request.query_params.get("below", "")
        if below and not (below.isascii() and below.isdigit() and len(below) <= DIGITS):
            return self._pages.note(request, "No such page", "The address names a page that does not exist.", 404)
        bound: dict[str, Any] = {"below": int(below)} if below else {}
        async with self._parts.database.read() as tx:
            hits = await searching.find(tx, asked, limit=PAGE + 1, within=within(request), **bound)
            ids = list(dict.fromkeys(hit.mail_id for hit in hits[:PAGE]))
            found = await mails.listed(tx, ids)
            handled, tags = await handlings.of_many(tx, ids)
            paused = await pauses.all_(tx)
        return self._pages.show(
            "search.html",
            request,
            rows=[found[mail_id] for mail_id in ids if mail_id in found],
            handled=handled,
            tags=tags,
            asked=asked,
            query=urlencode({"q": asked}, errors="replace"),
            more=str(hits[PAGE - 1].n) if len(hits) > PAGE else "",
            first=not below,
            paused=paused,
            now=self._parts.now(),
        )
