"""Forward Email's webhooks: JSON in the form of mailparser, with the raw mail in `raw`.

Proof: X-Webhook-Signature, hexadecimal HMAC-SHA256 of the body with the domain's webhook key (unverified: the header's
name and form). Documented: 60 seconds and three tries; 408, 413 and 429 become a 421 to the sender.
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

NAME = "forwardemail"
SIGNS = True
ANSWERS = Answers()


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:  # noqa: ARG001 (no time is signed)
    return by_hex(request.header("x-webhook-signature"), request.body, secrets)


def parse(request: Request) -> Parsed:
    data = load_json(request.body)
    listed = optional(data, "recipients", kind=list, default=[])
    recipients = [str(one) for one in objects(listed)]
    recipients = recipients or [
        optional(one, "address") for one in objects(optional(data, "session", "rcptTo", kind=list, default=[]))
    ]
    mail = InboundMail(
        raw=utf8(member(data, "raw")),
        mail_from=optional(data, "session", "envelope", "mailFrom", "address"),
        rcpt_to=tuple(one for one in recipients if one),
    )
    return Parsed((mail,))
