"""A mail from what a provider made of it: headers, texts and attachments put together as MIME again. Pure.

Rules:
- The same parts give the same bytes: boundaries are digests, nothing is a date or chance of ours.
- The headers are the sender's, in their order; those that described the old body are left out, line ends are taken out.
- A value is never cut or understood here: what is odd stays odd, and the reader of all mail judges it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_ABOUT_THE_BODY = {"content-type", "content-transfer-encoding", "content-disposition", "content-id", "mime-version"}
_NAME = re.compile(r"[!-9;-~]+")
_LINE_ENDS = re.compile(r"[\r\n\0]+[ \t]*")
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")


@dataclass(frozen=True)
class File:
    """An attached file."""

    data: bytes
    name: str = ""
    content_type: str = "application/octet-stream"
    content_id: str = ""
    """Without brackets; such a file is shown within the text."""
    inline: bool = False


def rebuild(
    headers: Iterable[tuple[str, str]], *, text: str | None = None, html: str | None = None, files: Sequence[File] = ()
) -> bytes:
    """The mail as RFC 5322 bytes, 8-bit in the headers, base64 in the body."""
    bodies = [_text("plain", text)] if text or html is None else []
    bodies += [_text("html", html)] if html is not None else []
    body = bodies[0] if len(bodies) == 1 else _together("alternative", bodies)
    if files:
        body = _together("mixed", [body, *map(_attached, files)])
    return b"".join(_header(name, value) for name, value in headers) + b"MIME-Version: 1.0\r\n" + body


def _header(name: str, value: str) -> bytes:
    if name.lower() in _ABOUT_THE_BODY or not _NAME.fullmatch(name):
        return b""
    return f"{name}: {_LINE_ENDS.sub(' ', value).strip()}\r\n".encode("utf-8", "replace")


def _text(subtype: str, text: str | None) -> bytes:
    return _part(f"text/{subtype}; charset=utf-8", (text or "").encode("utf-8", "replace"))


def _attached(file: File) -> bytes:
    kind = file.content_type.partition(";")[0].strip().lower()
    shown = "inline" if file.inline or file.content_id else "attachment"
    named = f"{shown}; filename*=utf-8''{_percent(file.name)}" if file.name else shown
    more = f"Content-Disposition: {named}\r\n".encode()
    if file.content_id:
        more += f"Content-ID: <{_LINE_ENDS.sub('', file.content_id).strip('<>')}>\r\n".encode("utf-8", "replace")
    # A message or parts within base64 are no MIME (RFC 2046 5.2.1), and were not opened before either.
    composite = not _TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/"))
    return _part("application/octet-stream" if composite else kind, file.data, more)


def _part(content_type: str, data: bytes, more: bytes = b"") -> bytes:
    head = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n".encode() + more
    return head + b"\r\n" + base64.encodebytes(data).replace(b"\n", b"\r\n")


def _together(subtype: str, parts: Sequence[bytes]) -> bytes:
    mark = hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]
    head = f'Content-Type: multipart/{subtype}; boundary="{mark}"\r\n\r\n'.encode()
    inner = b"".join(b"--" + mark.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return head + inner + b"--" + mark.encode() + b"--\r\n"


def _percent(name: str) -> str:
    clean = _LINE_ENDS.sub("", name).encode("utf-8", "replace")
    return "".join(chr(one) if (one < 128 and chr(one).isalnum()) or one in b"._-" else f"%{one:02X}" for one in clean)


def header_lines(block: str) -> list[tuple[str, str]]:
    """The headers of a block of text, in order; continuation lines are joined."""
    found: list[tuple[str, str]] = []
    for line in block.replace("\r\n", "\n").split("\n"):
        if line[:1] in {" ", "\t"} and found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
        elif ":" in line:
            name, _, value = line.partition(":")
            found.append((name.strip(), value.strip()))
    return found
