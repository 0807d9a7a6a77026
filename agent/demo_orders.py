"""The demo's order service: a shop's own records, which the demo's lookup asks about an order of the author.

It answers `GET /orders/{number}` with the owner's address and a sentence; who may know it is decided by Postroom, which
compares the owner with the proven author of the mail.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agent.web.server import bind, serving

ORDERS: Mapping[str, Mapping[str, str]] = {
    "LG-48213": {
        "email": "priya.raman@webmail.example",
        "status": "It left our warehouse yesterday and should reach you within three days.",
    },
    "LG-50117": {
        "email": "marta.nowak@webmail.example",
        "status": "It is being packed and leaves our warehouse tomorrow.",
    },
}


async def _order(request: Request) -> JSONResponse:
    found = ORDERS.get(request.path_params["number"])
    return JSONResponse(dict(found)) if found else JSONResponse({"error": "no such order"}, 404)


@asynccontextmanager
async def order_service(url: str) -> AsyncIterator[None]:
    """Answer at the host and port of `url` until the block ends. Raises DeskPortBusyError where the port is taken."""
    parts = urlsplit(url)
    what, setting = "the demo's order service", "[[lookup]] url"
    listening = bind(parts.hostname or "127.0.0.1", parts.port or 80, what=what, setting=setting)
    app = Starlette(routes=[Route("/orders/{number}", _order)])
    async with serving(app, listening):
        yield
