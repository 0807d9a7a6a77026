"""Webhooks over HTTP: a request read within bounds, given to the door, answered with its status.

Rules:
- Size first, by the length that is claimed and by what comes; then whether the provider is configured at all.
- Bytes in memory are bounded over all requests; beyond that a request is asked to come again.
- Nothing here knows what a request means.
"""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from inbound.settings import WebhookDoorSettings, WebhookSettings
from inbound.webhooks.contract import Request as Posted
from inbound.webhooks.door import Answer, WebhookDoor

MAX_PATH_SECRET = 500
MAX_DIGITS = 16
"""Of a length that is looked at: more than any limit, and no long number to read."""


class Hooks:
    """The pages that providers post to."""

    def __init__(
        self, door: WebhookDoor, settings: WebhookDoorSettings, webhooks: tuple[WebhookSettings, ...], max_buffered: int
    ) -> None:
        self._door = door
        self._settings = settings
        self._urls: dict[str, str] = {one.provider: one.public_url for one in webhooks}
        self._room = max_buffered

    def app(self) -> Starlette:
        methods = ["POST", "HEAD"]
        return Starlette(
            routes=[
                Route("/inbound/{provider}", self._post, methods=methods),
                Route("/inbound/{provider}/{secret:path}", self._post, methods=methods),
            ]
        )

    async def _post(self, request: Request) -> Response:
        name = request.path_params["provider"]
        known, most = self._door.knows(name), self._settings.max_body_bytes
        if _claimed(request) > most:
            return _said(self._door.too_large(name)) if known else PlainTextResponse("too large", 413)
        if not known:
            return PlainTextResponse("no such webhook", 404)
        body = bytearray()
        held = 0
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                async for piece in request.stream():
                    if len(body) + len(piece) > most:
                        return _said(self._door.too_large(name))
                    if len(piece) > self._room:
                        return _said(self._door.busy(name))
                    self._room -= len(piece)
                    held += len(piece)
                    body += piece
            return _said(await self._door.receive(name, self._posted(request, name, bytes(body))))
        except (TimeoutError, ClientDisconnect):
            return _said(self._door.busy(name))
        finally:
            self._room += held

    def _posted(self, request: Request, name: str, body: bytes) -> Posted:
        return Posted(
            body=body,
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw),
            path_secret=request.path_params.get("secret", "")[:MAX_PATH_SECRET],
            query=tuple(request.query_params.multi_items()),
            url=self._urls[name],
            method=request.method,
        )


def _claimed(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length[:MAX_DIGITS]) if length.isascii() and length.isdigit() else 0


def _said(answer: Answer) -> Response:
    return PlainTextResponse(answer.text, answer.status)
