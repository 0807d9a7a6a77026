"""Postmark's inbound webhook: JSON, with the raw mail where "include raw email content" is on.

It signs nothing: a password in the URL (HTTP basic) or a secret path proves it. Documented: 403 ends the tries, any
other answer than 200 is tried again, ten times over some ten and a half hours. Set "Include raw email content in JSON
payload": only raw mail keeps the sender's DKIM signatures, and without one nobody is proven.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from inbound.contracts import DeliveryEvent, SpamWord
from inbound.webhooks import filtered
from inbound.webhooks.contract import (
    Answers,
    InboundMail,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    UnreadableError,
    from_base64,
    load_json,
    member,
    objects,
    optional,
    utf8,
)
from inbound.webhooks.proofs import by_password
from inbound.webhooks.rebuild import File, rebuild

NAME = "postmark"
SIGNS = False
ANSWERS = Answers(not_ours=403)  # 403: never tried again, as a mail that is for nobody here should not be


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    data = load_json(request.body)
    if optional(data, "RecordType") in {"Bounce", "SpamComplaint", "Delivery"}:
        return Parsed(events=(_event(data),))
    recipients = [optional(one, "Email") for one in optional(data, "ToFull", kind=list, default=[])]
    recipients += [optional(one, "Email") for one in optional(data, "CcFull", kind=list, default=[])]
    recipients += [optional(one, "Email") for one in optional(data, "BccFull", kind=list, default=[])]
    recipients.append(optional(data, "OriginalRecipient"))
    return Parsed(
        (
            InboundMail(
                raw=_raw(data),
                mail_from=_return_path(data),
                rcpt_to=tuple(dict.fromkeys(one for one in recipients if one)),
                provider_id=member(data, "MessageID"),
                spam=_spam(data),
            ),
        )
    )


def _spam(data: Mapping[str, Any]) -> tuple[SpamWord, ...]:
    listed = objects(optional(data, "Headers", kind=list, default=[]))
    given = [(optional(one, "Name"), optional(one, "Value")) for one in listed]
    return filtered.fields(NAME, given, flag="x-spam-status", score="x-spam-score")


def _raw(data: Mapping[str, Any]) -> bytes:
    if raw := optional(data, "RawEmail"):
        return utf8(raw)
    headers = [(member(one, "Name"), member(one, "Value")) for one in objects(member(data, "Headers", kind=list))]
    named = {name.lower() for name, _ in headers}
    own = [("From", _whole_from(data)), ("To", optional(data, "To")), ("Cc", optional(data, "Cc"))]
    own += [("Subject", optional(data, "Subject")), ("Date", optional(data, "Date"))]
    own += [("Reply-To", optional(data, "ReplyTo"))]
    missing = [(name, value) for name, value in own if value and name.lower() not in named]
    files = [
        File(
            data=from_base64(member(one, "Content")),
            name=optional(one, "Name"),
            content_type=optional(one, "ContentType") or "application/octet-stream",
            content_id=optional(one, "ContentID"),
        )
        for one in objects(optional(data, "Attachments", kind=list, default=[]))
    ]
    html = optional(data, "HtmlBody") or None
    return rebuild([*headers, *missing], text=optional(data, "TextBody"), html=html, files=files)


def _whole_from(data: Mapping[str, Any]) -> str:
    """The From header: `From` has the address alone, `FromFull` both."""
    address, name = optional(data, "FromFull", "Email"), optional(data, "FromFull", "Name")
    if not address:
        return str(member(data, "From"))
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>' if name else address


def _return_path(data: Mapping[str, Any]) -> str | None:
    for one in optional(data, "Headers", kind=list, default=[]):
        if optional(one, "Name").lower() == "return-path":
            return optional(one, "Value").strip().strip("<>")  # type: ignore[no-any-return]  # `optional` gives text here
    return None


_KINDS = {"Delivery": "delivered", "Bounce": "bounced", "SpamComplaint": "complained"}


def _event(data: Mapping[str, Any]) -> DeliveryEvent:
    kind = _KINDS[member(data, "RecordType")]
    recipient = optional(data, "Email") or optional(data, "Recipient")
    if not recipient:
        raise UnreadableError("an event about nobody")
    soft = optional(data, "Type") in {"SoftBounce", "Transient", "DnsError", "AutoResponder"}
    return DeliveryEvent(
        kind=kind,
        recipient=recipient[:320],
        permanent=kind == "bounced" and not soft,
        diagnostic=optional(data, "Description")[:500],
        original_message_id=optional(data, "Metadata", "message_id")[:998],
    )
