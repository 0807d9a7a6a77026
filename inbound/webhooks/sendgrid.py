"""Twilio SendGrid Inbound Parse: a form, parsed, or with the whole mail in `email` ("post the raw, full MIME message").

Proof: the ECDSA signature of a security policy (P-256, SHA-256 over timestamp and raw body) where `public_key` is set,
else a password. Unverified: the signature's headers carry the names of the Event Webhook. Documented: 5xx is tried
again for up to three days, 4xx is not; redirects are not followed. Whether each try has a time of its own is
unverified, so a time may be as old as the tries last: the same bytes bring nothing new.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from inbound.webhooks import filtered, forms
from inbound.webhooks.contract import (
    Answers,
    InboundMail,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    UnreadableError,
    load_json,
    objects,
    optional,
)
from inbound.webhooks.forms import Form
from inbound.webhooks.proofs import by_password, ec_holds, in_time
from inbound.webhooks.rebuild import File, header_lines, rebuild
from inbound.webhooks.reporting import Shape, events

NAME = "sendgrid"
SIGNS = True
ANSWERS = Answers()
TRIES = timedelta(days=4)
REPORTS = Shape(
    kinds={
        "delivered": ("delivered", False),
        "deferred": ("delayed", False),
        "bounce": ("bounced", True),
        "dropped": ("bounced", True),
        "spamreport": ("complained", True),
    },
    word=("event",),
    recipient=("email",),
    message_id=("smtp-id",),
    diagnostic=("reason",),
    status=("status",),
)
SIGNATURE = "x-twilio-email-event-webhook-signature"
STAMP = "x-twilio-email-event-webhook-timestamp"


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    if not secrets.public_key:
        return by_password(request, secrets, now)
    stamp = request.header(STAMP)
    if stamp is None or not ec_holds(
        secrets.public_key, request.header(SIGNATURE), stamp.encode("utf-8", "replace") + request.body
    ):
        return Refusal("unauthentic", "the signature does not fit")
    at = in_time(stamp, replace(secrets, window=max(secrets.window, TRIES)), now)
    return at if isinstance(at, Refusal) else Proven(at)


def parse(request: Request) -> Parsed:
    if request.content_type == "application/json":  # the Event Webhook, at the same address with the same key
        return Parsed(events=events(objects(load_json(request.body)), REPORTS))
    form = forms.read(request)
    envelope = load_json(form.text("envelope").encode())
    recipients = tuple(str(one) for one in objects(optional(envelope, "to", kind=list, default=[])))
    raw = form.data("email")
    mail = InboundMail(
        raw=raw if raw is not None else _rebuilt(form),
        mail_from=optional(envelope, "from"),
        rcpt_to=recipients,
        vouched=_vouched(form.text("dkim", "")),
        spam=filtered.points(NAME, form.text("spam_score", "")),
    )
    return Parsed((mail,))


def _rebuilt(form: Form) -> bytes:
    charsets = _charsets(form)
    headers = header_lines(form.text("headers"))
    html = form.text("html", "", charset=charsets.get("html", "utf-8")) or None
    text = form.text("text", "", charset=charsets.get("text", "utf-8"))
    about = load_json(form.text("attachment-info", "{}").encode())
    files = [
        File(
            data=part.data,
            name=part.filename or "",
            content_type=optional(about, name, "type") or part.content_type or "application/octet-stream",
            content_id=optional(about, name, "content-id").strip("<>"),
        )
        for name, part in form.files
    ]
    return rebuild(headers, text=text, html=html, files=files)


def _charsets(form: Form) -> dict[str, str]:
    """Each field's own charset, as the form says it."""
    try:
        found: Any = json.loads(form.text("charsets", "{}"))
    except ValueError:
        raise UnreadableError("charsets is no JSON") from None
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _vouched(said: str) -> tuple[str, ...]:
    """`{@example.com : pass}`: domains whose signature holds, by SendGrid's word."""
    found = []
    for one in said.strip().strip("{}").split(","):
        name, _, verdict = one.partition(":")
        if verdict.strip().lower() == "pass" and name.strip().startswith("@"):
            found.append(name.strip()[1:].lower())
    return tuple(found)
