"""The forms by which a person keeps a view of the queue, and drops it.

Rules:
- A view is the question of an address, made anew from what is known; it shows what its person may see, no more.
- It is its person's alone: the forms name nobody.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent import views
from agent.parts import Parts
from agent.web.narrowing import query_of
from agent.web.page import Pages, somebody
from agent.web.queue import VIEWS


class SavedViews:
    """Keeps and drops them."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def keep(self, request: Request, form: FormData) -> Response:
        name, asked = " ".join(str(form.get("name", "")).split()), dict(parse_qsl(str(form.get("here", ""))))
        view = asked.get("view", "")
        wrong = views.wrong_name(name) or ("" if view in VIEWS else "The page names a view that does not exist.")
        if wrong:
            return self._pages.note(request, "Nothing was kept", wrong, 400)
        query = query_of(view, asked)
        if not await views.keep(self._parts, somebody(request), name, query):
            text = f"You have {views.MOST} views already: drop one first."
            return self._pages.note(request, "Nothing was kept", text, 409)
        return RedirectResponse(f"/?{query}", 303)

    async def drop(self, request: Request, form: FormData) -> Response:
        await views.drop(self._parts, somebody(request), str(form.get("name", "")))
        return RedirectResponse("/", 303)
