"""What providers' clothes are made of: a mail taken apart as a provider parses it, forms, passwords.

Rules:
- Each provider's file dresses in the form that its provider documents, and signs with the secret that is given.
- What is made here is for `postroom simulate` and the tests; no request that comes in passes through it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

from inbound.webhooks.contract import Request, Signing

Field = bytes | str | tuple[str, str, bytes]
"""A field of a form; a file is (name, content type, bytes)."""


def as_json(data: object, *headers: tuple[str, str]) -> Request:
    return Request(json.dumps(data).encode(), (("content-type", "application/json"), *headers))


def with_password(request: Request, signing: Signing) -> Request:
    """HTTP basic, for who signs nothing."""
    said = base64.b64encode(f"postroom:{signing.secret}".encode()).decode()
    return with_headers(request, ("authorization", f"Basic {said}"))


def with_headers(request: Request, *more: tuple[str, str]) -> Request:
    return replace(request, headers=(*request.headers, *more))


def form(fields: Mapping[str, Field], *, mark: str = "") -> tuple[bytes, str]:
    """A multipart form and its content type."""
    mark = mark or hashlib.sha256(repr(sorted(fields)).encode()).hexdigest()
    out = bytearray()
    for name, value in fields.items():
        out += f'--{mark}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if isinstance(value, tuple):
            out += f'; filename="{value[0]}"\r\nContent-Type: {value[1]}'.encode()
        data = value[2] if isinstance(value, tuple) else value
        out += b"\r\n\r\n" + (data.encode() if isinstance(data, str) else data) + b"\r\n"
    out += f"--{mark}--\r\n".encode()
    return bytes(out), f"multipart/form-data; boundary={mark}"


def posted(fields: Mapping[str, Field]) -> Request:
    body, kind = form(fields)
    return Request(body, (("content-type", kind),))


def with_fields(request: Request, fields: Mapping[str, str]) -> Request:
    """A multipart form with more fields before its own."""
    mark = (request.header("content-type") or "").partition("boundary=")[2]
    body = form(fields, mark=mark)[0].removesuffix(f"--{mark}--\r\n".encode())
    return replace(request, body=body + request.body)


def as_text(raw: bytes) -> str:
    """Raw mail as JSON can carry it; 8-bit bytes that are no UTF-8 as lone surrogates."""
    return raw.decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Taken:
    """A mail taken apart."""

    headers: list[tuple[str, str]]
    text: str
    html: str
    files: list[tuple[str, str, str, bytes]]
    """Name, content type, Content-ID, bytes."""

    def header(self, name: str) -> str:
        return next((value for given, value in self.headers if given.lower() == name), "")

    def people(self, name: str) -> list[tuple[str, str]]:
        """Names and addresses of a header."""
        return [(shown, one) for shown, one in getaddresses([self.header(name)]) if one]


def taken(raw: bytes) -> Taken:
    message = message_from_bytes(raw)
    texts: dict[str, str] = {}
    files: list[tuple[str, str, str, bytes]] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        data, kind = part.get_payload(decode=True), part.get_content_type()
        content = data if isinstance(data, bytes) else b""
        if part.get_filename() is None and kind in {"text/plain", "text/html"} and kind not in texts:
            texts[kind] = content.decode(part.get_content_charset() or "utf-8", "replace")
        else:
            files.append((part.get_filename() or "", kind, (part.get("content-id") or "").strip("<>"), content))
    return Taken(_headers(message), texts.get("text/plain", ""), texts.get("text/html", ""), files)


def _headers(message: Message) -> list[tuple[str, str]]:
    return [(name, str(make_header(decode_header(str(value))))) for name, value in message.items()]
