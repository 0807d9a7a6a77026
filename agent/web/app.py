"""The desk's first pages: what waits, one mail with its draft beside it, and the decision.

Rules:
- Reading is GET, deciding is POST with the form's token; nothing is ever decided by a link.
- Strict headers on every answer: no script runs, nothing is loaded from elsewhere, nobody may frame the page.
- Mail is shown as text; the templates escape everything.
- The first decision wins; who comes second is told who was first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent import approval, closing, switch, words
from agent.approval import Decided, NotDecided
from agent.parts import Parts
from agent.states import MAIL_AFTER, MailStatus
from agent.store import drafts, mails, pauses
from agent.store.mails import Listed
from agent.story import tell
from agent.web.session import Sessions

HERE = Path(__file__).parent
ACTOR = "desk"
PAGE = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FIELD_BYTES = 1_250_000
"""Of one field of a form as it travels: the longest text of a reply, 100,000 characters of up to twelve bytes each."""
FORM_BYTES = 1_300_000
LONGEST_INSTANT = 17
"""Digits of microseconds since 1970: enough until the year 5138."""
REASON = 500
"""Characters of a decision's reason that are kept."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

VIEWS: dict[str, tuple[str, tuple[MailStatus, ...]]] = {
    "waiting": ("Waiting", (MailStatus.WAITING,)),
    "person": ("For a person", (MailStatus.PERSON,)),
    "doubt": ("In doubt", (MailStatus.IN_DOUBT,)),
    "sending": ("On the way", (MailStatus.SENDING, MailStatus.WORKING, MailStatus.RECEIVED)),
    "answered": ("Answered", (MailStatus.ANSWERED,)),
    "automatic": ("Automatic", (MailStatus.RECORDED, MailStatus.DUPLICATE)),
    "quarantined": ("Quarantined", (MailStatus.QUARANTINED,)),
    "closed": ("Closed", (MailStatus.CLOSED,)),
    "all": ("All", ()),
}


def _mark(row: Listed) -> str:
    """Where a page ends: the address of the next one carries it."""
    return f"{(row.received_at - EPOCH) // timedelta(microseconds=1)}-{row.id}"


def _place(mark: str) -> tuple[datetime, str] | None:
    """What `_mark` said; None for the first page. Raises ValueError."""
    if not mark:
        return None
    micros, _, mail_id = mark.partition("-")
    if not (micros.isascii() and micros.isdigit() and len(micros) <= LONGEST_INSTANT and mail_id):
        raise ValueError(mark)
    return EPOCH + timedelta(microseconds=int(micros)), mail_id


Handler = Callable[[Request], Awaitable[Response]]


