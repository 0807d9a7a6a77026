"""What is really in the bytes of a mail that is about to leave.

Rules:
- Read strictly: what we would not have written is refused, not understood.
- Lines end with CRLF and have at most 998 octets; no bare CR or LF, no control character anywhere.
- Only the headers in `OURS`, each once (signatures apart); From and To name one mailbox each.
- HTML stands beside the text alone, and says what the text says (`markup.read`).
- Every value is read twice, by our reader and by the standard library's; where they differ the mail is refused.
"""

from __future__ import annotations

import email
import email.policy
import re
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from functools import lru_cache

from outbound import enclosures, markup
from outbound.addresses import canonical
from outbound.contracts import MARKS, Frozen, Refused
from outbound.enclosures import File
from outbound.headers import MalformedHeaderError, decode, has_controls, is_safe

OURS = frozenset(
    {
        "from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted",
        "mime-version", "content-type", "content-transfer-encoding", "dkim-signature",
    }
)  # fmt: skip
REQUIRED = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type")
MAX_SIGNATURES = 4
REMEMBERED_SIZE = 32 * 1024

_BARE_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]*): ?(.*)", re.DOTALL)
_WITH_NAME = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*"|[^"<>@,;:()\\\[\]]+) <(?P<address>[^<>\s]+)>')


class Inspected(Frozen):
    """One mail as its bytes have it."""

    headers: tuple[tuple[str, str], ...]
    """Name lower case and decoded value, topmost first."""
    from_address: str
    from_name: str
    to_address: str
    to_name: str
    copies: tuple[str, ...] = ()
    """The Cc addresses, without names."""
    subject: str
    body: str
    """The text part, lines ended by LF."""
    message_id: str
    """Without brackets."""
    auto_submitted: str
    """Empty where the header is absent."""
    attachments: int
    """Parts beside the text."""
    files: tuple[File, ...] = ()
    """What they are."""
    html: str = ""
    """The same text as HTML, where the mail has it; proven to say the same."""
    links: tuple[str, ...] = ()
    """Where the HTML's links lead."""

    def header(self, name: str) -> str:
        """Return the decoded value of the first header of that name, or an empty string."""
        return next((value for given, value in self.headers if given == name.lower()), "")


def inspect(raw: bytes) -> Inspected | Refused:
    """Read the final bytes of a mail again. Pure; `Refused` says what in them is not ours."""
    return _remembered(raw) if len(raw) <= REMEMBERED_SIZE else _judged(raw)


@lru_cache(maxsize=64)
def _remembered(raw: bytes) -> Inspected | Refused:
    """The same bytes are looked at where they are made, before the attempt and at the wire: once is enough."""
    return _judged(raw)


def _judged(raw: bytes) -> Inspected | Refused:
    try:
        return _inspect(raw)
    except (ValueError, LookupError, AttributeError, TypeError, MessageError) as error:
        # The library's header parser raises more than it says on odd input: whatever it is, the mail stays here.
        return Refused(code="malformed_mail", reason=f"the mail's bytes are not well formed: {error}")


def _inspect(raw: bytes) -> Inspected | Refused:
    head, blank, _ = raw.partition(b"\r\n\r\n")
    if not blank or not raw.endswith(b"\r\n"):
        raise MalformedHeaderError("no blank line after the headers, or no line end at the end")
    if _BARE_LINE_END.search(raw) or _CONTROL.search(raw):
        raise MalformedHeaderError("a bare line end or a control character")
    if max(map(len, raw.split(b"\r\n"))) > 998:
        raise MalformedHeaderError("a line of more than 998 octets")
    headers = _headers(head.decode())
    problem = _problem_with(headers)
    if problem:
        return Refused(code="headers_not_ours", reason=problem)
    single = dict(headers)
    from_name, from_address = _mailbox(single["from"])
    to_name, to_address = _mailbox(single["to"])
    decoded = tuple((name, _safe(decode(value))) for name, value in headers)
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    _compare(message, headers, dict(decoded)["subject"])
    body, html, files = _content(message)
    return Inspected(
        headers=decoded,
        from_address=from_address,
        from_name=from_name,
        to_address=to_address,
        to_name=to_name,
        copies=_addresses(single.get("cc", "")),
        subject=dict(decoded)["subject"],
        body=body,
        message_id=single["message-id"].removeprefix("<").removesuffix(">"),
        auto_submitted=single.get("auto-submitted", ""),
        attachments=len(files),
        files=files,
        html=html,
        links=_links(html, body),
    )


def _headers(head: str) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    for field in re.split(r"\r\n(?![ \t])", head):
        match = _HEADER.fullmatch(field)
        if match is None or any(not line.strip() for line in field.split("\r\n")):
            raise MalformedHeaderError("a line that is no header")
        headers.append((match[1].lower(), match[2].replace("\r\n", "").strip(" ")))
    return headers


