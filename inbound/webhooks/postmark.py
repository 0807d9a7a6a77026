"""Postmark's inbound webhook: JSON, with the raw mail where "include raw email content" is on.

It signs nothing, so that nothing covers the mail: a password in the URL (HTTP basic) or a secret path. Documented:

    200     done
    403     never again, as a mail that is for nobody here should not be
    other   again, ten times over some ten and a half hours

Set "Include raw email content in JSON payload": only raw mail keeps the sender's DKIM signatures, and without one
nobody is proven. Unverified: in which form raw mail with 8-bit bytes that are no UTF-8 stands in JSON.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from inbound.contracts import DeliveryEvent, SpamWord
from inbound.webhooks import filtered
from inbound.webhooks.contract import (
    About,
    Answers,
    InboundMail,
    Letter,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    UnreadableError,
    from_base64,
    member,
    objects,
    optional,
    posted_json,
    utf8,
)
from inbound.webhooks.dressing import as_json, as_text, taken, with_password
from inbound.webhooks.proofs import by_password
from inbound.webhooks.rebuild import File, rebuild

NAME = "postmark"
ABOUT = About(
    means={"2xx": "done", "403": "never", "4xx": "again", "5xx": "again"},
    signs=False,
    covers=False,
    needs={"secret": "it signs nothing, so a password is all that proves it"},
)
ANSWERS = Answers(not_ours=403)
UNASKED = frozenset({"Open", "Click", "SubscriptionChange"})
"""Events that the same webhook brings where they are ticked, and that say nothing of a delivery."""


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    data = posted_json(request)
    if optional(data, "RecordType") in {"Bounce", "SpamComplaint", "Delivery"}:
        return Parsed(events=(_event(data),))
    if optional(data, "RecordType") in UNASKED:
        return Parsed()
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


def dress(letter: Letter) -> Request:
    found = _dressed(letter) | {"RawEmail": as_text(letter.raw)}
    return as_json(found)


def _dress_parsed(letter: Letter) -> Request:
    return as_json(_dressed(letter))


def _dressed(letter: Letter) -> dict[str, Any]:
    own = {"from", "to", "cc", "subject", "date", "reply-to", "mime-version", "content-type"}
    mail = taken(letter.raw)
    shown, address = next(iter(mail.people("from")), ("", ""))
    return {
        "From": address,
        "FromFull": {"Email": address, "Name": shown},
        "To": mail.header("to"),
        "ToFull": [{"Email": one, "Name": "", "MailboxHash": ""} for one in letter.rcpt_to],
        "OriginalRecipient": letter.rcpt_to[0],
        "Subject": mail.header("subject"),
        "MessageID": hashlib.sha256(letter.raw).hexdigest()[:36],
        "ReplyTo": mail.header("reply-to"),
        "Date": mail.header("date"),
        "TextBody": mail.text,
        "HtmlBody": mail.html,
        "Headers": [{"Name": name, "Value": value} for name, value in mail.headers if name.lower() not in own]
        + [{"Name": "Return-Path", "Value": f"<{letter.mail_from}>"}],
        "Attachments": [
            {"Name": name, "ContentType": kind, "ContentID": cid, "Content": base64.b64encode(data).decode()}
            for name, kind, cid, data in mail.files
        ],
    }


sign = with_password
CLOTHES = {"": dress, "parsed": _dress_parsed}
