"""Bytes become a `NormalizedEmail`, through mail-parser. Pure, bounded, never raises.

Rules:
- Bounds are checked on the bytes before anything parses them; what breaks one is `Quarantined` with its name.
- Headers are read from the raw fields, one by one; a second From, or an encoded line end, is seen and said.
- An attached message is an attachment: its text never joins the body.
- Where a mail has a plain and an HTML form, the plain one is read if it says what the page shows; else the page is,
  because that is what a person sees, and that they differ is a risk.
- Whatever goes wrong inside is `Quarantined` too: the next mail proceeds.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_to_datetime

import mailparser  # type: ignore[import-untyped]  # it ships no type hints; only `.message` is used, which is typed

from inbound import codes, language, links, parts, quoting
from inbound.bounds import DEFAULT_BOUNDS, BoundBrokenError, Bounds, check
from inbound.characters import Clean, clean_line, clean_text
from inbound.contracts import Address, NormalizedEmail, Quarantined
from inbound.header_block import MAX_FROM_CHARS, HeaderBlock, one_mailbox
from inbound.header_block import split as split_headers
from inbound.mailboxes import mailbox, mailboxes
from inbound.text import read_html

# It logs what it read; what a stranger wrote is not for our log.
logging.getLogger("mailparser").addHandler(logging.NullHandler())
logging.getLogger("mailparser").propagate = False

DERIVED = "@derived.invalid"
"""End of a Message-ID that was made from the bytes (RFC 2606: no real one ends so)."""

_ID = re.compile(r"<([^<>\s]{1,500})>")
_BARE_ID = re.compile(r"\s*([^<>\s,;()]{1,400}@[^<>\s,;()@]{1,100})\s*")
# Scripts without blanks between words are compared by characters: programs wrap them anywhere.
_WORD = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u0e00-\uffff]{2,}")
_WRITTEN_BY_PROGRAMS = re.compile(r"(?i)https?://[^\s<>]*|\[(?:cid|image)[:\]][^\]\n]{0,300}\]?|<[^<>\s]{1,2000}>")
_ONCE = frozenset(
    {
        "from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references", "subject", "date",
        "content-type", "content-transfer-encoding", "mime-version",
    }
)  # fmt: skip
_ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_KEPT_HEADERS = 400
_KEPT_VALUE = 2_000
FEW = 8
"""Words by which the plain form may differ from the page and still be read: `View this in your browser`, say."""
OFTEN = 0.2
"""Share of words by which two forms that mean the same differ at most, as programs write them."""


def normalize(raw: bytes, bounds: Bounds = DEFAULT_BOUNDS) -> NormalizedEmail | Quarantined:
    """Read a mail; `Quarantined` where it cannot be read within the bounds."""
    block = HeaderBlock((), b"")
    try:
        block = split_headers(raw)
        check(raw, block, bounds)
        return _email(raw, block, _parsed(raw), bounds)
    except BoundBrokenError as error:
        return _quarantined(raw, block, str(error))
    except Exception as error:  # noqa: BLE001 (whatever it is, the mail is kept and a person sees it)
        nested = isinstance(error, RecursionError) or "Recursion" in type(error).__name__
        why = "parts nested too deeply" if nested else f"it could not be read ({type(error).__name__})"
        return _quarantined(raw, block, why)


def take_apart(raw: bytes, bounds: Bounds = DEFAULT_BOUNDS) -> parts.Found | None:
    """The text parts as they were written and the attachments with their bytes; None where it cannot be read."""
    try:
        check(raw, split_headers(raw), bounds)
        return parts.read(_parsed(raw), bounds, keep=True)
    except Exception:  # noqa: BLE001 (as in `normalize`: whatever it is, the bytes as they came are still offered)
        return None


def _parsed(raw: bytes) -> Message:
    """The tree of parts. Where mail-parser stumbles over what it makes of the tree, the tree itself is still right."""
    try:
        message = mailparser.parse_from_bytes(raw).message
    except mailparser.exceptions.MailParserRecursionError:
        raise
    except Exception:  # noqa: BLE001 (4.8 raises AttributeError where a declared boundary never comes)
        message = message_from_bytes(raw)
    return message if isinstance(message, Message) else message_from_bytes(raw)


def _email(raw: bytes, block: HeaderBlock, message: Message, bounds: Bounds) -> NormalizedEmail:
    found = parts.read(message, bounds)
    risks, defects = found.risks, found.defects
    text = clean_text(_shown(found), bounds.text)
    subject = clean_line(_raw(block, "subject"), 4_000, decode=True)
    taken_apart = quoting.split(text.text)
    author = _author(block, risks, defects)
    reply_to = mailboxes(_raw(block, "reply-to"))
    date = _date(block, defects)
    content = _content(block, author, text.text, [one.sha256 for one in found.attachments])
    message_id, derived = _message_id(block, content, defects)
    if any(author is None or one.email != author.email for one in reply_to):
        risks.add(codes.REPLY_TO_DIFFERS)
    risks |= {codes.MIXED_SCRIPT} if links.misleads(text.text) else set()
    defects |= {codes.FORWARDED_INLINE} if taken_apart.forwarded else set()
    defects |= {codes.ONLY_QUOTED} if taken_apart.only_quoted else set()
    defects |= _defects_of_form(raw, block, message, text)
    return NormalizedEmail(
        message_id=message_id,
        message_id_derived=derived,
        author=author,
        reply_to=reply_to,
        to=mailboxes(_raw(block, "to")),
        cc=mailboxes(_raw(block, "cc")),
        subject=subject.text[:998],
        date=date,
        in_reply_to=_ids(block, "in-reply-to"),
        references=_ids(block, "references"),
        text=text.text,
        new_text=taken_apart.new,
        quoted=taken_apart.quoted,
        signature=taken_apart.signature,
        language=language.detect(taken_apart.new) or language.detect(f"{subject.text}\n{taken_apart.new}"),
        attachments=tuple(found.attachments),
        headers=_headers(block),
        risks=tuple(sorted({*risks, *text.risks, *subject.risks})),
        defects=tuple(sorted({*defects, *text.defects, *subject.defects})),
        size=len(raw),
        content_key=hashlib.sha256(f"{'' if derived else message_id}\0{content}".encode()).hexdigest(),
    )


def _shown(found: parts.Found) -> str:
    """What a reader sees of all text parts, in their order."""
    pieces: list[str] = []
    for block in found.blocks:
        pages = [read_html(page) for page in block.html]
        found.risks.update(risk for page in pages for risk in page.risks)
        plain = "\n\n".join(one.strip("\n") for one in block.plain if one.strip())
        page = "\n\n".join(one.text.strip("\n") for one in pages if one.text.strip())
        if plain and page:
            total, missing, only_shown = _differences(plain, page)
            found.risks |= {codes.PARTS_DIFFER} if missing > max(FEW, total * OFTEN) else set()
            # Of a short text a few other words are all of it.
            other = missing > min(FEW, total / 2) or only_shown > min(total, max(FEW, total * OFTEN))
            plain = "" if other else plain
        pieces.append(plain or page)
    return "\n\n".join(one for one in pieces if one)


def _differences(plain: str, page: str) -> tuple[int, int, int]:
    """Words of the plain form, those of them that the page does not show, and those that only the page shows.

    Links, pictures and addresses in brackets, which programs write into plain forms, do not count.
    """
    said = Counter(word.lower() for word in _WORD.findall(_WRITTEN_BY_PROGRAMS.sub(" ", plain)))
    shown = Counter(word.lower() for word in _WORD.findall(_WRITTEN_BY_PROGRAMS.sub(" ", page)))
    return said.total(), (said - shown).total(), (shown - said).total()


def _raw(block: HeaderBlock, name: str) -> str:
    """The first field of that name, unfolded; empty where there is none."""
    found = block.named(name)
    return found[0].text if found else ""


def _headers(block: HeaderBlock) -> tuple[tuple[str, str], ...]:
    return tuple((one.name[:200], one.text[:_KEPT_VALUE]) for one in block.fields[:_KEPT_HEADERS])


def _defects_of_form(raw: bytes, block: HeaderBlock, message: Message, text: Clean) -> set[str]:
    found: set[str] = set()
    if b"\n" in raw.replace(b"\r\n", b"") or b"\r" in raw.replace(b"\r\n", b""):
        found.add(codes.BARE_LINE_END)
    if block.defects:
        found.add(codes.BROKEN_STRUCTURE)
    names = Counter(field.name for field in block.fields)
    if any(names[name] > 1 for name in _ONCE):
        found.add(codes.REPEATED_FIELD)
    if message.get_content_type() in _ENCRYPTED or "-----BEGIN PGP MESSAGE-----" in text.text:
        found.add(codes.ENCRYPTED)
    if not text.text.strip():
        found.add(codes.NO_TEXT)
    return found


def _author(block: HeaderBlock, risks: set[str], defects: set[str]) -> Address | None:
    """The mailbox that the one From field shows. Identity asks more of the header block, and proves it."""
    fields = block.named("from")
    plain = one_mailbox(fields[0].text[:MAX_FROM_CHARS])[0] if len(fields) == 1 else None
    found = mailbox(fields[0].text, plain) if plain is not None else None
    if found is None:
        if len(fields) > 1 or (fields and len(mailboxes(fields[0].text)) > 1):
            risks.add(codes.SEVERAL_FROM)
        defects.add(codes.NO_FROM)
        return None
    risks |= found.risks
    return found.address


def _content(block: HeaderBlock, author: Address | None, text: str, files: list[str]) -> str:
    """Digest of what a mail says, by whom and when: the same whichever way it came, without its Message-ID."""
    who = author.email if author else _raw(block, "from")
    said = "\0".join([who, _raw(block, "date"), _raw(block, "subject"), text, *sorted(files)])
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _message_id(block: HeaderBlock, content: str, defects: set[str]) -> tuple[str, bool]:
    fields = block.named("message-id")
    if len(fields) > 1 and len({field.text for field in fields}) > 1:
        defects.add(codes.SEVERAL_IDS)
    value = fields[0].text[:1_000] if fields else ""
    found = _ID.search(value) or _BARE_ID.fullmatch(value)
    usable = found is not None and found[1].isascii() and found[1].isprintable() and not found[1].endswith(DERIVED)
    if found is not None and usable and codes.SEVERAL_IDS not in defects:
        return found[1], False
    defects.add(codes.NO_MESSAGE_ID)
    return f"{content[:40]}{DERIVED}", True


def _ids(block: HeaderBlock, name: str) -> tuple[str, ...]:
    """Message-IDs of all fields of that name; of more than 100 the first and the last 99, as RFC 5322 readers do."""
    text = " ".join(field.text for field in block.named(name))[:60_000]
    found = list(dict.fromkeys(match[1] for match in _ID.finditer(text) if match[1].isprintable()))
    return tuple(found if len(found) <= 100 else [found[0], *found[-99:]])


def _date(block: HeaderBlock, defects: set[str]) -> datetime | None:
    try:
        found = parsedate_to_datetime(_raw(block, "date")[:200])
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        defects.add(codes.NO_DATE)
        return None


def _quarantined(raw: bytes, block: HeaderBlock, reason: str) -> Quarantined:
    """What can be said of a mail that could not be read; its own key, so that it is a copy of nothing else."""
    digest = hashlib.sha256(raw).hexdigest()
    try:
        message_id, _ = _message_id(block, digest, set())
        author = _author(block, set(), set())
        subject = clean_line(_raw(block, "subject"), 4_000, decode=True).text[:998]
    except Exception:  # noqa: BLE001 (a description of a broken mail may be as broken)
        message_id, subject, author = f"{digest[:40]}{DERIVED}", "", None
    return Quarantined(reason=reason, message_id=message_id, content_key=digest, subject=subject, author=author)
