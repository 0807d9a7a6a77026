"""What strangers made, handed to a browser: a mail's HTML for a sandboxed frame, and its attachments as downloads.

Rules:
- The HTML is an answer of its own with a policy of its own: no script, no request, no form, no way out of the frame. It
  holds where somebody opens the address without the frame, too.
- An attachment is bytes to be saved, whatever it says that it is: never shown, never opened, never guessed at.
- Reading takes the mail's bytes apart again, in a thread; nothing of it is stored.
"""

from __future__ import annotations

import asyncio
import re
from html import escape
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from agent.parts import Parts
from agent.store import mails
from agent.web.page import Pages
from agent.web.sanitised import sanitise
from inbound.bounds import BoundBrokenError
from inbound.mime import take_apart
from inbound.parts import Found

_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:.75rem;overflow-wrap:anywhere}"
    "img{max-width:100%;height:auto}table{max-width:100%}td,th{vertical-align:top;padding:.1rem .4rem}"
    "pre{white-space:pre-wrap;font:inherit}blockquote{margin:0 0 0 .3rem;padding-left:.7rem;border-left:2px solid}"
)

FRAME_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'self'; sandbox"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "unsafe-none",
}
"""In place of the desk's own. A sandboxed page that is opened by itself may not ask for an opener of its own kind."""

FILE_HEADERS = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cross-Origin-Opener-Policy": "unsafe-none"}


class Frame:
    """The mail's HTML and files of one Postroom."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def html(self, request: Request) -> Response:
        found = await self._found(request)
        body = "<p>This mail is not here, or is not readable.</p>"
        if found is not None:
            body = await asyncio.to_thread(_body, found)
        page = (
            '<!doctype html><html lang="und"><head><meta charset="utf-8"><title>The mail as it was written</title>'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
            f"<body><main>{body}</main></body></html>"
        )
        return Response(
            page.encode("utf-8", "replace"),
            status_code=200 if found is not None else 404,
            headers=FRAME_HEADERS,
            media_type="text/html; charset=utf-8",
        )

    async def file(self, request: Request) -> Response:
        """One attachment by its place in the list, from 0."""
        number = request.path_params["number"]
        found = await self._found(request)
        if found is None or number >= len(found.attachments):
            return self._pages.note(request, "Not found", "This attachment is not here, or not any more.", 404)
        headers = {**FILE_HEADERS, "Content-Disposition": disposition(found.attachments[number].name)}
        return Response(found.contents[number][1], headers=headers, media_type="application/octet-stream")

    async def _found(self, request: Request) -> Found | None:
        async with self._parts.database.read() as tx:
            raw = await mails.raw(tx, request.path_params["id"])
        return None if raw is None else await asyncio.to_thread(take_apart, raw)


def _body(found: Found) -> str:
    """All text parts in their order, the HTML form before the plain one."""
    pictures = {cid: data for cid, data in reversed(found.contents) if cid}
    pieces: list[str] = []
    for block in found.blocks:
        try:
            shown = [sanitise(page, pictures) for page in block.html]
        except BoundBrokenError as error:
            pieces.append(f"<p>This part is not shown as it was written: {escape(str(error))}.</p>")
            shown = []
        pieces += shown or [f"<pre>{escape(text[:200_000])}</pre>" for text in block.plain]
    return "<hr>".join(pieces) or "<p>This mail has no text.</p>"


def disposition(name: str) -> str:
    """Content-Disposition of a download: a plain name for all, the whole one by RFC 6266 and RFC 8187."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name).strip(" .")[:120] or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name or 'file', safe='', errors='replace')}"
