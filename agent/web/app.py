"""The desk: pages for people, put together from `queue`, `conversation` and `actions`.

Rules:
- Reading is GET, deciding is POST with the form's token; nothing is ever decided by a link.
- Strict headers on every answer: no script runs but our own file, nothing is loaded from elsewhere, nobody may frame
  the page.
- Mail is shown as text; the templates escape everything. Its HTML has a frame of its own (`frame`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.parts import Parts
from agent.web.actions import Actions
from agent.web.bulk import Bulk
from agent.web.conversation import ConversationPage
from agent.web.finding import SearchPage
from agent.web.frame import Frame
from agent.web.live import Live
from agent.web.metrics import Metrics
from agent.web.numbers import NumbersPage
from agent.web.page import HERE, Pages
from agent.web.queue import QueuePage
from agent.web.session import Sessions

FIELD_BYTES = 1_250_000
"""Of one field of a form as it travels: the longest text of a reply, 100,000 characters of up to twelve bytes each."""
FORM_BYTES = 1_300_000
FIELDS = 20
"""Of one form, ..."""
BULK_FIELDS = 120
"""... and of a page of ticked mails with what to do with them."""

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

Handler = Callable[[Request], Awaitable[Response]]


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
        self._pages = Pages(sessions)
        self._queue = QueuePage(parts, self._pages)
        self._search = SearchPage(parts, self._pages)
        self._numbers = NumbersPage(parts, self._pages)
        self._conversation = ConversationPage(parts, self._pages)
        self._frame = Frame(parts, self._pages)
        self._actions = Actions(parts, self._pages)
        self._bulk = Bulk(parts, self._pages)
        self._live = Live(parts)
        self._metrics = Metrics(parts)

    async def close(self) -> None:
        """Let go of the pages that listen; else they would hold up the end of the service."""
        await self._live.close()

    def app(self) -> ASGIApp:
        seen, decided, act = self._seen, self._decided, self._actions
        return StrictHeaders(
            Starlette(
                routes=[
                    Route("/", seen(self._queue.show)),
                    Route("/events", seen(self._live.events)),
                    Route("/search", seen(self._search.show)),
                    Route("/numbers", seen(self._numbers.show)),
                    Route("/numbers.csv", seen(self._numbers.show)),
                    Route("/mail/{id}", seen(self._conversation.show)),
                    Route("/mail/{id}/news", seen(self._conversation.news)),
                    Route("/mail/{id}/raw", seen(self._conversation.raw)),
                    Route("/mail/{id}/html", seen(self._frame.html)),
                    Route("/mail/{id}/file/{number:int}", seen(self._frame.file)),
                    Route("/mail/{id}/{verb}", decided(act.mail), methods=["POST"]),
                    Route("/drafts/{id}/{verb}", decided(act.draft), methods=["POST"]),
                    Route("/bulk", decided(self._bulk.act, fields=BULK_FIELDS), methods=["POST"]),
                    Route("/pause", decided(act.pause), methods=["POST"]),
                    Route("/resume", decided(act.resume), methods=["POST"]),
                    Route("/breaker/close", decided(act.close_breaker), methods=["POST"]),
                    Route("/health", self.health),
                    Route("/metrics", self._measured),
                    Mount("/static", StaticFiles(directory=HERE / "static")),
                ],
                max_body_size=FORM_BYTES,
            )
        )

    def _seen(self, handler: Handler) -> Handler:
        """A page for whoever has a session; the printed link makes one."""

        async def guarded(request: Request) -> Response:
            if not self._sessions.knows_host(request):
                return PlainTextResponse("This desk does not answer for that host name.\n", 421)
            if given := request.query_params.get("token"):
                if not self._sessions.is_token(given):
                    text = "That link is not valid any more. Postroom prints a new one at each start."
                    return self._pages.note(request, "Link not valid", text, 403)
                response = RedirectResponse("/", 303)
                self._sessions.begin(response)
                return response
            if self._sessions.of(request) is None:
                text = "Open the desk by the link that Postroom printed when it started."
                return self._pages.note(request, "Please open the desk by its link", text, 401)
            return await handler(request)

        return guarded

    def _decided(self, handler: Callable[[Request, FormData], Awaitable[Response]], *, fields: int = FIELDS) -> Handler:
        """A decision: only with a session, from our own pages, with the form's token."""

        async def guarded(request: Request) -> Response:
            if not self._sessions.knows_host(request):
                return PlainTextResponse("This desk does not answer for that host name.\n", 421)
            session = self._sessions.of(request)
            if session is None:
                text = "Open the desk by the link that Postroom printed when it started."
                return self._pages.note(request, "Please open the desk by its link", text, 401)
            async with request.form(max_files=0, max_fields=fields, max_part_size=FIELD_BYTES) as form:
                if not self._sessions.is_form_token(session, str(form.get("form_token", ""))):
                    text = "The page was too old, or the request did not come from it. Nothing was decided."
                    return self._pages.note(request, "Nothing was decided", text, 403)
                return await handler(request, form)

        return guarded

    async def _measured(self, request: Request) -> Response:
        """Numbers alone, for a machine that has no session; but only by a name of ours."""
        if not self._sessions.knows_host(request):
            return PlainTextResponse("This desk does not answer for that host name.\n", 421)
        return await self._metrics.show(request)

    async def health(self, _request: Request) -> Response:
        try:
            await self._parts.database.ping()
        except Exception:  # noqa: BLE001 (whatever it is, the answer to a health check is the same)
            return JSONResponse({"ok": False, "database": "does not answer"}, 503)
        return JSONResponse({"ok": True})
