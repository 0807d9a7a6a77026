"""Sessions of a running desk: cookies, the forms' tokens, and the host names that are ours.

Rules:
- A cookie holds 256 random bits; the store has their digest, who it is, when it began and when it was last used.
- It is HttpOnly and SameSite=Strict, Secure where `[desk] secure_cookies` says so, and ends when it rests too long, is
  too old, or its person is changed, disabled or logged out.
- Every form carries a token made from the session's own secret; a decision without it changes nothing. A stranger's
  form, to log in, is bound to a cookie of its own in the same way.
- Requests for a host that is not ours are refused: a page elsewhere cannot reach the desk by DNS rebinding.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from agent import entering
from agent.entering import Entered
from agent.parts import Parts
from agent.people import digest
from agent.store import desk_sessions

COOKIE = "postroom_desk"
DOOR_COOKIE = "postroom_door"
DOOR_SECONDS = 3600
"""For filling in the form."""
TOUCH = timedelta(minutes=1)
"""So exactly it is known when a session was used."""


class Sessions:
    """Tokens and cookies of one running desk."""

    def __init__(self, parts: Parts, hosts: Iterable[str], *, secure: bool) -> None:
        self._parts = parts
        self._hosts = frozenset(host.lower() for host in hosts)
        self.secure = secure
        self.token = secrets.token_urlsafe(24)
        self.opener = ""
        """The id of the person whom the link with `token` lets in: of the demo's owner. Empty: it lets nobody in."""

    def knows_host(self, request: Request) -> bool:
        return request.headers.get("host", "").lower() in self._hosts

    def is_token(self, given: str) -> bool:
        return bool(self.opener) and hmac.compare_digest(given.encode(), self.token.encode())

    async def load(self, request: Request) -> None:
        """Put the session's person and token into the request's state, where there is a valid one."""
        token = request.cookies.get(COOKIE, "")
        if not token:
            return
        parts, now = self._parts, self._parts.now()
        desk = parts.config.desk
        idle, oldest = timedelta(minutes=desk.session_idle_minutes), timedelta(days=desk.session_days)
        async with parts.database.read() as tx:
            found = await desk_sessions.find(tx, digest(token), begun_after=now - oldest, seen_after=now - idle)
        if found is None:
            return
        request.state.person, request.state.session = found.person, token
        if now - found.seen_at >= TOUCH and not _by_itself(request):
            async with parts.database.write() as tx:
                await desk_sessions.seen(tx, digest(token), now)

    def begin(self, response: Response, entered: Entered) -> None:
        """Give the browser its session."""
        self._set(response, COOKIE, entered.token, self._parts.config.desk.session_days * 86_400)

    def end(self, response: Response) -> None:
        self._set(response, COOKIE, "", 0)

    async def opened(self, request: Request) -> Entered | None:
        """A session by the demo's link."""
        found = await entering.begin_for(self._parts, self.opener, request.cookies.get(COOKIE, ""))
        return found if isinstance(found, Entered) else None

    def door(self, request: Request) -> str:
        """The stranger's secret that this browser has, or a new one."""
        return request.cookies.get(DOOR_COOKIE, "") or secrets.token_urlsafe(24)

    def set_door(self, response: Response, door: str) -> None:
        self._set(response, DOOR_COOKIE, door, DOOR_SECONDS)

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            name, value, max_age=seconds, httponly=True, samesite="strict", secure=self.secure, path="/"
        )

    def form_token(self, session: str) -> str:
        return hmac.new(session.encode("utf-8", "replace"), b"form", hashlib.sha256).hexdigest()

    def is_form_token(self, session: str, given: str) -> bool:
        return bool(session) and hmac.compare_digest(
            self.form_token(session).encode(), given.encode("utf-8", "replace")
        )


def _by_itself(request: Request) -> bool:
    """Whether a page asked and not a person: that keeps no session alive."""
    return request.url.path == "/events" or "hx-request" in request.headers
