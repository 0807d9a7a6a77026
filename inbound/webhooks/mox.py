"""mox's webhooks for incoming and outgoing mail: JSON without the raw mail, in parts with their text.

It signs nothing, so that nothing covers the mail: the `Authorization` value that the account is configured with, or a
secret path. A second try is known by X-Mox-Webhook-ID. Documented of statuses, 403 apart:

    2xx     done
    403     never again (unverified)
    other   again, after 1 minute and longer each time, up to 16 hours

The mail is rebuilt from its texts, which mox cuts at 1 MB: its author counts as unproven unless the webhook is trusted
and mox verified DKIM. Reports of outgoing mail carry our own Message-ID, and no recipient.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

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
    objects,
    optional,
    posted_json,
)
from inbound.webhooks.dressing import as_json, taken, with_password
from inbound.webhooks.proofs import by_password
from inbound.webhooks.rebuild import rebuild
from inbound.webhooks.reporting import Shape, events

NAME = "mox"
ABOUT = About(
    means={"2xx": "done", "403": "never", "4xx": "again", "5xx": "again"},
    signs=False,
    covers=False,
    needs={"secret": "it signs nothing, so a password is all that proves it"},
    raw=False,
    files=False,
)
ANSWERS = Answers(not_ours=403)
REPORTS = Shape(
    kinds={
        "delivered": ("delivered", False),
        "delayed": ("delayed", False),
        "failed": ("bounced", True),
        "suppressed": ("bounced", True),
    },
    word=("Event",),
    recipient=(),
    message_id=("MessageID",),
    diagnostic=("Error",),
    status=("SMTPEnhancedCode",),
)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    data = posted_json(request)
    if not isinstance(data, dict):
        raise UnreadableError("no object")
    if "Event" in data:
        return Parsed(events=events([data], REPORTS))
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
        mail_from=optional(meta, "MailFrom", default=None),
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


def dress(letter: Letter) -> Request:
    mail = taken(letter.raw)

    def people(name: str) -> list[dict[str, str]]:
        return [{"Name": shown, "Address": one} for shown, one in mail.people(name)]

    data = {
        "From": people("from"),
        "To": people("to"),
        "CC": people("cc"),
        "ReplyTo": people("reply-to"),
        "Subject": mail.header("subject"),
        "MessageID": mail.header("message-id"),
        "InReplyTo": mail.header("in-reply-to"),
        "References": mail.header("references").split(),
        "Date": mail.header("date"),
        "Text": mail.text,
        "HTML": mail.html,
        "Meta": {"MailFrom": letter.mail_from, "RcptTo": letter.rcpt_to[0], "DKIMVerifiedDomains": []},
    }
    name = hashlib.sha256(letter.raw).hexdigest()[:12]
    return as_json(data, ("x-mox-webhook-id", name))


sign = with_password
CLOTHES = {"": dress}
