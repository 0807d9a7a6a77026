"""Reports about mail that we sent: delivery (RFC 3464), abuse (RFC 5965), and older shapes by flufl.bounce.

Rules:
- Reads at most 1 MB of a mail; never raises; what it cannot read gives no event.
- `failed` with a 5.x.x status (or none) is permanent; with 4.x.x it is a bounce that may be tried again.
- An event is what a stranger writes: nothing is believed of it until it is matched to a send.
- flufl.bounce is imported only for mail that already looks like a bounce.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Any

from inbound import addresses
from inbound.contracts import DeliveryEvent

MAX_BYTES = 1_000_000
MAX_PARTS = 200
MAX_EVENTS = 100
MAX_TEXT_CHARS = 500
MAX_PATTERN_LINES = 2_000

_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_MESSAGE_ID = re.compile(rb"^[ \t>]{0,8}Message-ID:\s{0,4}<([^<>\s]{1,250})>", re.IGNORECASE | re.MULTILINE)
_ACTIONS = {"failed": "bounced", "delayed": "delayed", "delivered": "delivered", "relayed": "delivered"}
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "opt-out", "opt-out-list", "miscategorized", "other"})


class Parsed:
    """A mail cut to the bound and parsed once. `message` is None where it cannot be parsed."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw[:MAX_BYTES]
        self.message: Message | None = None
        self.parts: list[Message] = []
        try:
            self.message = message_from_bytes(self.raw)
            self.parts = list(_walk(self.message))
        except Exception:  # noqa: BLE001 - deep nesting ends in RecursionError, broken headers in many others
            self.parts = self.parts or ([self.message] if self.message is not None else [])

    def content_types(self) -> list[str]:
        return [_content_type(part) for part in self.parts]

    def report_type(self) -> str:
        """The report-type of a multipart/report, lower case; empty for any other mail."""
        if self.message is None or _content_type(self.message) != "multipart/report":
            return ""
        return _parameter(self.message, "report-type").lower()

    def first(self, *content_types: str) -> Message | None:
        return next((part for part in self.parts if _content_type(part) in content_types), None)


def _walk(message: Message) -> Iterator[Message]:
    """The parts in order, breadth of MAX_PARTS; does not enter an attached message."""
    waiting = [message]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        yield part
        payload = part.get_payload()
        if isinstance(payload, list) and part.get_content_maintype() == "multipart":
            waiting[:0] = [one for one in payload if isinstance(one, Message)]


def _content_type(part: Message) -> str:
    try:
        return part.get_content_type()
    except Exception:  # noqa: BLE001 - a Content-Type that the library chokes on is none that we look for
        return ""


def _parameter(part: Message, name: str) -> str:
    try:
        value = part.get_param(name)
    except Exception:  # noqa: BLE001 - as above
        return ""
    return value.strip() if isinstance(value, str) else ""


def method(part: Message) -> str:
    """The method of a calendar part (RFC 5546), upper case; from its parameter, else from its text."""
    named = _parameter(part, "method").upper()
    if named:
        return named
    found = re.search(r"^METHOD:([A-Z]{1,20})\s*$", _text(part)[:5_000], re.IGNORECASE | re.MULTILINE)
    return found[1].upper() if found else ""


def _text(part: Message) -> str:
    try:
        payload = part.get_payload(decode=True)
    except Exception:  # noqa: BLE001 - broken base64 and the like
        return ""
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _blocks(part: Message) -> list[dict[str, str]]:
    """The groups of fields of a status or feedback report; names lower case, first value wins."""
    payload: Any = part.get_payload()
    texts = [str(one) for one in payload[: MAX_EVENTS + 1]] if isinstance(payload, list) else [_text(part)]
    blocks = []
    for chunk in "\n\n".join(texts).replace("\r\n", "\n").split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in chunk.split("\n")[:200]:
            if line[:1] in (" ", "\t") and name:
                fields[name] = f"{fields[name]} {line.strip()}"[:MAX_TEXT_CHARS]
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields.setdefault(name, value.strip()[:MAX_TEXT_CHARS])
        if fields:
            blocks.append(fields)
    return blocks[: MAX_EVENTS + 1]


def address(text: str) -> str:
    """The canonical address in a report's field, `rfc822; user@example.com` say; empty where there is none."""
    bare = text.rpartition(";")[2].strip().strip("<>").strip()
    return addresses.canonical(bare) or ""


