"""Build the final bytes of a reply. Pure: no clock, no randomness, no I/O.

Rules:
- The same `Reply` gives the same bytes; they are hashed, stored and sent as they are.
- From, To, Subject, Date, Message-ID, MIME-Version and Content-* stand once each; nothing else than what is set here.
- A reply that nobody saw says `Auto-Submitted: auto-replied` (RFC 3834); one that a person approved is a person's mail
  and does not; a notice says `auto-generated`.
- Copies and files go with what a person approved; of a notice only the mail that it is about.
- Nothing can smuggle a line: control characters, and encoded words that decode to them, are refused in what we say
  (subject, our name, text). In what the correspondent said of themselves (name, Message-IDs) they are left out, so that
  nobody makes themselves unanswerable.
- text/plain in UTF-8, 7bit where any relay leaves that alone, else quoted-printable; CRLF, lines far below 998 octets.
- One `Re:` however often it went to and fro; References keep the first and the newest, bounded.
- HTML, where it is asked for, stands beside the text and is made of it (`markup`).
- The bytes are read again by `inspect` and compared with what was asked before anybody gets them.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from email.utils import format_datetime

from pydantic import Field

from outbound import headers
from outbound.addresses import canonical
from outbound.contracts import MARKS, Frozen, Refused, Way
from outbound.enclosures import File, is_name, part
from outbound.inspection import Inspected, inspect
from outbound.markup import markup

__all__ = ["Composed", "Inspected", "Reply", "compose", "inspect", "reply_subject"]

MAX_REFERENCES = 12
MAX_NAME = 100
MAX_SUBJECT = 998
PLAIN = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
ORIGINAL = "original.eml"
MAX_COPIES = 10
MAX_FILES = 20

_LINK = re.compile(r"https://[!-~]{1,2000}")
_LINE_ENDS = re.compile(r"\r\n|[\r\n\t\u2028\u2029]")
_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_OUR_ID = re.compile(r"[a-z0-9.!#$%&'*+/=^_`{|}~-]{1,64}@[a-z0-9.-]{1,253}", re.IGNORECASE)
_THEIR_ID = re.compile(r"[!-;=?-~]{3,400}")
_REPLY_MARKS = re.compile(
    r"(?:(?:re|aw|sv|vs|antw|odp|ynt|回复|答复)(?:\[\d{1,3}\]|\(\d{1,3}\))? ?[:\uff1a] ?)+", re.IGNORECASE
)


class Reply(Frozen):
    """What a mail is to say, before it has bytes."""

    from_address: str
    """The mailbox's own, from the configuration."""
    from_name: str = ""
    to_address: str
    to_name: str = ""
    """The correspondent's own words; left out where they are not fit for a header."""
    subject: str
    body: str = Field(max_length=200_000)
    message_id: str
    """Fixed before, without brackets (see `tokens.message_id`)."""
    in_reply_to: str | None = None
    """The answered mail's own Message-ID without brackets; None where it had none."""
    references: tuple[str, ...] = ()
    """Of the answered mail, without brackets, oldest first."""
    date: datetime
    """With a time zone."""
    way: Way
    reply_to: str = ""
    """Where the answer to a notice is to go; replies have none."""
    html: tuple[str, ...] | None = None
    """Says it in HTML too, beside the text; these parts of it are links there. None: plain text alone."""
    attached: bytes = b""
    """The mail that a notice is about, as it came: goes along as `original.eml`. Replies have none."""
    copies: tuple[str, ...] = ()
    """Cc: whom a person named beside the author. Only a reply that a person approved has any."""
    files: tuple[File, ...] = ()
    """What a person put to it. Only a reply that a person approved has any."""


class Composed(Frozen):
    """Final bytes. After signing, make a new one with `Composed.of`."""

    raw: bytes
    sha256: str

    @classmethod
    def of(cls, raw: bytes) -> Composed:
        return cls(raw=raw, sha256=hashlib.sha256(raw).hexdigest())


