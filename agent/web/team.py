"""The page of the people: who may come in, as what, to which mailboxes.

Rules:
- For admins. One who was not given all mailboxes invites to, changes and ends only what lies within their own.
- A link is shown once, to who made it; it is theirs to pass on.
"""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from agent import people
from agent.parts import Parts
from agent.people import Link, NotChanged
from agent.store import pauses
from agent.store import people as store
from agent.store.people import EVERY, Person, PersonRole
from agent.web.page import Pages, actor, person_of
from agent.web.session import Sessions


class Team:
    """The people of one desk."""

    def __init__(self, parts: Parts, pages: Pages, sessions: Sessions) -> None:
        self._parts = parts
        self._pages = pages
        self._sessions = sessions

    async def show(self, request: Request, status: int = 200, **values: Any) -> Response:
        me = person_of(request)
        async with self._parts.database.read() as tx:
            known = await store.all_(tx)
            paused = await pauses.all_(tx)
        known = [one for one in known if me and _within(me, one.mailboxes)]
        given = {"wrong": "", "done": "", "link": "", "paused": paused, **values}
        return self._pages.show("people.html", request, status, known=known, roles=list(PersonRole), **given)

    async def invite(self, request: Request, form: FormData) -> Response:
        role, mailboxes = _role(form), _mailboxes(form)
        if wrong := self._beyond(request, mailboxes):
            return await self.show(request, 403, wrong=wrong)
        name = str(form.get("name", ""))
        done = await people.invite(self._parts, name, role, mailboxes, by=actor(request))
        return await self._told(
            request, done, f"{name.strip()} is invited. Pass this link on; it is good once, for 72 hours."
        )

    async def change(self, request: Request, form: FormData) -> Response:
        """What the path says, to the person that the form names."""
        parts, by, name = self._parts, actor(request), str(form.get("name", ""))
        async with parts.database.read() as tx:
            one = await store.by_login(tx, people.login_of(name))
        role, mailboxes = _role(form), _mailboxes(form)
        wrong = "" if one is None else self._beyond(request, one.mailboxes)
        verb = request.path_params["verb"]
        wrong = wrong or (self._beyond(request, mailboxes) if verb == "role" else "")
        if wrong:
            return await self.show(request, 403, wrong=wrong)
        match verb:
            case "role":
                done = await people.give(parts, name, role, mailboxes, by=by)
                return await self._told(request, done, f"{name} is changed, and has to log in again.")
            case "reset":
                link = await people.reset(parts, name, by=by)
                return await self._told(
                    request, link, f"{name} can set a new password by this link, once, for 72 hours."
                )
            case "disable":
                ended = await people.disable(parts, name, by=by)
                return await self._told(request, ended, f"{name} comes in no more.")
            case "enable":
                link = await people.enable(parts, name, by=by)
                return await self._told(request, link, f"{name} can set a password by this link, once, for 72 hours.")
        return self._pages.note(request, "Not found", "There is no such action.", 404, "/people")

    async def _told(self, request: Request, done: Link | Person | NotChanged, told: str) -> Response:
        if isinstance(done, NotChanged):
            return await self.show(request, 409, wrong=done.reason)
        link = ""
        if isinstance(done, Link):
            scheme = "https" if self._sessions.secure else "http"
            link = f"{scheme}://{request.headers.get('host', '')}/link/{done.token}"
        return await self.show(request, done=told, link=link)

    def _beyond(self, request: Request, mailboxes: tuple[str, ...]) -> str:
        me = person_of(request)
        if me is not None and _within(me, mailboxes):
            return ""
        return "That reaches beyond the mailboxes that you were given."


def _within(me: Person, mailboxes: tuple[str, ...]) -> bool:
    return me.sees_all or all(one != EVERY and me.sees(one) for one in mailboxes)


def _role(form: FormData) -> PersonRole:
    """What the form says; the least for what is none."""
    given = str(form.get("role", ""))
    return PersonRole(given) if given in set(PersonRole) else PersonRole.VIEWER


def _mailboxes(form: FormData) -> tuple[str, ...]:
    given = tuple(dict.fromkeys(str(one) for one in form.getlist("mailbox")))
    return (EVERY,) if EVERY in given else given