def _problem_with(headers: list[tuple[str, str]]) -> str:
    names = [name for name, _ in headers]
    foreign = sorted(set(names) - OURS)
    if foreign:
        return f"header {foreign[0]} was not set by us"
    for name in sorted(set(names)):
        if names.count(name) > (MAX_SIGNATURES if name == "dkim-signature" else 1):
            return f"header {name} occurs {names.count(name)} times"
    if "cc" in names and dict(headers).get("auto-submitted", ""):
        return "header cc was not set by us: only what a person approved has copies"
    if "reply-to" in names and dict(headers).get("auto-submitted") != MARKS["notice"]:
        return "header reply-to was not set by us: only a notice has one"
    missing = [name for name in REQUIRED if name not in names]
    return f"header {missing[0]} is missing" if missing else ""


@lru_cache(maxsize=256)
def _mailbox(value: str) -> tuple[str, str]:
    """Read one mailbox in the forms that `headers.mailbox` writes. Returns (name, address)."""
    match = _WITH_NAME.fullmatch(value)
    written, address = (match["name"], match["address"]) if match else ("", value)
    if canonical(address) != address:
        raise MalformedHeaderError("not exactly one plain address")
    if address.isascii() and [found for _, found in getaddresses([value])] != [address]:
        raise MalformedHeaderError("readers differ on the address")
    if written.startswith('"'):
        return _safe(re.sub(r"\\(.)", r"\1", written[1:-1])), address
    return _safe(decode(written)), address


def _addresses(value: str) -> tuple[str, ...]:
    """Read a list of bare addresses in the form that `compose` writes."""
    found = tuple(value.split(", ")) if value else ()
    if any(canonical(one) != one for one in found) or len(set(found)) != len(found):
        raise MalformedHeaderError("copies that are not plain addresses, each once")
    if value.isascii() and [address for _, address in getaddresses([value])] != list(found):
        raise MalformedHeaderError("readers differ on the copies")
    return found


def _safe(text: str) -> str:
    if has_controls(text) or not is_safe(text):
        raise MalformedHeaderError("a value that decodes to control characters")
    return text


def _compare(message: Message, headers: list[tuple[str, str]], subject: str) -> None:
    """The standard library has to find the same headers with the same values, and to decode them to the same."""
    found = [
        (name.lower(), re.sub(r"\r\n(?=[ \t])", "", value).strip(" ").encode("ascii", "surrogateescape").decode())
        for name, value in message.raw_items()
    ]
    if found != headers or message.defects:
        raise MalformedHeaderError("readers differ on the headers")
    # Only addresses stand there in UTF-8 (RFC 6532), which the library's decoder does not expect beside encoded words.
    plain = {name: value.encode("ascii", "replace").decode() for name, value in found if "=?" in value}
    read = {name: str(make_header(decode_header(value))) for name, value in plain.items()}
    if any(has_controls(value) for value in read.values()) or read.get("subject", subject) != subject:
        raise MalformedHeaderError("readers differ on what a header says")


def _content(message: Message) -> tuple[str, str, tuple[File, ...]]:
    """The text, the HTML or nothing, and the files beside them."""
    if any(part.defects for part in message.walk()):
        raise MalformedHeaderError("a defect in the parts")
    if message.get_content_type() != "multipart/mixed":
        return *_said(message), ()
    first, *others = _parts(message)
    if not others or any(part.is_multipart() for part in others):
        raise MalformedHeaderError("beside the text are files and nothing else")
    body, html = _said(first)
    return body, html, tuple(enclosures.read(part) for part in others)


def _said(part: Message) -> tuple[str, str]:
    """The text, and the HTML or nothing."""
    if not part.is_multipart():
        return _text(part, "text/plain", "the first part"), ""
    both = _parts(part)
    if part.get_content_type() != "multipart/alternative" or len(both) != 2:
        raise MalformedHeaderError("an alternative is one text and one HTML")
    plain, marked = both
    return _text(plain, "text/plain", "the first part"), _text(marked, "text/html", "the second part of an alternative")


def _parts(message: Message) -> list[Message]:
    found = message.get_payload()
    if not isinstance(found, list) or not found:
        raise MalformedHeaderError("no text")
    return [part for part in found if isinstance(part, Message)]


def _text(part: Message, kind: str, which: str) -> str:
    if part.get_content_type() != kind or part.get_content_disposition() == "attachment":
        raise MalformedHeaderError(f"{which} is not {kind}")
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes) or part.defects:
        raise MalformedHeaderError("a defect in the parts")
    text = payload.decode(part.get_content_charset("us-ascii")).replace("\r\n", "\n")
    if has_controls(re.sub(r"[\n\t]", " ", text)):
        raise MalformedHeaderError("a control character in the text")
    return text


def _links(html: str, body: str) -> tuple[str, ...]:
    if not html:
        return ()
    shown, links = markup.read(html)
    if shown != body:
        raise MalformedHeaderError("the HTML says something else than the text")
    return links