def compose(reply: Reply) -> Composed | Refused:
    """Return the mail's final bytes, or why there are none (`Refused.code` names the field)."""
    asked = _asked(reply)
    if isinstance(asked, Refused):
        return asked
    body = _normal_body(asked.body)
    content_type, encoding, payload = _text(asked, body)
    files = _files(asked)
    if files:
        payload = _with_files(_boundary(asked), (content_type, encoding, payload), files)
        content_type, encoding = f'multipart/mixed; boundary="{_boundary(asked)}"', "7bit"
    block = _header_block(asked, content_type, encoding)
    raw = block.encode() + b"\r\n" + payload
    found = inspect(raw)
    if isinstance(found, Refused):
        return found
    difference = _difference(found, asked, body, block)
    if difference:
        return Refused(code="bytes_differ", reason=f"the composed bytes do not say what was asked: {difference}")
    return Composed.of(raw)


def reply_subject(subject: str) -> str:
    """Return the subject of an answer to `subject`: one `Re: ` in front of it."""
    tidy = headers.tidy(subject)
    marks = _REPLY_MARKS.match(tidy)
    return f"Re: {tidy[marks.end() :] if marks else tidy}".rstrip(" ")


def _asked(reply: Reply) -> Reply | Refused:
    """The reply with every field in its final form."""
    problem = _problem_with(reply)
    if problem:
        return Refused(code=problem[0], reason=problem[1])
    subject = headers.tidy(reply.subject)
    return reply.model_copy(
        update={
            "from_address": canonical(reply.from_address),
            "to_address": canonical(reply.to_address),
            "from_name": headers.tidy(reply.from_name),
            "to_name": _their_name(reply.to_name),
            "subject": reply_subject(subject) if _REPLY_MARKS.match(subject) else subject,
            "date": reply.date.astimezone(UTC).replace(microsecond=0),
            "in_reply_to": reply.in_reply_to if _is_usable_id(reply.in_reply_to or "") else None,
            "references": _references(reply),
        }
    )


def _problem_with(reply: Reply) -> tuple[str, str] | None:
    checks = (
        ("from_address", canonical(reply.from_address) is None, "the sender's address is not a plain address"),
        ("to_address", canonical(reply.to_address) is None, "the recipient's address is not a plain address"),
        ("subject", not _is_fit(reply.subject), "the subject holds control characters, maybe in an encoded word"),
        ("subject", len(reply.subject) > MAX_SUBJECT, f"the subject has more than {MAX_SUBJECT} characters"),
        ("from_name", not _is_fit(reply.from_name), "the sender's name holds control characters"),
        ("from_name", len(reply.from_name) > MAX_NAME, f"the sender's name has more than {MAX_NAME} characters"),
        ("body", headers.has_controls(_LINE_ENDS.sub(" ", reply.body)), "the text holds control characters"),
        ("message_id", not _OUR_ID.fullmatch(reply.message_id), "the Message-ID is not one of ours"),
        ("date", reply.date.tzinfo is None, "the date has no time zone"),
        ("reply_to", bool(reply.reply_to) and reply.way != "notice", "answers to a reply come to its sender"),
        ("reply_to", bool(reply.reply_to) and canonical(reply.reply_to) != reply.reply_to, "not a plain address"),
        ("attached", bool(reply.attached) and reply.way != "notice", "a reply takes no mail along"),
        ("copies", bool(reply.copies) and reply.way != "approved", "only a reply that a person approved has copies"),
        ("copies", not _are_copies(reply), f"copies go to {MAX_COPIES} plain addresses at most, each once"),
        (
            "files",
            bool(reply.files) and reply.way != "approved",
            "only a reply that a person approved takes files along",
        ),
        ("files", len(reply.files) > MAX_FILES, f"at most {MAX_FILES} files go along"),
        ("files", not all(is_name(one.name) for one in reply.files), "a file's name is not fit for a header"),
        ("html", reply.html is not None and reply.way == "notice", "a notice is plain text"),
        ("html", any(not _LINK.fullmatch(one) for one in reply.html or ()), "a link is https and has no blanks"),
    )
    return next(((code, reason) for code, broken, reason in checks if broken), None)


