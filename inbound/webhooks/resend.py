"""Resend's `email.received`: metadata, signed as Svix (Standard Webhooks); the raw mail is fetched by a second call.

`GET /emails/receiving/ID` names a place of the raw bytes, which lives for an hour. Only Resend's API is asked, and for
the bytes only its storage (`.resend.com`, `.amazonaws.com`, `.cloudfront.net`: unverified). Where the second call fails
the answer is 503 and Svix tries again, after 5 seconds, 5 minutes, 30 minutes, 2, 5, 10 and 10 hours.
"""

from __future__ import annotations

import re
from datetime import datetime

from inbound.contracts import DeliveryEvent
from inbound.webhooks.contract import (
    Answers,
    Fetch,
    InboundMail,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    UnreadableError,
    load_json,
    member,
    optional,
)
from inbound.webhooks.proofs import standard

NAME = "resend"
SIGNS = True
ANSWERS = Answers()
API = "https://api.resend.com"
STORES = (".resend.com", ".amazonaws.com", ".cloudfront.net")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return standard(request, secrets, now, names=("svix", "webhook"))


def parse(request: Request) -> Parsed:
    data = load_json(request.body)
    kind = member(data, "type")
    if kind in _EVENTS:
        return Parsed(events=(_event(data, kind),))
    if kind != "email.received":
        return Parsed()
    email_id = member(data, "data", "email_id")
    if not _ID.fullmatch(email_id):
        raise UnreadableError("data.email_id is no id")
    mail = InboundMail(
        raw=b"",
        rcpt_to=tuple(str(one) for one in member(data, "data", "to", kind=list)),
        provider_id=email_id,
        fetch=Fetch(f"{API}/emails/receiving/{email_id}", STORES, bearer=True, then="raw.download_url"),
    )
    return Parsed((mail,))


_EVENTS = {"email.delivered": "delivered", "email.bounced": "bounced", "email.complained": "complained"}


def _event(data: object, kind: str) -> DeliveryEvent:
    people = member(data, "data", "to", kind=list)
    return DeliveryEvent(
        kind=_EVENTS[kind],
        recipient=str(people[0]) if people else "",
        permanent=kind == "email.bounced" and optional(data, "data", "bounce", "type") != "Transient",
        diagnostic=optional(data, "data", "bounce", "message")[:500],
    )
