"""Resend's `email.received`: metadata, signed as Svix (Standard Webhooks); the raw mail is fetched by a second call.

`GET /emails/receiving/ID` names a place of the raw bytes, which lives for an hour. Only Resend's API is asked, and for
the bytes only its storage (`.resend.com`, `.amazonaws.com`, `.cloudfront.net`: unverified). Svix posts for it; of
statuses is documented:

    2xx     done
    other   again, after 5 seconds, 5 minutes, 30 minutes, 2, 5, 10 and 10 hours; a 503 where the second call fails

Its reports name a mail by an id of Resend's own; the headers of the mail stand in them too, and with them our
Message-ID (unverified).
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from typing import Literal

from inbound.contracts import DeliveryEvent
from inbound.webhooks.contract import (
    About,
    Answers,
    Fetch,
    InboundMail,
    Letter,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    Signing,
    UnreadableError,
    member,
    objects,
    optional,
    posted_json,
)
from inbound.webhooks.dressing import as_json, with_headers
from inbound.webhooks.proofs import standard, standard_headers

NAME = "resend"
ABOUT = About(
    means={"2xx": "done", "4xx": "again", "5xx": "again"},
    lasts=timedelta(minutes=5),
    needs={"secret": "it proves who posts", "api_key": "it posts only where the mail is"},
    standard=True,
)
ANSWERS = Answers()
API = "https://api.resend.com"
STORES = (".resend.com", ".amazonaws.com", ".cloudfront.net")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return standard(request, secrets, now, names=("svix", "webhook"))


def parse(request: Request) -> Parsed:
    data = posted_json(request)
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
        fetch=Fetch(f"{API}/emails/receiving/{email_id}", STORES, bearer=True, api=API, then="raw.download_url"),
    )
    return Parsed((mail,))


_EVENTS: dict[str, Literal["delivered", "delayed", "bounced", "complained"]] = {
    "email.delivered": "delivered",
    "email.delivery_delayed": "delayed",
    "email.bounced": "bounced",
    "email.complained": "complained",
}


def _event(data: object, kind: str) -> DeliveryEvent:
    people = member(data, "data", "to", kind=list)
    return DeliveryEvent(
        kind=_EVENTS[kind],
        recipient=str(people[0])[:320] if people else "",
        permanent=kind == "email.bounced" and optional(data, "data", "bounce", "type") != "Transient",
        diagnostic=optional(data, "data", "bounce", "message")[:500],
        original_message_id=_message_id(data)[:998],
    )


def _message_id(data: object) -> str:
    for one in objects(optional(data, "data", "headers", kind=list, default=[])):
        if optional(one, "name").lower() == "message-id":
            return str(optional(one, "value")).strip("<> ")
    return str(optional(data, "data", "message_id")).strip("<> ")


def dress(letter: Letter) -> Request:
    """What is posted first; the mail itself lies behind the API."""
    told = {"email_id": email_id(letter), "to": list(letter.rcpt_to), "from": letter.mail_from}
    return as_json({"type": "email.received", "data": told})


def sign(request: Request, signing: Signing) -> Request:
    name = "msg_" + hashlib.sha256(request.body).hexdigest()[:24]
    return with_headers(request, *standard_headers("svix", name, request.body, signing))


def email_id(letter: Letter) -> str:
    return hashlib.sha256(letter.raw).hexdigest()[:36]


CLOTHES = {"": dress}
