"""Mailgun routes (`forward()`): a form, parsed, or raw where the URL's path ends in `mime`.

Its signature is an HMAC over timestamp and token alone. It does not cover the mail: a token that was seen with one body
is refused with another, and with the same one brings nothing new. Whether each try has a time of its own is unverified,
so a time may be as old as the tries last: what is remembered keeps replays out, not the window. Documented: 200 ends
the tries, 406 does too, all else is tried again for eight hours (after 10 minutes, 10, 15, 30 minutes, 1, 2, 4 hours).
Register `.../inbound/mailgun/mime`: only raw mail keeps the sender's DKIM signatures.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from inbound.contracts import SpamWord
from inbound.header_block import split
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
    member,
    objects,
    optional,
)
from inbound.webhooks.forms import Form
from inbound.webhooks.proofs import by_hex, in_time
from inbound.webhooks.rebuild import File, rebuild
from inbound.webhooks.reporting import Shape, events

NAME = "mailgun"
SIGNS = True
ANSWERS = Answers(not_ours=406, unreadable=406)  # 406: never tried again; what is broken stays so
TRIES = timedelta(hours=12)
SPAM_FIELDS = ("x-mailgun-sflag", "x-mailgun-sscore")
REPORTS = Shape(
    kinds={
        "delivered": ("delivered", False),
        "permanent": ("bounced", True),
        "temporary": ("delayed", False),
        "complained": ("complained", True),
    },
    word=("severity",),
    recipient=("recipient",),
    message_id=("message", "headers", "message-id"),
    diagnostic=("delivery-status", "message"),
)
"""`failed` has its `severity`; what has none is its own word."""


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    try:
        stamp, token, signature = _signature(request)
    except UnreadableError as error:
        return Refusal("unauthentic", str(error))
    found = by_hex(signature, f"{stamp}{token}".encode(), secrets)
    if isinstance(found, Refusal):
        return found
    at = in_time(stamp, replace(secrets, window=max(secrets.window, TRIES)), now)
    return at if isinstance(at, Refusal) else Proven(at)


def _signature(request: Request) -> tuple[str, str, str]:
    """Time, token and proof: fields of a route's form, a member of an event's JSON."""
    names = ("timestamp", "token", "signature")
    if request.content_type == "application/json":
        data = load_json(request.body)
        stamp, token, signature = (member(data, "signature", name) for name in names)
    else:
        form = forms.read(request)
        stamp, token, signature = (form.text(name) for name in names)
    return stamp, token, signature


def parse(request: Request) -> Parsed:
    if request.content_type == "application/json":
        data = member(load_json(request.body), "event-data", kind=dict)
        return Parsed(
            events=events([{**data, "severity": optional(data, "severity") or optional(data, "event")}], REPORTS)
        )
    form = forms.read(request)
    raw = form.data("body-mime")
    recipients = tuple(one.strip() for one in form.text("recipient").split(",") if one.strip())
    token = form.text("token")
    mail = InboundMail(
        raw=raw if raw is not None else _rebuilt(form),
        mail_from=form.text("sender", ""),
        rcpt_to=recipients,
        provider_id=token,
        bound=token,
        spam=_spam(form, raw),
    )
    return Parsed((mail,))


def _spam(form: Form, raw: bytes | None) -> tuple[SpamWord, ...]:
    """Fields that Mailgun adds where its domain's filter marks spam: fields of the form too, or of the mail alone."""
    # A field that came twice (the sender wrote one too) is still read: the first of them, whatever it says.
    parts = ((name, part) for name, part in form.parts.items() if name.lower() in SPAM_FIELDS)
    given = [(name, part.data.decode("utf-8", "replace")) for name, part in parts]
    given += [(one.name, one.text) for one in split(raw).fields] if raw is not None else []
    return filtered.fields(NAME, given, flag=SPAM_FIELDS[0], score=SPAM_FIELDS[1])


def _rebuilt(form: Form) -> bytes:
    pairs = objects(load_json(form.text("message-headers").encode()))
    headers = [(str(one[0]), str(one[1])) for one in pairs if isinstance(one, list) and len(one) == 2]
    content_ids = _content_ids(form)
    files = [
        File(part.data, part.filename or "", part.content_type or "application/octet-stream", content_ids.get(name, ""))
        for name, part in form.files
    ]
    html = form.text("body-html", "") or None
    return rebuild(headers, text=form.text("body-plain", ""), html=html, files=files)


def _content_ids(form: Form) -> dict[str, str]:
    """Field name -> Content-ID; the form says it the other way round (`<cid>` -> field)."""
    known = form.text("content-id-map", "")
    found = load_json(known.encode()) if known else {}
    return {str(name): str(cid).strip("<>") for cid, name in found.items()} if isinstance(found, dict) else {}
