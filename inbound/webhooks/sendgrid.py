"""Twilio SendGrid Inbound Parse: a form, parsed, or with the whole mail in `email` ("post the raw, full MIME message").

Proof: the ECDSA signature of a security policy (P-256, SHA-256 over timestamp and raw body) where `public_key` is set,
else a password, which covers nothing. Documented: that Inbound Parse signs so; unverified: that its headers carry the
names of the Event Webhook, whose they surely are. Documented of statuses:

    2xx     done
    5xx     again, for 72 hours
    other   never, and nobody is told: so a wrong key, a wrong clock and what cannot be read here are a 503

Redirects are not followed. Whether each try has a time of its own is unverified, so a time may be as old as the tries
last: the same bytes bring nothing new.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from inbound.webhooks import filtered, forms
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
    UnreadableError,
    load_json,
    objects,
    optional,
)
from inbound.webhooks.dressing import Field, posted, taken, with_headers, with_password
from inbound.webhooks.forms import Form
from inbound.webhooks.proofs import by_password, ec_holds, in_time
from inbound.webhooks.rebuild import File, header_lines, rebuild
from inbound.webhooks.reporting import Shape, events

NAME = "sendgrid"
LASTS = timedelta(days=4)
ABOUT = About(
    means={"2xx": "done", "4xx": "never", "5xx": "again"},
    lasts=LASTS,
    needs={"public_key|secret": "a signature or a password has to prove who posts"},
    key="ec",
)
ANSWERS = Answers(unauthentic=503, stale=503, unreadable=503, replayed=503)
REPORTS = Shape(
    kinds={
        "delivered": ("delivered", False),
        "deferred": ("delayed", False),
        "bounce": ("bounced", True),
        "dropped": ("bounced", True),
        "soft": ("bounced", False),
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
    if not secrets.public_keys:
        return by_password(request, secrets, now)
    stamp, signature = request.header(STAMP), request.header(SIGNATURE)
    signed = (stamp or "").encode("utf-8", "replace") + request.body
    if stamp is None or not any([ec_holds(key, signature, signed) for key in secrets.public_keys]):  # noqa: C419
        return Refusal("unauthentic", "the signature does not fit")
    at = in_time(stamp, replace(secrets, window=max(secrets.window, LASTS)), now)
    return at if isinstance(at, Refusal) else Proven(at)


def parse(request: Request) -> Parsed:
    if request.content_type == "application/json":  # the Event Webhook, at the same address with the same key
        told = [_told(one) for one in objects(load_json(request.body))]
        return Parsed(events=events(told, REPORTS))
    form = forms.read(request)
    envelope = load_json(form.text("envelope").encode())
    recipients = tuple(str(one) for one in objects(optional(envelope, "to", kind=list, default=[])))
    raw = form.data("email")
    mail = InboundMail(
        raw=raw if raw is not None else _rebuilt(form),
        mail_from=optional(envelope, "from", default=None),
        rcpt_to=recipients,
        vouched=_vouched(form.text("dkim", "")),
        spam=filtered.points(NAME, form.text("spam_score", "")),
    )
    return Parsed((mail,))


def _told(event: Any) -> Any:
    """A report with the one word that says what it means: not every bounce says something against the address."""
    word, reason = optional(event, "event"), optional(event, "reason").lower()
    soft = (word == "bounce" and optional(event, "type") == "blocked") or (
        word == "dropped" and not reason.startswith(("bounced", "invalid"))
    )
    return {**event, "event": "soft"} if soft else event


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


def _envelope(letter: Letter) -> str:
    return json.dumps({"to": list(letter.rcpt_to), "from": letter.mail_from})


def dress(letter: Letter) -> Request:
    return posted({"envelope": _envelope(letter), "email": letter.raw})


def _dress_parsed(letter: Letter) -> Request:
    mail = taken(letter.raw)
    about = {
        f"attachment{n}": {"filename": name, "name": name, "type": kind, "content-id": cid}
        for n, (name, kind, cid, _) in enumerate(mail.files, 1)
    }
    fields: dict[str, Field] = {
        "headers": "\n".join(f"{name}: {value}" for name, value in mail.headers),
        "from": mail.header("from"),
        "to": mail.header("to"),
        "subject": mail.header("subject"),
        "text": mail.text,
        "html": mail.html,
        "envelope": _envelope(letter),
        "charsets": json.dumps(dict.fromkeys(("to", "from", "subject", "text", "html"), "UTF-8")),
        "attachments": str(len(mail.files)),
        "attachment-info": json.dumps(about),
    }
    fields |= {f"attachment{n}": (name, kind, data) for n, (name, kind, _, data) in enumerate(mail.files, 1)}
    return posted(fields)


def sign(request: Request, signing: Signing) -> Request:
    if not isinstance(signing.key, ec.EllipticCurvePrivateKey):
        return with_password(request, signing)
    signature = signing.key.sign(signing.stamp.encode() + request.body, ec.ECDSA(hashes.SHA256()))
    return with_headers(request, (SIGNATURE, base64.b64encode(signature).decode()), (STAMP, signing.stamp))


CLOTHES = {"": dress, "parsed": _dress_parsed}