def _are_copies(reply: Reply) -> bool:
    known = [canonical(one) for one in reply.copies]
    everybody = {canonical(reply.to_address), *known}
    return list(reply.copies) == known and len(known) <= MAX_COPIES and len(everybody) == len(known) + 1


def _is_fit(text: str) -> bool:
    return headers.is_safe(text.replace("\t", " "))


def _their_name(name: str) -> str:
    if not _is_fit(name) or _BIDI.search(name):
        return ""
    return headers.tidy(headers.tidy(name)[:MAX_NAME])


def _is_usable_id(message_id: str) -> bool:
    return bool(_THEIR_ID.fullmatch(message_id)) and "=?" not in message_id


def _references(reply: Reply) -> tuple[str, ...]:
    """RFC 5322 3.6.4: the parent's References and the parent. Trimmed, the first stays: it names the thread."""
    chain = [*reply.references, *([reply.in_reply_to] if reply.in_reply_to else [])]
    newest_last = dict.fromkeys(reversed([one for one in chain if _is_usable_id(one)]))
    ids = list(reversed(newest_last))
    return tuple(ids if len(ids) <= MAX_REFERENCES else [ids[0], *ids[1 - MAX_REFERENCES :]])


def _boundary(reply: Reply, within: bytes = b"") -> str:
    """In no line of quoted-printable or base64 can `=_` begin a line."""
    seed = b"".join([reply.message_id.encode(), reply.attached, *(one.data for one in reply.files), within])
    return "=_" + hashlib.sha256(seed).hexdigest()[:32]


def _files(reply: Reply) -> tuple[File, ...]:
    return (File(name=ORIGINAL, data=reply.attached),) if reply.attached else reply.files


def _text(reply: Reply, body: str) -> tuple[str, str, bytes]:
    """What the mail says: its type, its encoding and its bytes. With HTML the plainest is first (RFC 2046 5.1.4)."""
    encoding, plain = _encode_body(body)
    if reply.html is None:
        return PLAIN, encoding, plain
    boundary = _boundary(reply, b"alternative" if reply.files else b"")
    kind, marked = _encode_body(markup(body, reply.html))
    edge = f"--{boundary}"
    payload = [
        f"{edge}\r\nContent-Type: {PLAIN}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode(),
        plain,
        f"\r\n{edge}\r\nContent-Type: {HTML}\r\nContent-Transfer-Encoding: {kind}\r\n\r\n".encode(),
        marked,
        f"\r\n{edge}--\r\n".encode(),
    ]
    return f'multipart/alternative; boundary="{boundary}"', "7bit", b"".join(payload)


def _with_files(boundary: str, text: tuple[str, str, bytes], files: tuple[File, ...]) -> bytes:
    """RFC 2046 5.1. The last line end before an edge belongs to the edge."""
    edge, (content_type, encoding, payload) = f"--{boundary}".encode(), text
    head = f"\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    parts = [edge, head, payload, b"\r\n"]
    for one in files:
        parts += [edge, b"\r\n", part(one)]
    return b"".join([*parts, edge, b"--\r\n"])


def _cc(copies: tuple[str, ...]) -> str:
    """A long field is folded before a token: the comma ends a line, white space begins the next."""
    first, *others = [*(f"{one}," for one in copies[:-1]), copies[-1]]
    return headers.fold("Cc", [first, *(f" {one}" for one in others)])


