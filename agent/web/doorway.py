"""In and out: the form to log in, the one-time link to set a password, and the way out.

Rules:
- Looking at a link spends nothing: previews and scanners follow links. Setting the password does.
- After it one goes on to where one was going: a path of this desk, never another place.
"""

from __future__ import annotations

import re

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent import entering, people
from agent.entering import NotEntered
from agent.parts import Parts
from agent.people import NotChanged
from agent.web.guard import log_in_form
from agent.web.page import Pages, person_of, session_of
from agent.web.session import COOKIE, Sessions


def path_here(given: str) -> str:
    """A path of this desk, or its first page."""
    return given if re.fullmatch(r"/(?![/\\])[!-~]{0,500}", given) and "\\" not in given else "/"


class Doorway:
    """The desk's door."""

    def __init__(self, parts: Parts, pages: Pages, sessions: Sessions) -> None:
        self._parts = parts
        self._pages = pages
        self._sessions = sessions

    async def show(self, request: Request) -> Response:
        if person_of(request) is not None:
            return RedirectResponse("/", 303)
        return log_in_form(self._pages, self._sessions, request, 200)

    async def log_in(self, request: Request, form: FormData) -> Response:
        name, there = str(form.get("name", "")), path_here(str(form.get("there", "/")))
        done = await entering.enter(
            self._parts,
            name,
            str(form.get("password", "")),
            str(form.get("code", "")),
            address=request.client.host if request.client else "",
            before=request.cookies.get(COOKIE, ""),
        )
        if isinstance(done, NotEntered):
            return log_in_form(
                self._pages, self._sessions, request, done.status, there=there, wrong=done.reason, name=name[:100]
            )
        response = RedirectResponse(there, 303)
        self._sessions.begin(response, done)
        return response

    async def link(self, request: Request) -> Response:
        return await self._link(request, 200)

    async def _link(self, request: Request, status: int, wrong: str = "", name: str = "") -> Response:
        token = request.path_params["token"]
        whose = await people.whose_link(self._parts, token)
        if isinstance(whose, NotChanged):
            return self._pages.note(request, "Link not valid", whose.reason, 404, "/login")
        door = self._sessions.door(request)
        response = self._pages.show(
            "link.html",
            request,
            status,
            door_token=self._sessions.form_token(door),
            token=token,
            whose=whose,
            wrong=wrong,
            name=name,
        )
        self._sessions.set_door(response, door)
        return response

    async def spend(self, request: Request, form: FormData) -> Response:
        name, password = str(form.get("name", "")), str(form.get("password", ""))
        if password != str(form.get("again", "")):
            return await self._link(request, 400, "The two passwords differ.", name[:100])
        done = await people.settle(self._parts, request.path_params["token"], name, password)
        if isinstance(done, NotChanged):
            return await self._link(request, 400, done.reason, name[:100])
        entered = await entering.begin_for(self._parts, done.id, request.cookies.get(COOKIE, ""))
        if isinstance(entered, NotEntered):
            return self._pages.note(request, "Please log in", entered.reason, entered.status, "/login")
        response = RedirectResponse("/me", 303)
        self._sessions.begin(response, entered)
        return response

    async def log_out(self, request: Request, form: FormData) -> Response:
        one = person_of(request)
        if one is not None:
            everywhere = bool(form.get("everywhere"))
            await entering.leave(self._parts, one, session_of(request), everywhere=everywhere)
        response = RedirectResponse("/login", 303)
        self._sessions.end(response)
        return response
