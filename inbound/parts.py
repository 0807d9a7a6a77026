"""The tree of a mail's parts: which of them a reader reads, and which are files.

Rules:
- An attached message is a file: it is never entered, its text never joins the body.
- Of alternatives a reader sees one; the plain and the HTML form are kept side by side, so that they can be compared.
- Text parts that follow each other (a list's footer, text around a picture) are read in their order.
- Parts of a delivery report behind its first one are files; so is all that is not text, named text, and broken text.
- Files are measured and hashed, never opened.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message

from inbound import charsets, codes
from inbound.bounds import BoundBrokenError, Bounds
from inbound.characters import clean_line
from inbound.contracts import Attachment

MAX_NAME = 120

_KIND = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,80}")
_RESERVED = re.compile(r"[<>:\"|?*%]")
_ENDINGS = {
    "message/rfc822": "message.eml", "text/calendar": "invitation.ics", "application/pgp-signature": "signature.asc",
    "message/delivery-status": "delivery-status.txt", "text/rfc822-headers": "headers.txt", "text/html": "page.html",
    "message/disposition-notification": "receipt.txt", "application/ms-tnef": "winmail.dat", "text/plain": "text.txt",
}  # fmt: skip


@dataclass
class Block:
    """One piece of text in up to two forms that should say the same."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)


@dataclass
class Found:
    """What was found in the tree."""

    blocks: list[Block] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    risks: set[str] = field(default_factory=set)
    defects: set[str] = field(default_factory=set)
    count: int = 0
    keep: bool = False
    contents: list[tuple[str, bytes]] = field(default_factory=list)
    """Content-ID without brackets and bytes of each attachment, in their order; only where `keep` asks for them."""


def read(message: Message, bounds: Bounds, *, keep: bool = False) -> Found:
    """Walk the tree. Raises BoundBrokenError."""
    found = Found(keep=keep)
    _walk(message, found, None, bounds, 0)
    return found


def _walk(part: Message, found: Found, block: Block | None, bounds: Bounds, depth: int) -> None:
    """Take in `part`; `block` is the alternative that it belongs to."""
    found.count += 1
    if found.count > bounds.parts:
        raise BoundBrokenError(f"more than {bounds.parts} parts")
    if depth > bounds.depth:
        raise BoundBrokenError(f"parts nested deeper than {bounds.depth}")
    _note_defects(part, found)
    kind = part.get_content_type()
    if kind.startswith("multipart/") and part.is_multipart():
        if kind == "multipart/alternative" and block is None:
            block = Block()
            found.blocks.append(block)
        for at, child in enumerate(_children(part)):
            if kind in {"multipart/report", "multipart/signed"} and at:
                _file(child, found, bounds)
            else:
                _walk(child, found, block, bounds, depth + 1)
        return
    if kind in {"text/plain", "text/html"} and not part.is_multipart() and not _is_file(part):
        text = _text(part, found)
        own = block if block is not None else Block()
        (own.plain if kind == "text/plain" else own.html).append(text)
        if block is None:
            found.blocks.append(own)
        return
    _file(part, found, bounds)


def _children(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (child for child in payload if isinstance(child, Message))


def _note_defects(part: Message, found: Found) -> None:
    for defect in part.defects:
        name = type(defect).__name__
        if "Boundary" in name or "Multipart" in name or "Separator" in name:
            found.defects.add(codes.BROKEN_STRUCTURE)


def _is_file(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(_file_name(part))


def _payload(part: Message, found: Found) -> bytes:
    payload = part.get_payload(decode=True)
    if any(type(defect).__name__.startswith("InvalidBase64") for defect in part.defects):
        found.defects.add(codes.BAD_BASE64)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message, found: Found) -> str:
    data = _payload(part, found)
    text, defects = charsets.decode(data, _parameter(part, "charset"))
    found.defects |= defects
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if part.get_content_type() == "text/plain" and _parameter(part, "format").lower() == "flowed":
        return unflowed(text, join=_parameter(part, "delsp").lower() != "yes")
    return text


def unflowed(text: str, *, join: bool = True) -> str:
    """Undo the soft line breaks of format=flowed (RFC 3676); without `join` the blank before them goes (delsp=yes)."""
    lines: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        signature = bare == "-- "
        if open_depth == depth and lines and not signature:
            lines[-1] += bare
        else:
            lines.append(">" * depth + (" " if depth else "") + bare)
        open_depth = depth if bare.endswith(" ") and not signature else -1
        if open_depth >= 0 and not join:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)


def _parameter(part: Message, name: str) -> str:
    try:
        value = part.get_param(name, "")
    except (ValueError, IndexError, AttributeError):
        return ""
    return str(value[2] if isinstance(value, tuple) else value or "")


def _file_name(part: Message) -> str:
    # The names in raw UTF-8 that many programs write are no legal headers: the email package would lose them.
    view = Message()
    for name, value in part.raw_items():
        if name.lower() in {"content-disposition", "content-type"}:
            view[name] = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        return str(view.get_filename() or "")
    except (ValueError, LookupError, AttributeError, TypeError):
        return "unnamed"


def safe_name(name: str) -> tuple[str, set[str]]:
    """A file name to show and to offer, with its risks: no path, nothing reserved or invisible, the ending kept."""
    clean = clean_line(name[:4_000], 2_000, decode=True)
    bare = _RESERVED.sub("_", re.split(r"[/\\]", clean.text)[-1]).strip(". ")
    if len(bare) > MAX_NAME:
        stem, dot, ending = bare.rpartition(".")
        bare = f"{stem[: MAX_NAME - 1 - len(ending)]}.{ending}" if dot and len(ending) <= 10 else bare[:MAX_NAME]
    return bare, set(clean.risks)


def _file(part: Message, found: Found, bounds: Bounds) -> None:
    if len(found.attachments) >= bounds.attachments:
        found.risks.add(codes.CUT)
        return
    inner = next(_children(part), None)
    data = _bytes(part) if inner is not None else _payload(part, found)
    kind = part.get_content_type()
    name, risks = safe_name(_file_name(part))
    found.risks |= risks
    if found.keep:
        found.contents.append((str(part.get("content-id", ""))[:500].strip().strip("<>"), data))
    found.attachments.append(
        Attachment(
            name=name or _ENDINGS.get(kind, "unnamed"),
            content_type=kind if _KIND.fullmatch(kind) else "application/octet-stream",
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            inline=part.get_content_disposition() == "inline" or "content-id" in part,
        )
    )


def _bytes(part: Message) -> bytes:
    """The bytes of a part that holds parts: what is attached, as near to the wire as the parser kept it."""
    try:
        return b"\n".join(child.as_bytes() for child in _children(part))
    except (LookupError, ValueError, AttributeError, TypeError, RecursionError):
        return b"\n".join(
            str(child).encode("utf-8", "replace") for child in _children(part) if not child.is_multipart()
        )