def _header_block(reply: Reply, content_type: str, encoding: str) -> str:
    lines = [
        headers.mailbox("From", reply.from_name, reply.from_address),
        headers.mailbox("To", reply.to_name, reply.to_address),
        *([_cc(reply.copies)] if reply.copies else []),
        *([headers.mailbox("Reply-To", "", reply.reply_to)] if reply.reply_to else []),
        headers.unstructured("Subject", reply.subject),
        headers.fold("Date", [format_datetime(reply.date)]),
        headers.fold("Message-ID", [f"<{reply.message_id}>"]),
    ]
    if reply.in_reply_to:
        lines.append(headers.fold("In-Reply-To", [f"<{reply.in_reply_to}>"]))
    if reply.references:
        first, *others = [f"<{one}>" for one in reply.references]
        lines.append(headers.fold("References", [first, *(" " + one for one in others)]))
    if MARKS[reply.way]:
        lines.append(headers.fold("Auto-Submitted", [MARKS[reply.way]]))
    lines += [
        headers.fold("MIME-Version", ["1.0"]),
        headers.fold("Content-Type", [content_type]),
        headers.fold("Content-Transfer-Encoding", [encoding]),
    ]
    return "".join(lines)


def _normal_body(body: str) -> str:
    return re.sub(r"\r\n?|[\u2028\u2029]", "\n", body).rstrip("\n") + "\n"


def _encode_body(body: str) -> tuple[str, bytes]:
    lines = body.removesuffix("\n").split("\n")
    if all(_survives(line) for line in lines):
        return "7bit", body.replace("\n", "\r\n").encode("ascii")
    return "quoted-printable", "".join(_quoted_printable(line) + "\r\n" for line in lines).encode("ascii")


def _survives(line: str) -> bool:
    """No relay, mbox or broken dot-stuffing changes such a line."""
    return line.isascii() and len(line) <= 78 and not line.startswith((".", "From ")) and line == line.rstrip(" \t")


def _quoted_printable(line: str) -> str:
    """RFC 2045 6.7, with dots and `From ` at the start of a line, and white space at its end, encoded too."""
    units = [_QP[byte] for byte in line.encode()]
    if units and units[-1] in {" ", "\t"}:
        units[-1] = f"={ord(units[-1]):02X}"
    rows = [""]
    for position, unit in enumerate(units):
        if len(rows[-1]) + len(unit) > 75:
            rows[-1] += "="
            rows.append("")
        # A unit at the start of a wire line is what mbox writers and dot-stuffing look at.
        at_start = not rows[-1] and (unit == "." or (unit == "F" and units[position : position + 5] == list("From ")))
        rows[-1] += f"={ord(unit):02X}" if at_start else unit
    return "\r\n".join(rows)


_QP = [chr(byte) if (32 <= byte <= 126 and byte != 0x3D) or byte == 9 else f"={byte:02X}" for byte in range(256)]


def _difference(found: Inspected, asked: Reply, body: str, block: str) -> str:
    """Name what the bytes say otherwise than asked; empty where nothing."""
    wanted = {
        "from_address": asked.from_address,
        "from_name": asked.from_name,
        "to_address": asked.to_address,
        "to_name": asked.to_name,
        "subject": asked.subject,
        "body": body,
        "message_id": asked.message_id,
        "auto_submitted": MARKS[asked.way],
        "copies": asked.copies,
        "attachments": len(_files(asked)),
        "files": _files(asked),
        "html": "" if asked.html is None else markup(body, asked.html),
    }
    if not set(found.links) <= set(asked.html or ()):
        return "links"
    for field, value in wanted.items():
        if getattr(found, field) != value:
            return field
    values = {
        "date": format_datetime(asked.date),
        "reply-to": asked.reply_to,
        "in-reply-to": f"<{asked.in_reply_to}>" if asked.in_reply_to else "",
        "references": " ".join(f"<{one}>" for one in asked.references),
    }
    for name, value in values.items():
        if found.header(name) != value:
            return name
    set_by_us = [line.partition(":")[0].lower() for line in re.split(r"\r\n(?! )", block) if line]
    return "" if [name for name, _ in found.headers] == set_by_us else "headers"
