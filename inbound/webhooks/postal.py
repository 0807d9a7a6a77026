"""Postal's HTTP endpoints ("raw message"): JSON with the raw mail, signed with the server's key.

Proof: X-Postal-Signature, base64 RSA PKCS #1 v1.5 with SHA-1 over the body; `public_key` is the installation's
(`postal default-dkim-record` prints it). No time is signed: a second try is known by its id. Unverified of statuses:

    2xx     done
    other   again, for days
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

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
    from_base64,
    member,
    optional,
    posted_json,
    utf8,
)
from inbound.webhooks.dressing import as_json, with_headers
from inbound.webhooks.proofs import rsa_holds
from inbound.webhooks.reporting import Shape, events

NAME = "postal"
ABOUT = About(
    means={"2xx": "done", "4xx": "again", "5xx": "again"},
    needs={"public_key": "the key of the installation proves who posts"},
    key="rsa",
)
ANSWERS = Answers()
REPORTS = Shape(
    kinds={
        "messagesent": ("delivered", False),
        "messagedelayed": ("delayed", False),
        "messagedeliveryfailed": ("bounced", True),
        "messagebounced": ("bounced", True),
    },
    word=("event",),
    recipient=("payload", "message", "to"),
    message_id=("payload", "message", "message_id"),
    diagnostic=("payload", "output"),
)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:  # noqa: ARG001 (no time is signed)
    signature = request.header("x-postal-signature")
    sha1 = hashes.SHA1()  # noqa: S303 (what Postal signs with)
    if any([rsa_holds(key, signature, request.body, sha1) for key in secrets.public_keys]):  # noqa: C419 (each is tried)
        return Proven()
    return Refusal("unauthentic", "the signature does not fit")


def _events(data: Any) -> tuple[DeliveryEvent, ...]:
    if optional(data, "event") == "MessageBounced":  # here the mail that came back stands beside the original
        original = optional(data, "payload", "original_message", kind=dict, default={})
        data = {"event": "MessageBounced", "payload": {"message": original}}
    return events([data], REPORTS)


def parse(request: Request) -> Parsed:
    data = posted_json(request)
    if isinstance(data, dict) and "event" in data:
        return Parsed(events=_events(data))
    text = member(data, "message")
    encoded = optional(data, "base64", kind=bool, default=False)
    mail = InboundMail(
        raw=from_base64(text) if encoded else utf8(text),
        mail_from=optional(data, "mail_from", default=None),
        rcpt_to=(member(data, "rcpt_to"),),
        provider_id=str(member(data, "id", kind=(int, str))),
    )
    return Parsed((mail,))


def dress(letter: Letter) -> Request:
    data = {
        "id": int(hashlib.sha256(letter.raw).hexdigest()[:8], 16),
        "rcpt_to": letter.rcpt_to[0],
        "mail_from": letter.mail_from,
        "message": base64.b64encode(letter.raw).decode(),
        "base64": True,
        "size": len(letter.raw),
    }
    return as_json(data)


def sign(request: Request, signing: Signing) -> Request:
    signature = signing.key.sign(request.body, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 (what Postal signs with)
    return with_headers(request, ("x-postal-signature", base64.b64encode(signature).decode()))


CLOTHES = {"": dress}
