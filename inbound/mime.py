"""Bytes become a `NormalizedEmail`, through mail-parser. Pure, bounded, never raises.

Rules:
- Bounds are checked on the bytes before anything parses them; what breaks one is `Quarantined` with its name.
- Headers are read from the raw fields, one by one; a second From, or an encoded line end, is seen and said.
- An attached message is an attachment: its text never joins the body.
- What a reader would see, and only that: hidden text, invisible characters and control characters are taken out and
  reported.
- Whatever goes wrong inside is `Quarantined` too: the next mail proceeds.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

import mailparser  # type: ignore[import-untyped]  # it ships no type hints; only `.message` is used, which is typed

from inbound import codes, quoting
from inbound.characters import clean_line, clean_text
from inbound.contracts import Address, Attachment, Frozen, NormalizedEmail, Quarantined
from inbound.header_block import HeaderBlock, from_address
from inbound.header_block import split as split_headers
from inbound.mailboxes import mailbox, mailboxes
from inbound.text import read_html


class Bounds(Frozen):
    """What is read at most; more is quarantined, or cut where it says so."""

    parts: int = 500
    depth: int = 40
    multiparts: int = 100
    """Multipart and attached-message headers in the bytes: bounds recursion before parsing."""
    part_header: int = 8_000
    """Bytes of one Content-* field, folds included."""
    text: int = 200_000
    """Characters of text; the rest is cut and said."""
    attachments: int = 200


DEFAULT_BOUNDS = Bounds()


@dataclass
class _Body:
    """What was found while walking the parts."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    risks: set[str] = field(default_factory=set)
    defects: set[str] = field(default_factory=set)
    parts: int = 0


class _BoundError(Exception):
    """A bound is broken; the text says which."""


_CONTENT_FIELD = re.compile(rb"(?im)^content-[a-z-]{1,40}:[^\n]*(?:\n[ \t][^\n]*)*")
_NESTING = re.compile(rb"(?i)multipart/|message/")
_ID = re.compile(r"<([^<>\s]{1,500})>")
_KEPT_HEADERS = 400
_KEPT_VALUE = 2_000


def normalize(raw: bytes, bounds: Bounds = DEFAULT_BOUNDS) -> NormalizedEmail | Quarantined:
    """Read a mail; `Quarantined` where it cannot be read within the bounds."""
    block = split_headers(raw)
    try:
        _check_bytes(raw, block, bounds)
        message = mailparser.parse_from_bytes(raw).message
        body = _Body()
        _walk(message, body, bounds, 0)
        return _email(raw, block, body, bounds)
    except _BoundError as error:
        return _quarantined(raw, block, str(error))
    except Exception as error:  # noqa: BLE001 (whatever it is, the mail is kept and a person sees it)
        return _quarantined(raw, block, f"it could not be read ({type(error).__name__})")


def _check_bytes(raw: bytes, block: HeaderBlock, bounds: Bounds) -> None:
    over = [defect for defect in block.defects if "over" in defect]
    if over:
        raise _BoundError(over[0])
    if len(_NESTING.findall(raw[:2_000_000])) > 20 * bounds.multiparts:
        raise _BoundError(f"more than {20 * bounds.multiparts} nested parts are declared")
    multiparts = 0
    for match in _CONTENT_FIELD.finditer(raw):
        if len(match[0]) > bounds.part_header:
            raise _BoundError(f"a part's header field has more than {bounds.part_header} bytes")
        multiparts += _NESTING.search(match[0][:200]) is not None
        if multiparts > bounds.multiparts:
            raise _BoundError(f"more than {bounds.multiparts} parts that hold others")


def _walk(part: Message, body: _Body, bounds: Bounds, depth: int) -> None:
    body.parts += 1
    if body.parts > bounds.parts:
        raise _BoundError(f"more than {bounds.parts} parts")
    if depth > bounds.depth:
        raise _BoundError(f"parts nested deeper than {bounds.depth}")
    kind = part.get_content_type()
    children = part.get_payload() if part.is_multipart() else None
    if isinstance(children, list) and kind.startswith("multipart/"):
        messages = [child for child in children if isinstance(child, Message)]
        for child in _alternatives(messages) if kind == "multipart/alternative" else messages:
            _walk(child, body, bounds, depth + 1)
        return
    if kind in {"text/plain", "text/html"} and not _is_file(part):
        text = _decoded(part, body)
        (body.plain if kind == "text/plain" else body.html).append(_unflowed(part, text))
        return
    if len(body.attachments) < bounds.attachments:
        body.attachments.append(_attachment(part, children, body))


def _alternatives(children: list[Message]) -> list[Message]:
    """Of alternatives the plain text, where it says something; else all, so that HTML is read."""
    for child in children:
        if child.get_content_type() == "text/plain":
            payload = child.get_payload(decode=True)
            if isinstance(payload, bytes) and len(payload.strip()) > 1:
                others = [one for one in children if _holds_files(one)]
                return [child, *others]
    return children


def _holds_files(part: Message) -> bool:
    """An alternative that is neither text nor a wrapped page: a calendar invitation, say."""
    return part.get_content_maintype() not in {"text", "multipart"}


