"""Forward Email's webhooks: JSON in the form of mailparser, with the raw mail in `raw`.

Proof: X-Webhook-Signature, hexadecimal HMAC-SHA256 of the body with the domain's webhook key (unverified: the header's
name and form). It posts while the sender's server waits, for 60 seconds and three times. Documented, where not said
otherwise:

    2xx             done
    408, 413, 429   again: the sender's server hears a 421
    5xx             again (unverified)
    other           bounces to the customer (unverified): so a wrong key and what cannot be read here are a 503

Its reports of bounces have the headers of the mail, and with them our Message-ID (unverified, as is their form).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from inbound.contracts import DeliveryEvent
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

NAME = "forwardemail"
ABOUT = About(
    means={"2xx": "done", "408": "again", "413": "again", "429": "again", "4xx": "bounces", "5xx": "again"},
    needs={"secret": "it proves who posts"},
)
REPORTS = Shape(
    kinds={"reject": ("bounced", True), "defer": ("delayed", False)},
    word=("bounce", "action"),
    recipient=("recipient",),
    message_id=("named",),
    diagnostic=("response",),
    status=("bounce", "status"),
)
ANSWERS = Answers(unauthentic=503, stale=503, unreadable=503, replayed=503)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:  # noqa: ARG001 (no time is signed)
    return by_hex(request.header("x-webhook-signature"), request.body, secrets)


def parse(request: Request) -> Parsed:
    data = posted_json(request)
    if isinstance(data, dict) and "bounced_at" in data:
        return Parsed(events=_events(data))
    listed = optional(data, "recipients", kind=list, default=[])
    recipients = [str(one) for one in objects(listed)]
    recipients = recipients or [
        optional(one, "address") for one in objects(optional(data, "session", "rcptTo", kind=list, default=[]))
    ]
    mail = InboundMail(
        raw=utf8(member(data, "raw")),
        mail_from=optional(data, "session", "envelope", "mailFrom", "address", default=None),
        rcpt_to=tuple(one for one in recipients if one),
    )
    return Parsed((mail,))


def _events(data: Any) -> tuple[DeliveryEvent, ...]:
    headers = optional(data, "headers", kind=dict, default={})
    named = next((value for name, value in headers.items() if name.lower() == "message-id"), "")
    return events([{**data, "named": named}], REPORTS)


def dress(letter: Letter) -> Request:
    data = {
        "recipients": list(letter.rcpt_to),
        "session": {"envelope": {"mailFrom": {"address": letter.mail_from}}},
        "raw": as_text(letter.raw),
    }
    return as_json(data)


def sign(request: Request, signing: Signing) -> Request:
    return with_headers(request, ("x-webhook-signature", hexdigits(signing.secret, request.body)))


CLOTHES = {"": dress}