class StrictHeaders:
    """Put the headers on every answer, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
                ]
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)


class Desk:
    """The pages over one Postroom's parts."""

    def __init__(self, parts: Parts, sessions: Sessions) -> None:
        self._parts = parts
        self._sessions = sessions
        self._pages = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._pages.filters.update(words.FILTERS)

    def app(self) -> ASGIApp:
        return StrictHeaders(
            Starlette(
                routes=[
                    Route("/", self._seen(self.queue)),
                    Route("/mail/{id}", self._seen(self.mail)),
                    Route("/mail/{id}/raw", self._seen(self.raw)),
                    Route("/mail/{id}/{verb}", self._decided(self.decide), methods=["POST"]),
                    Route("/drafts/{id}/{verb}", self._decided(self.draft), methods=["POST"]),
                    Route("/pause", self._decided(self.pause), methods=["POST"]),
                    Route("/resume", self._decided(self.resume), methods=["POST"]),
                    Route("/health", self.health),
                    Mount("/static", StaticFiles(directory=HERE / "static")),
                ],
                max_body_size=FORM_BYTES,
            )
        )

    def _page(self, name: str, request: Request, status: int = 200, **values: Any) -> Response:
        session = self._sessions.of(request) or ""
        values["form_token"] = self._sessions.form_token(session) if session else ""
        return HTMLResponse(self._pages.get_template(name).render(values), status_code=status)

    def _note(self, request: Request, title: str, text: str, status: int, back: str = "/") -> Response:
        return self._page("note.html", request, status, title=title, text=text, back=back)

    def _seen(self, handler: Handler) -> Handler:
        """A page for whoever has a session; the printed link makes one."""

        async def guarded(request: Request) -> Response:
            if not self._sessions.knows_host(request):
                return PlainTextResponse("This desk does not answer for that host name.\n", 421)
            if given := request.query_params.get("token"):
                if not self._sessions.is_token(given):
                    text = "That link is not valid any more. Postroom prints a new one at each start."
                    return self._note(request, "Link not valid", text, 403)
                response = RedirectResponse("/", 303)
                self._sessions.begin(response)
                return response
            if self._sessions.of(request) is None:
                text = "Open the desk by the link that Postroom printed when it started."
                return self._note(request, "Please open the desk by its link", text, 401)
            return await handler(request)

        return guarded

    def _decided(self, handler: Callable[[Request, FormData], Awaitable[Response]]) -> Handler:
        """A decision: only with a session, from our own pages, with the form's token."""

        async def guarded(request: Request) -> Response:
            if not self._sessions.knows_host(request):
                return PlainTextResponse("This desk does not answer for that host name.\n", 421)
            session = self._sessions.of(request)
            if session is None:
                text = "Open the desk by the link that Postroom printed when it started."
                return self._note(request, "Please open the desk by its link", text, 401)
            async with request.form(max_files=0, max_fields=20, max_part_size=FIELD_BYTES) as form:
                if not self._sessions.is_form_token(session, str(form.get("form_token", ""))):
                    text = "The page was too old, or the request did not come from it. Nothing was decided."
                    return self._note(request, "Nothing was decided", text, 403)
                return await handler(request, form)

        return guarded

    async def queue(self, request: Request) -> Response:
        chosen = request.query_params.get("view", "waiting")
        if chosen not in VIEWS:
            return self._note(request, "No such view", "The address names a view that does not exist.", 404)
        try:
            before = _place(request.query_params.get("before", ""))
        except ValueError:
            return self._note(request, "No such page", "The address names a page that does not exist.", 404)
        async with self._parts.database.read() as tx:
            rows = await mails.listing(tx, VIEWS[chosen][1], limit=PAGE + 1, before=before)
            counts = await mails.counts(tx)
            paused = await pauses.all_(tx)
        tabs = [
            (key, title, sum(counts.get(status, 0) for status in (statuses or MailStatus)))
            for key, (title, statuses) in VIEWS.items()
        ]
        return self._page(
            "queue.html",
            request,
            tabs=tabs,
            chosen=chosen,
            rows=rows[:PAGE],
            older=_mark(rows[PAGE - 1]) if len(rows) > PAGE else "",
            first=before is None,
            paused=paused,
            now=self._parts.now(),
        )

    async def mail(self, request: Request) -> Response:
        async with self._parts.database.read() as tx:
            story = await tell(tx, self._parts.audit, request.path_params["id"])
            paused = await pauses.all_(tx)
        if story is None:
            return self._note(request, "Not found", "There is no mail, draft or delivery with this id.", 404)
        after = MAIL_AFTER[story.mail.status]
        return self._page(
            "mail.html",
            request,
            story=story,
            paused=paused,
            now=self._parts.now(),
            may_close=MailStatus.CLOSED in after,
            may_retry=MailStatus.RECEIVED in after,
        )

    async def raw(self, request: Request) -> Response:
        """The bytes as they came, as a download that no browser opens."""
        mail_id = request.path_params["id"]
        async with self._parts.database.read() as tx:
            data = await mails.raw(tx, mail_id)
            mail = await mails.get(tx, mail_id)
        if data is None or mail is None:
            return self._note(request, "Not found", "The bytes of this mail are not here, or not any more.", 404)
        headers = {"Content-Disposition": f'attachment; filename="{mail.id}.eml"'}
        return Response(data, media_type="application/octet-stream", headers=headers)

    async def decide(self, request: Request, form: FormData) -> Response:
        mail_id, verb = request.path_params["id"], request.path_params["verb"]
        reason = str(form.get("reason", "")).strip()[:REASON]
        if verb == "close" and not reason:
            return self._note(request, "Nothing was decided", "Closing needs a reason.", 400, f"/mail/{mail_id}")
        if verb == "close":
            done = await closing.close(self._parts, mail_id, by=ACTOR, reason=reason)
        elif verb == "retry":
            done = await closing.retry(self._parts, mail_id, by=ACTOR)
        else:
            return self._note(request, "Not found", "There is no such decision.", 404)
        if isinstance(done, NotDecided):
            return self._note(request, "Nothing was decided", done.reason, 409, f"/mail/{mail_id}")
        return RedirectResponse(f"/mail/{mail_id}", 303)

    async def draft(self, request: Request, form: FormData) -> Response:
        draft_id, verb = request.path_params["id"], request.path_params["verb"]
        seen, reason = str(form.get("seen", "")), str(form.get("reason", "")).strip()[:REASON]
        match verb:
            case "approve":
                done = await approval.approve(self._parts, draft_id, by=ACTOR, seen_hash=seen, reason=reason)
            case "reject":
                if not reason:
                    return self._note(
                        request, "Nothing was decided", "A rejection needs a reason.", 400, f"/mail/{draft_id}"
                    )
                done = await approval.reject(self._parts, draft_id, by=ACTOR, reason=reason)
            case "edit":
                subject, body = str(form.get("subject", "")), str(form.get("body", ""))
                done = await approval.edit(
                    self._parts,
                    draft_id,
                    by=ACTOR,
                    subject=subject,
                    plain_text=body.replace("\r\n", "\n"),
                    seen_hash=seen,
                )
            case _:
                return self._note(request, "Not found", "There is no such decision.", 404)
        return await self._after(request, draft_id, done)

    async def _after(self, request: Request, draft_id: str, done: Decided | NotDecided) -> Response:
        if isinstance(done, NotDecided):
            title = "Somebody was first" if done.taken else "Nothing was decided"
            return self._note(request, title, done.reason, 409, f"/mail/{draft_id}")
        async with self._parts.database.read() as tx:
            draft = await drafts.get(tx, done.id)
        return RedirectResponse(f"/mail/{draft.mail_id}" if draft else "/", 303)

    async def pause(self, _request: Request, _form: FormData) -> Response:
        await switch.pause(self._parts, "", by=ACTOR)
        return RedirectResponse("/", 303)

    async def resume(self, _request: Request, _form: FormData) -> Response:
        await switch.resume(self._parts, "", by=ACTOR)
        return RedirectResponse("/", 303)

    async def health(self, _request: Request) -> Response:
        try:
            await self._parts.database.ping()
        except Exception:  # noqa: BLE001 (whatever it is, the answer to a health check is the same)
            return JSONResponse({"ok": False, "database": "does not answer"}, 503)
        return JSONResponse({"ok": True})