def _is_file(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _payload(part: Message, body: _Body) -> bytes:
    payload = part.get_payload(decode=True)
    if any(type(defect).__name__.startswith("InvalidBase64") for defect in part.defects):
        body.defects.add(codes.BAD_BASE64)
    return payload if isinstance(payload, bytes) else b""


def _decoded(part: Message, body: _Body) -> str:
    data = _payload(part, body)
    try:
        charset = part.get_content_charset() or "utf-8"
        return data.decode(charset)
    except (LookupError, ValueError, UnicodeError) as error:
        body.defects.add(codes.UNKNOWN_CHARSET if isinstance(error, LookupError) else codes.BAD_CHARACTERS)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _unflowed(part: Message, text: str) -> str:
    """Join the soft line breaks of format=flowed (RFC 3676); `-- ` is none."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if str(part.get_param("format", "")).lower() != "flowed":
        return text
    lines: list[str] = []
    joins = False
    for line in text.split("\n"):
        if joins and line and not line.startswith(">"):
            lines[-1] += line
        else:
            lines.append(line)
        joins = line.endswith(" ") and line != "-- " and not line.startswith(">")
    return "\n".join(lines)


def _attachment(part: Message, children: object, body: _Body) -> Attachment:
    if isinstance(children, list) and children and isinstance(children[0], Message):
        data = children[0].as_bytes()
    else:
        data = _payload(part, body)
    name = clean_line(str(part.get_filename() or ""), 400).text
    name = re.split(r"[/\\]", name)[-1].strip(". ")[:120]
    return Attachment(
        name=name or ("message.eml" if part.get_content_maintype() == "message" else "unnamed"),
        content_type=clean_line(part.get_content_type(), 120).text,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        inline=part.get_content_disposition() == "inline" or "content-id" in part,
    )


def _email(raw: bytes, block: HeaderBlock, body: _Body, bounds: Bounds) -> NormalizedEmail:
    shown = "\n\n".join(one.strip("\n") for one in body.plain if one.strip())
    if not shown.strip() and body.html:
        pages = [read_html(page) for page in body.html]
        shown = "\n\n".join(page.text for page in pages)
        body.risks.update(risk for page in pages for risk in page.risks)
    elif body.html:
        body.risks.update(risk for page in body.html for risk in read_html(page).risks)
    text = clean_text(shown, bounds.text)
    subject = clean_line(_raw(block, "subject"), 4_000, decode=True)
    split = quoting.split(text.text)
    author = _author(block, body)
    reply_to = mailboxes(_raw(block, "reply-to"))
    message_id, derived = _message_id(raw, block)
    if author is not None and any(one.email != author.email for one in reply_to):
        body.risks.add(codes.REPLY_TO_DIFFERS)
    if split.forwarded:
        body.defects.add(codes.FORWARDED_INLINE)
    if derived:
        body.defects.add(codes.NO_MESSAGE_ID)
    if b"\n" in raw.replace(b"\r\n", b""):
        body.defects.add(codes.BARE_LINE_END)
    return NormalizedEmail(
        message_id=message_id,
        message_id_derived=derived,
        author=author,
        reply_to=reply_to,
        to=mailboxes(_raw(block, "to")),
        cc=mailboxes(_raw(block, "cc")),
        subject=subject.text,
        date=_date(block, body),
        in_reply_to=_ids(block, "in-reply-to"),
        references=_ids(block, "references"),
        text=text.text,
        new_text=split.new,
        quoted=split.quoted,
        signature=split.signature,
        attachments=tuple(body.attachments),
        headers=tuple((one.name[:200], one.text[:_KEPT_VALUE]) for one in block.fields[:_KEPT_HEADERS]),
        risks=tuple(sorted({*body.risks, *text.risks, *subject.risks})),
        defects=tuple(sorted({*body.defects, *text.defects, *subject.defects})),
        size=len(raw),
        content_key=_content_key(block, author, message_id, text.text, body),
    )


def _raw(block: HeaderBlock, name: str) -> str:
    """The first field of that name, unfolded; empty where there is none."""
    found = block.named(name)
    return found[0].text if found else ""


def _author(block: HeaderBlock, body: _Body) -> Address | None:
    plain, why = from_address(block)
    if plain is None:
        body.risks.update({codes.SEVERAL_FROM} if "From fields" in why or "list" in why else set())
        body.defects.add(codes.NO_FROM)
        return None
    found = mailbox(_raw(block, "from"), plain)
    if found is None:
        body.defects.add(codes.NO_FROM)
        return None
    body.risks.update(found.risks)
    return found.address


def _message_id(raw: bytes, block: HeaderBlock) -> tuple[str, bool]:
    found = _ID.search(_raw(block, "message-id")[:1_000])
    if found and found[1].isprintable() and len(block.named("message-id")) == 1:
        return found[1], False
    return f"{hashlib.sha256(raw).hexdigest()[:40]}@derived.invalid", True


def _ids(block: HeaderBlock, name: str) -> tuple[str, ...]:
    found = [match[1] for match in _ID.finditer(_raw(block, name)[:20_000]) if match[1].isprintable()]
    return tuple(dict.fromkeys(found))[-100:]


def _date(block: HeaderBlock, body: _Body) -> datetime | None:
    try:
        found = parsedate_to_datetime(_raw(block, "date")[:200])
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        body.defects.add(codes.NO_DATE)
        return None


def _content_key(block: HeaderBlock, author: Address | None, message_id: str, text: str, body: _Body) -> str:
    own_id = "" if message_id.endswith("@derived.invalid") else message_id
    files = sorted(one.sha256 for one in body.attachments)
    parts = [author.email if author else "", own_id, _raw(block, "date"), _raw(block, "subject"), text, *files]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _quarantined(raw: bytes, block: HeaderBlock, reason: str) -> Quarantined:
    digest = hashlib.sha256(raw).hexdigest()
    try:
        message_id, _ = _message_id(raw, block)
        plain, _ = from_address(block)
        found = mailbox(_raw(block, "from"), plain) if plain else None
        subject = clean_line(_raw(block, "subject"), 500, decode=True).text
        author = found.address if found else None
    except Exception:  # noqa: BLE001 (a description of a broken mail may be as broken)
        message_id, subject, author = f"{digest[:40]}@derived.invalid", "", None
    return Quarantined(reason=reason, message_id=message_id, content_key=digest, subject=subject, author=author)
