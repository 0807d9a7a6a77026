"""MailerSend inbound routes: JSON with the raw mail, signed.

Proof: `Signature`, hexadecimal HMAC-SHA256 of the body (Documented for webhooks and for inbound routes, each with a
secret of its own: where both post here, give them as `secret` and `previous_secret`). No time is signed: a second try
is known by its id. Unverified of statuses:

    2xx     done
    other   again; ten failures a day are told to the account's owner, twenty pause a webhook of reports

Its reports name a mail by an id of MailerSend's own, so that they are taken and match nothing of ours.
"""

from __future__ import annotations

import hashlib
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
    Signing,
    member,
    objects,
    optional,
    posted_json,
    utf8,
)
from inbound.webhooks.dressing import as_json, as_text, with_headers
from inbound.webhooks.proofs import by_hex, hexdigits
from inbound.webhooks.reporting import Shape, events

NAME = "mailersend"
ABOUT = About(means={"2xx": "done", "4xx": "again", "5xx": "again"}, needs={"secret": "it proves who posts"})
ANSWERS = Answers()
REPORTS = Shape(
    kinds={
        "activity.delivered": ("delivered", False),
        "activity.deferred": ("delayed", False),
        "activity.soft_bounced": ("bounced", False),
        "activity.hard_bounced": ("bounced", True),
        "activity.spam_complaint": ("complained", True),
    },
    word=("type",),
    recipient=("data", "recipient"),
    message_id=("data", "headers", "message-id"),
    diagnostic=("data", "meta", "bounce_reason"),
)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:  # noqa: ARG001 (no time is signed)
    return by_hex(request.header("signature"), request.body, secrets)


def parse(request: Request) -> Parsed:
    data = posted_json(request)
    if member(data, "type") != "inbound.message":
        return Parsed(events=events([_flat(data)], REPORTS))
    rcpt = objects(optional(data, "data", "recipients", "rcptTo", kind=list, default=[]))
    mail = InboundMail(
        raw=utf8(member(data, "data", "raw")),
        mail_from=optional(data, "data", "sender", "email", default=None),
        rcpt_to=tuple(address for one in rcpt if (address := optional(one, "email"))),
        provider_id=member(data, "data", "id"),
    )
    return Parsed((mail,))


def _flat(data: Any) -> Any:
    """A report of the first version has the recipient, and why, further in (`data.email`)."""
    recipient = optional(data, "data", "email", "recipient", "email")
    if not recipient:
        return data
    why = optional(data, "data", "morph", "readable_reason") or optional(data, "data", "morph", "reason")
    return {"type": data["type"], "data": {"recipient": recipient, "meta": {"bounce_reason": why}}}


def dress(letter: Letter) -> Request:
    data = {
        "id": hashlib.sha256(letter.raw).hexdigest()[:24],
        "recipients": {"rcptTo": [{"email": one} for one in letter.rcpt_to]},
        "sender": {"email": letter.mail_from},
        "raw": as_text(letter.raw),
    }
    return as_json({"type": "inbound.message", "data": data})


def sign(request: Request, signing: Signing) -> Request:
    return with_headers(request, ("signature", hexdigits(signing.secret, request.body)))


CLOTHES = {"": dress}
