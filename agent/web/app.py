"""The desk: pages for people, put together from `queue`, `conversation` and `actions`.

Rules:
- Reading is GET, deciding is POST with the form's token; nothing is ever decided by a link.
- Every route has its rule of who may (`guard`); with one that has none the desk does not start.
- Strict headers on every answer: no script runs but our own file, nothing is loaded from elsewhere, nobody may frame
  the page.
- Mail is shown as text; the templates escape everything. Its HTML has a frame of its own (`frame`).
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.additions import LARGEST
from agent.parts import Parts
from agent.store.people import PersonRole
from agent.web.account import Account
from agent.web.actions import Actions
from agent.web.bulk import Bulk
from agent.web.conversation import ConversationPage
from agent.web.doorway import Doorway
from agent.web.finding import SearchPage
from agent.web.frame import Frame
from agent.web.guard import FIELDS, STRANGER, Deed, Guard, Handler, Of, Rule, not_ours
from agent.web.live import Live
from agent.web.metrics import Metrics
from agent.web.numbers import NumbersPage
from agent.web.page import HERE, Pages
from agent.web.queue import QueuePage
from agent.web.saved import SavedViews
from agent.web.session import Sessions
from agent.web.team import Team
from outbound.compose import MAX_FILES

FORM_BYTES = 1_300_000
"""Of a form; one that brings files may have `LARGEST` more, from who is logged in."""
BULK_FIELDS = 120
"""Of the form of a page of ticked mails with what to do with them."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

VIEW, DECIDE, ADMIN = PersonRole.VIEWER, PersonRole.REVIEWER, PersonRole.ADMIN


