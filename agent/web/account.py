"""One's own page: password, codes by time, log-out everywhere.

Rules:
- What is changed here ends all of the person's sessions; the one that changed it goes on with a new one.
- Secrets are shown once, in the answer to the POST that made them.
"""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent import entering, people, totp
from agent.entering import NotEntered
from agent.parts import Parts
from agent.people import NotChanged
from agent.store import pauses
from agent.store import people as store
from agent.web import qr
from agent.web.page import Pages, session_of, somebody
from agent.web.session import Sessions


class Account:
    """Pages of who is logged in."""

    def __init__(self, parts: Parts, pages: Pages, sessions: Sessions) -> None:
        self._parts = parts
        self._pages = pages
        self._sessions = sessions

    async def show(self, request: Request, status: int = 200, **values: Any) -> Response:
        one = somebody(request)
        async with self._parts.database.read() as tx:
            left = await store.codes_left(tx, one.id)
            paused = await pauses.all_(tx)
        given = {"wrong": "", "done": "", "secret": "", "otpauth": "", "picture": None, "codes": [], **values}
        return self._pages.show("account.html", request, status, codes_left=left, paused=paused, **given)

    async def password(self, request: Request, form: FormData) -> Response:
        new = str(form.get("new", ""))
        if new != str(form.get("again", "")):
            return await self.show(request, 400, wrong="The two new passwords differ.")
        if held := await self._held_up(request):
            return await self.show(request, 429, wrong=held)
        done = await people.set_password(self._parts, somebody(request), str(form.get("password", "")), new)
        return await self._after(request, done, "Your password is changed; other browsers are logged out.")

    async def codes(self, request: Request, _form: FormData) -> Response:
        one = somebody(request)
        secret = await people.begin_codes(self._parts, one)
        if secret is None:
            return await self.show(request, 409, wrong="Codes are asked for already.")
        address = totp.address(secret, one.name)
        spelled = _grouped(totp.spelled(secret))
        return await self.show(request, secret=spelled, otpauth=address, picture=qr.drawn(address))

    async def confirm(self, request: Request, form: FormData) -> Response:
        done = await people.confirm_codes(self._parts, somebody(request), str(form.get("code", "")))
        if isinstance(done, NotChanged):
            return await self.show(request, 400, wrong=f"{done.reason} Begin again.")
        return await self._after(request, None, "From now on a code is asked for.", codes=done)

    async def drop(self, request: Request, form: FormData) -> Response:
        if held := await self._held_up(request):
            return await self.show(request, 429, wrong=held)
        done = await people.drop_codes(self._parts, somebody(request), str(form.get("password", "")))
        return await self._after(request, done, "Codes are not asked for any more.")

    async def _held_up(self, request: Request) -> str:
        """Who found an open browser guesses no password in it either."""
        address = request.client.host if request.client else ""
        return await entering.held_up(self._parts, somebody(request).login, address)

    async def _after(self, request: Request, wrong: NotChanged | None, told: str, **values: Any) -> Response:
        """The page after a change, with a new session: the change ended all."""
        if wrong is not None:
            return await self.show(request, 400, wrong=wrong.reason)
        entered = await entering.begin_for(self._parts, somebody(request).id, session_of(request))
        if isinstance(entered, NotEntered):
            return RedirectResponse("/login", 303)
        async with self._parts.database.read() as tx:
            request.state.person = await store.get(tx, entered.person.id)
        request.state.session = entered.token
        response = await self.show(request, done=told, **values)
        self._sessions.begin(response, entered)
        return response


def _grouped(text: str) -> str:
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))
