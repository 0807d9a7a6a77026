"""MailerSend inbound routes: JSON with the raw mail, signed.

Proof: `Signature`, hexadecimal HMAC-SHA256 of the body. No time is signed: a second try is known by its id. Unverified:
what it makes of statuses besides 200.
"""

from __future__ import annotations

from datetime import datetime

from inbound.webhooks.contract import (
    Answers,
    InboundMail,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    load_json,
    member,
    objects,
    optional,
    utf8,
)
from inbound.webhooks.proofs import by_hex

NAME = "mailersend"
SIGNS = True
ANSWERS = Answers()


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:  # noqa: ARG001 (no time is signed)
    return by_hex(request.header("signature"), request.body, secrets)


def parse(request: Request) -> Parsed:
    data = load_json(request.body)
    if member(data, "type") != "inbound.message":
        return Parsed()
    rcpt = objects(optional(data, "data", "recipients", "rcptTo", kind=list, default=[]))
    mail = InboundMail(
        raw=utf8(member(data, "data", "raw")),
        mail_from=optional(data, "data", "sender", "email"),
        rcpt_to=tuple(address for one in rcpt if (address := optional(one, "email"))),
        provider_id=member(data, "data", "id"),
    )
    return Parsed((mail,))