def delivery_events(parsed: Parsed, token: str) -> tuple[DeliveryEvent, ...]:
    """The per-recipient results of a delivery status part; none where there is no such part."""
    part = parsed.first("message/delivery-status", "message/global-delivery-status")
    if part is None:
        return ()
    original = original_message_id(parsed)
    events = []
    for fields in _blocks(part):
        kind = _ACTIONS.get(fields.get("action", "").split("(")[0].strip().lower())
        recipient = address(fields.get("final-recipient", "")) or address(fields.get("original-recipient", ""))
        if kind is None or not ("final-recipient" in fields or "original-recipient" in fields):
            continue
        status = _STATUS.search(fields.get("status", "")) or _STATUS.search(fields.get("diagnostic-code", ""))
        events.append(_event(kind, recipient, status[1] if status else "", fields, original, token))
    return tuple(events[:MAX_EVENTS])


def _event(kind: str, recipient: str, status: str, fields: dict[str, str], original: str, token: str) -> DeliveryEvent:
    return DeliveryEvent.model_validate(
        {
            "kind": kind,
            "recipient": recipient,
            "permanent": kind == "bounced" and not status.startswith("4"),
            "status": status,
            "diagnostic": _clean(fields.get("diagnostic-code", "")),
            "original_message_id": original,
            "token": token,
        }
    )


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:MAX_TEXT_CHARS].strip()


def complaint_events(parsed: Parsed, token: str) -> tuple[DeliveryEvent, ...]:
    """Who complained, by a feedback report. Reports of another kind (not-spam, auth-failure) give none."""
    part = parsed.first("message/feedback-report")
    if part is None:
        return ()
    fields: dict[str, str] = {}
    for block in _blocks(part):
        fields = {**block, **fields}
    if fields.get("feedback-type", "abuse").lower() not in _COMPLAINTS:
        return ()
    return (
        DeliveryEvent(
            kind="complained",
            recipient=address(fields.get("original-rcpt-to", "")) or address(fields.get("removal-recipient", "")),
            permanent=True,
            diagnostic=_clean(fields.get("feedback-type", "")),
            original_message_id=original_message_id(parsed),
            token=token,
        ),
    )


def junk_report_events(parsed: Parsed, attached: Message, token: str) -> tuple[DeliveryEvent, ...]:
    """Who complained by a report that is only the attached mail; the recipient stands in a field of the provider's."""
    payload: Any = attached.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    named = str(inner.get("x-hmxmroriginalrecipient", "")) if isinstance(inner, Message) else ""
    return (
        DeliveryEvent(
            kind="complained",
            recipient=address(named),
            permanent=True,
            original_message_id=original_message_id(parsed),
            token=token,
        ),
    )


def is_complaint(parsed: Parsed) -> bool:
    return parsed.first("message/feedback-report") is not None


def original_message_id(parsed: Parsed) -> str:
    """The Message-ID of the mail that a report returns, without brackets; empty where it returns none."""
    head = parsed.raw.find(b"\n\n"), parsed.raw.find(b"\r\n\r\n")
    start = min((at for at in head if at >= 0), default=len(parsed.raw))
    found = _MESSAGE_ID.search(parsed.raw, start)
    return found[1].decode("ascii", "replace") if found else ""


def _plain_headers(message: Message) -> Message:
    """Make the fields that the detectors read plain text: they break on 8-bit ones and on an empty From."""
    for name in ("From", "Subject"):
        text = str(message.get(name, "")).encode("ascii", "replace").decode("ascii")
        del message[name]
        message[name] = text.strip() or "unknown"
    return message


def other_shapes(parsed: Parsed, token: str) -> tuple[DeliveryEvent, ...]:
    """What flufl.bounce finds in a bounce that is no RFC 3464 report. It may raise on broken mail: then nothing."""
    if parsed.message is None or parsed.raw.count(b"\n") > MAX_PATTERN_LINES * 10:
        return ()
    try:
        from flufl.bounce import all_failures

        # It logs a traceback for each mail that breaks a detector: nobody but the sender would write our log then.
        logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
        temporary, permanent = all_failures(_plain_headers(parsed.message))
    except Exception:  # noqa: BLE001 - its detectors raise whatever a broken mail makes them raise
        return ()
    original = original_message_id(parsed)
    found = [(one, False) for one in temporary] + [(one, True) for one in permanent]
    events = []
    for recipient, lasting in sorted(found, key=str)[:MAX_EVENTS]:
        text = address(recipient.decode("utf-8", "replace") if isinstance(recipient, bytes) else str(recipient))
        if text:
            events.append(
                DeliveryEvent(
                    kind="bounced" if lasting else "delayed",
                    recipient=text,
                    permanent=lasting,
                    original_message_id=original,
                    token=token,
                )
            )
    return tuple(events)
