"""Postal's HTTP endpoints ("raw message"): JSON with the raw mail, signed with the server's key.

Proof: X-Postal-Signature, base64 RSA PKCS #1 v1.5 with SHA-1 over the body; `public_key` is the installation's
(`postal default-dkim-record` prints it). No time is signed: a second try is known by its id.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes

from inbound.contracts import DeliveryEvent
from inbound.webhooks.contract import (
    Answers,
    InboundMail,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    from_base64,
    load_json,
    member,
    optional,
    utf8,
)
from inbound.webhooks.proofs import rsa_holds
from inbound.webhooks.reporting import Shape, events

NAME = "postal"
SIGNS = True
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
NEEDS_KEY = True


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:  # noqa: ARG001 (no time is signed)
    signature = request.header("x-postal-signature")
    if rsa_holds(secrets.public_key, signature, request.body, hashes.SHA1()):  # noqa: S303 (what Postal signs with)
        return Proven()
    return Refusal("unauthentic", "the signature does not fit")


def _events(data: Any) -> tuple[DeliveryEvent, ...]:
    if optional(data, "event") == "MessageBounced":  # here the mail that came back stands beside the original
        original = optional(data, "payload", "original_message", kind=dict, default={})
        data = {"event": "MessageBounced", "payload": {"message": original}}
    return events([data], REPORTS)


def parse(request: Request) -> Parsed:
    data = load_json(request.body)
    if isinstance(data, dict) and "event" in data:
        return Parsed(events=_events(data))
    text = member(data, "message")
    encoded = optional(data, "base64", kind=bool, default=False)
    mail = InboundMail(
        raw=from_base64(text) if encoded else utf8(text),
        mail_from=optional(data, "mail_from"),
        rcpt_to=(member(data, "rcpt_to"),),
        provider_id=str(member(data, "id", kind=(int, str))),
    )
    return Parsed((mail,))