class StrictHeaders:
    """Put the headers on every answer, errors included; the frame's answers bring some of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                own = {name for name, _ in given}
                ours = ((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
                message["headers"] = [*given, *(one for one in ours if one[0] not in own)]
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)


class Desk:
    """The pages over one Postroom's parts."""

    def __init__(self, parts: Parts, sessions: Sessions) -> None:
        self._parts = parts
        self._sessions = sessions
        pages = self._pages = Pages(sessions, [one.address for one in parts.config.mailboxes])
        self._guard = Guard(parts, sessions, pages)
        self._queue = QueuePage(parts, pages)
        self._saved = SavedViews(parts, pages)
        self._search = SearchPage(parts, pages)
        self._numbers = NumbersPage(parts, pages)
        self._conversation = ConversationPage(parts, pages)
        self._frame = Frame(parts, pages)
        self._actions = Actions(parts, pages)
        self._bulk = Bulk(parts, pages)
        self._live = Live(parts)
        self._metrics = Metrics(parts)
        self._doorway = Doorway(parts, pages, sessions)
        self._account = Account(parts, pages, sessions)
        self._team = Team(parts, pages, sessions)

    async def close(self) -> None:
        """Let go of the pages that listen; else they would hold up the end of the service."""
        await self._live.close()

    def app(self) -> ASGIApp:
        routes = self.routes()
        for one in routes:
            if isinstance(one, Route) and not isinstance(getattr(one.endpoint, "rule", None), Rule):
                raise TypeError(f"the route {one.path} has no rule of who may")
        return StrictHeaders(Starlette(routes=routes))

    def routes(self) -> list[BaseRoute]:
        """All there is to ask for."""
        return [*self._mail(), *self._people(), Mount("/static", StaticFiles(directory=HERE / "static"))]

    def _mail(self) -> list[BaseRoute]:
        page, deed, act = self._page, self._deed, self._actions
        mail, whole = Of.MAIL, Of.WHOLE
        return [
            page("/", self._queue.show, Rule(VIEW)),
            page("/events", self._live.events, Rule(VIEW)),
            page("/search", self._search.show, Rule(VIEW)),
            page("/numbers", self._numbers.show, Rule(VIEW)),
            page("/numbers.csv", self._numbers.show, Rule(VIEW)),
            page("/mail/{id}", self._conversation.show, Rule(VIEW, mail)),
            page("/mail/{id}/news", self._conversation.news, Rule(VIEW, mail)),
            page("/mail/{id}/raw", self._conversation.raw, Rule(VIEW, mail)),
            page("/mail/{id}/html", self._frame.html, Rule(VIEW, mail)),
            page("/mail/{id}/file/{number:int}", self._frame.file, Rule(VIEW, mail)),
            page("/drafts/{id}/file/{number:int}", self._conversation.file, Rule(VIEW, mail)),
            deed("/mail/{id}/{verb}", act.mail, Rule(DECIDE, mail), files=MAX_FILES),
            deed("/drafts/{id}/{verb}", act.draft, Rule(DECIDE, mail), files=MAX_FILES),
            deed("/views/keep", self._saved.keep, Rule(VIEW)),
            deed("/views/drop", self._saved.drop, Rule(VIEW)),
            deed("/bulk", self._bulk.act, Rule(DECIDE, Of.MAILS), fields=BULK_FIELDS),
            deed("/pause", act.pause, Rule(DECIDE, Of.MAILBOX)),
            deed("/pause/mailbox", act.pause, Rule(DECIDE, Of.MAILBOX)),
            deed("/resume", act.resume, Rule(DECIDE, Of.MAILBOX)),
            deed("/resume/mailbox", act.resume, Rule(DECIDE, Of.MAILBOX)),
            deed("/breaker/close", act.close_breaker, Rule(DECIDE, whole)),
            Route("/health", _open(self.health)),
            Route("/metrics", _open(self._measured)),
        ]

    def _people(self) -> list[BaseRoute]:
        page, deed, door, mine, team = self._page, self._deed, self._doorway, self._account, self._team
        return [
            page("/login", door.show, STRANGER),
            deed("/login", door.log_in, STRANGER),
            page("/link/{token}", door.link, STRANGER),
            deed("/link/{token}", door.spend, STRANGER),
            deed("/logout", door.log_out, Rule(VIEW)),
            page("/me", mine.show, Rule(VIEW)),
            deed("/me/password", mine.password, Rule(VIEW)),
            deed("/me/codes", mine.codes, Rule(VIEW)),
            deed("/me/codes/confirm", mine.confirm, Rule(VIEW)),
            deed("/me/codes/off", mine.drop, Rule(VIEW)),
            page("/people", team.show, Rule(ADMIN)),
            deed("/people/invite", team.invite, Rule(ADMIN), fields=BULK_FIELDS),
            deed("/people/{verb}", team.change, Rule(ADMIN), fields=BULK_FIELDS),
        ]

    def _page(self, path: str, handler: Handler, rule: Rule) -> Route:
        return Route(path, self._guard.sees(rule, handler), max_body_size=FORM_BYTES)

    def _deed(self, path: str, handler: Deed, rule: Rule, *, fields: int = FIELDS, files: int = 0) -> Route:
        guarded = self._guard.decides(rule, handler, fields=fields, files=files)
        most = FORM_BYTES + LARGEST if files else FORM_BYTES
        return Route(path, guarded, methods=["POST"], max_body_size=most)

    async def _measured(self, request: Request) -> Response:
        """Numbers alone, for a machine that has no session; but only by a name of ours."""
        return await self._metrics.show(request) if self._sessions.knows_host(request) else not_ours()

    async def health(self, _request: Request) -> Response:
        try:
            await self._parts.database.ping()
        except Exception:  # noqa: BLE001 (whatever it is, the answer to a health check is the same)
            return JSONResponse({"ok": False, "database": "does not answer"}, 503)
        return JSONResponse({"ok": True})


def _open(handler: Handler) -> Handler:
    """For machines that have no session: it holds nothing of any mail."""

    async def answered(request: Request) -> Response:
        return await handler(request)

    answered.rule = STRANGER  # type: ignore[attr-defined]  # as the guard's
    return answered
