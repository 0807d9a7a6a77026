"""mox's webhooks for incoming mail: JSON without the raw mail, in parts with their text.

It signs nothing: the `Authorization` value that the account is configured with, or a secret path. A second try is known
by X-Mox-Webhook-ID. Documented: tries after 1 minute and longer each time, up to 16 hours; 403 ends them (unverified).
The mail is rebuilt from its texts: its author counts as unproven unless the webhook is trusted and mox verified DKIM.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from inbound.webhooks.contract import (
    Answers,
    InboundMail,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    load_json,
    objects,
    optional,
)
from inbound.webhooks.proofs import by_password
from inbound.webhooks.rebuild import rebuild

NAME = "mox"
SIGNS = False
ANSWERS = Answers()


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    data = load_json(request.body)
    meta = optional(data, "Meta", kind=dict, default={})
    headers = [("From", _people(data, "From")), ("To", _people(data, "To")), ("Cc", _people(data, "CC"))]
    headers += [("Reply-To", _people(data, "ReplyTo")), ("Subject", optional(data, "Subject"))]
    headers += [("Date", optional(data, "Date")), ("Message-ID", optional(data, "MessageID"))]
    headers += [("In-Reply-To", optional(data, "InReplyTo"))]
    headers += [("References", " ".join(map(str, optional(data, "References", kind=list, default=[]))))]
    if optional(meta, "Automated", kind=bool, default=False):
        headers.append(("Auto-Submitted", "auto-generated"))
    mail = InboundMail(
        raw=rebuild(
            [(name, value) for name, value in headers if value],
            text=optional(data, "Text"),
            html=optional(data, "HTML") or None,
        ),
        mail_from=optional(meta, "MailFrom"),
        rcpt_to=(optional(meta, "RcptTo"),) if optional(meta, "RcptTo") else (),
        provider_id=request.header("x-mox-webhook-id") or "",
        vouched=tuple(
            str(one).lower() for one in objects(optional(meta, "DKIMVerifiedDomains", kind=list, default=[]))
        ),
    )
    return Parsed((mail,))


def _people(data: Mapping[str, Any], name: str) -> str:
    found = []
    for one in objects(optional(data, name, kind=list, default=[]) or []):
        address, shown = optional(one, "Address"), optional(one, "Name")
        quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
        found.append(f'"{quoted}" <{address}>' if shown else address)
    return ", ".join(one for one in found if one)
