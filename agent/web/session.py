"""Who may see the desk: whoever opened it by the link that was printed at start.

Rules:
- The link's token is 192 random bits, made anew at each start, compared in constant time, and spent into a cookie.
- The cookie is signed, HttpOnly, SameSite=Strict and dies with the token.
- Every form carries a token bound to its session; a decision without it changes nothing.
- Requests for a host that is not ours are refused: a page elsewhere cannot reach the desk by DNS rebinding.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from itsdangerous import BadSignature, TimestampSigner
from starlette.requests import Request
from starlette.responses import Response

COOKIE = "postroom_desk"
LIFETIME_SECONDS = 12 * 3600


class Sessions:
    """Tokens and cookies of one running desk."""

    def __init__(self, hosts: Iterable[str], *, secure: bool) -> None:
        self.token = secrets.token_urlsafe(24)
        self._key = secrets.token_bytes(32)
        self._signer = TimestampSigner(self._key, salt="postroom.desk.session")
        self._hosts = frozenset(host.lower() for host in hosts)
        self._secure = secure

    def knows_host(self, request: Request) -> bool:
        return request.headers.get("host", "").lower() in self._hosts

    def is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    def begin(self, response: Response) -> None:
        response.set_cookie(
            COOKIE,
            self._signer.sign(secrets.token_urlsafe(18)).decode(),
            max_age=LIFETIME_SECONDS,
            httponly=True,
            samesite="strict",
            secure=self._secure,
        )

    def of(self, request: Request) -> str | None:
        """The id of a valid session."""
        try:
            return self._signer.unsign(request.cookies.get(COOKIE, ""), max_age=LIFETIME_SECONDS).decode()
        except BadSignature:
            return None

    def form_token(self, session: str) -> str:
        return hmac.new(self._key, b"form\0" + session.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, session: str, given: str) -> bool:
        return hmac.compare_digest(self.form_token(session).encode(), given.encode())
