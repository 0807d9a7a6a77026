"""Who may do what at the desk: a rule for every route, kept here before its page or verb is called.

Rules:
- A route without a rule is not served: the desk does not start with one.
- A person sees, searches and decides on the mail of their mailboxes alone. By an id of another one they are told the
  same as for an id that does not exist.
- Reading is GET; deciding is POST from our own page, with the session's form token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from agent.parts import Parts
from agent.store import people
from agent.store.people import Person, PersonRole
from agent.web.page import Pages, person_of, session_of
from agent.web.session import Sessions

FIELD_BYTES = 1_250_000
"""Of one field of a form as it travels: the longest text of a reply, 100,000 characters of up to twelve bytes each."""
FIELDS = 20
"""Of one form."""
MOST_IDS = 200

Handler = Callable[[Request], Awaitable[Response]]
Deed = Callable[[Request, FormData], Awaitable[Response]]


class Of(StrEnum):
    """What a route is about, and so whose it is."""

    NOTHING = "nothing"
    """No mail; or a list that its page narrows to the person's mailboxes."""
    MAIL = "mail"
    """The mail that the id in the path is of."""
    MAILS = "mails"
    """Those that the form's ids are of."""
    MAILBOX = "mailbox"
    """The form's mailbox; all of them where it has none."""
    WHOLE = "whole"
    """All mailboxes together."""


@dataclass(frozen=True)
class Rule:
    role: PersonRole | None
    """The least that may; None: strangers too."""
    of: Of = Of.NOTHING


STRANGER = Rule(None)


class Guard:
    """Keeps the rules of one desk."""

    def __init__(self, parts: Parts, sessions: Sessions, pages: Pages) -> None:
        self._parts = parts
        self._sessions = sessions
        self._pages = pages

    def sees(self, rule: Rule, handler: Handler) -> Handler:
        """A page for who may see it."""

        async def guarded(request: Request) -> Response:
            if not self._sessions.knows_host(request):
                return not_ours()
            if (given := request.query_params.get("token")) and rule.role is not None:
                return await self._by_link(request, given)
            refused = await self._refused(request, rule, None)
            return refused or await handler(request)

        guarded.rule = rule  # type: ignore[attr-defined]  # read by `ruled`
        return guarded

    def decides(self, rule: Rule, deed: Deed, *, fields: int = FIELDS, files: int = 0) -> Handler:
        """A deed for who may do it, from a page of ours."""

        async def guarded(request: Request) -> Response:
            if not self._sessions.knows_host(request):
                return not_ours()
            await self._sessions.load(request)
            session = session_of(request)
            if rule.role is None:
                session = request.cookies.get("postroom_door", "")
            elif not session:
                return self._log_in(request)
            async with request.form(max_files=files, max_fields=fields, max_part_size=FIELD_BYTES) as form:
                if not self._sessions.is_form_token(session, str(form.get("form_token", ""))):
                    text = "The page was too old, or the request did not come from it. Nothing was decided."
                    return self._pages.note(request, "Nothing was decided", text, 403)
                refused = await self._refused(request, rule, form)
                return refused or await deed(request, form)

        guarded.rule = rule  # type: ignore[attr-defined]  # read by `ruled`
        return guarded

    async def _by_link(self, request: Request, given: str) -> Response:
        """The demo's link lets its owner in."""
        entered = await self._sessions.opened(request) if self._sessions.is_token(given) else None
        if entered is None:
            text = "That link is not valid any more. Log in with your name and password."
            return self._pages.note(request, "Link not valid", text, 403)
        response = RedirectResponse("/", 303)
        self._sessions.begin(response, entered)
        return response

    async def _refused(self, request: Request, rule: Rule, form: FormData | None) -> Response | None:
        """The answer to who may not; None where they may."""
        await self._sessions.load(request)
        if rule.role is None:
            return None
        one = person_of(request)
        if one is None:
            return self._log_in(request)
        if not one.may(rule.role):
            text = f"You are here as a {one.role.value}; this is for a {rule.role.value}. An admin can change that."
            return self._pages.note(request, "Not for you", text, 403)
        if one.sees_all or await self._is_theirs(one, request, rule, form):
            return None
        if rule.of in {Of.MAILBOX, Of.WHOLE}:
            text = "This is for who was given all mailboxes, or this one. An admin can change that."
            return self._pages.note(request, "Not for you", text, 403)
        return self._pages.note(request, "Not found", "There is no mail, draft or delivery with this id.", 404)

    async def _is_theirs(self, one: Person, request: Request, rule: Rule, form: FormData | None) -> bool:
        if rule.of is Of.NOTHING:
            return True
        if rule.of is Of.WHOLE:
            return False
        if rule.of is Of.MAILBOX:
            return form is not None and one.sees(str(form.get("mailbox", "")))
        ids = [request.path_params["id"]] if rule.of is Of.MAIL else []
        if rule.of is Of.MAILS and form is not None:
            ids = [str(each) for each in form.getlist("id")]
        if len(ids) > MOST_IDS:
            return False
        async with self._parts.database.read() as tx:
            found = await people.mailboxes_of(tx, ids)
        return all(one.sees(found.get(each, "")) for each in ids)

    def _log_in(self, request: Request) -> Response:
        """The form; for a link from another site first a page of ours, for which a strict cookie is sent."""
        if request.method != "GET":
            text = "Log in first. Nothing was decided."
            return self._pages.note(request, "Please log in", text, 401, "/login")
        there = quote(request.url.path, safe="/")
        if request.headers.get("sec-fetch-site") == "cross-site":
            return self._pages.show("onward.html", request, 200, there=there)
        return log_in_form(self._pages, self._sessions, request, 401, there=there)


def log_in_form(
    pages: Pages,
    sessions: Sessions,
    request: Request,
    status: int,
    *,
    there: str = "/",
    wrong: str = "",
    name: str = "",
) -> Response:
    door = sessions.door(request)
    values = {"door_token": sessions.form_token(door), "there": there, "wrong": wrong, "name": name}
    response = pages.show("login.html", request, status, **values)
    sessions.set_door(response, door)
    return response


def not_ours() -> Response:
    return PlainTextResponse("This desk does not answer for that host name.\n", 421)
