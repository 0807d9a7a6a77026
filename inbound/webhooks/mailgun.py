"""Mailgun routes (`forward()`): a form, parsed, or raw where the URL's path ends in `mime`.

Its signature is an HMAC over timestamp and token alone. It does not cover the mail: a token that was seen with one body
is refused with another, and with the same one brings nothing new. Whether each try has a time of its own is unverified,
so a time may be as old as the tries last: what is remembered keeps replays out, not the window. Documented:

    200     done
    406     never again
    other   again for eight hours: after 10 minutes, 10, 15, 30 minutes, 1, 2, 4 hours

Register `.../inbound/mailgun/mime`: only raw mail keeps the sender's DKIM signatures.
"""

from __future__ import annotations

import json
import secrets as chance
from dataclasses import replace
from datetime import datetime, timedelta

from inbound.contracts import SpamWord
from inbound.header_block import split
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
    member,
    objects,
    optional,
)
from inbound.webhooks.dressing import Field, posted, taken, with_fields
from inbound.webhooks.forms import Form
from inbound.webhooks.proofs import by_hex, hexdigits, in_time
from inbound.webhooks.rebuild import File, rebuild
from inbound.webhooks.reporting import Shape, events

NAME = "mailgun"
LASTS = timedelta(hours=12)
ABOUT = About(
    means={"2xx": "done", "406": "never", "4xx": "again", "5xx": "again"},
    covers=False,
    lasts=LASTS,
    needs={"secret": "it proves who posts"},
)
ANSWERS = Answers(not_ours=406)
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
    return_path=("envelope", "sender"),
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
    at = in_time(stamp, replace(secrets, window=max(secrets.window, LASTS)), now)
    return at if isinstance(at, Refusal) else Proven(at)


def _signature(request: Request) -> tuple[str, str, str]:
    """Time, token and proof: fields of a route's form, a member of an event's JSON."""
    names = ("timestamp", "token", "signature")
    if request.content_type == "application/json":
        data = load_json(request.body, once=True)
        stamp, token, signature = (member(data, "signature", name) for name in names)
    else:
        form = forms.read(request)
        stamp, token, signature = (form.text(name) for name in names)
    return stamp, token, signature


def parse(request: Request) -> Parsed:
    if request.content_type == "application/json":
        data = member(load_json(request.body, once=True), "event-data", kind=dict)
        return Parsed(
            events=events([{**data, "severity": optional(data, "severity") or optional(data, "event")}], REPORTS)
        )
    form = forms.read(request)
    raw = form.data("body-mime")
    recipients = tuple(one.strip() for one in form.text("recipient").split(",") if one.strip())
    token = form.text("token")
    mail = InboundMail(
        raw=raw if raw is not None else _rebuilt(form),
        mail_from=form.text("sender") if "sender" in form.parts else None,
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


def dress(letter: Letter) -> Request:
    return posted({"recipient": ",".join(letter.rcpt_to), "sender": letter.mail_from, "body-mime": letter.raw})


def _dress_parsed(letter: Letter) -> Request:
    mail = taken(letter.raw)
    fields: dict[str, Field] = {
        "recipient": ",".join(letter.rcpt_to),
        "sender": letter.mail_from,
        "from": mail.header("from"),
        "subject": mail.header("subject"),
        "message-headers": json.dumps([list(one) for one in mail.headers]),
        "body-plain": mail.text,
        "body-html": mail.html,
        "attachment-count": str(len(mail.files)),
        "content-id-map": json.dumps({f"<{f[2]}>": f"attachment-{n}" for n, f in enumerate(mail.files, 1) if f[2]}),
    }
    fields |= {f"attachment-{n}": (name, kind, data) for n, (name, kind, _, data) in enumerate(mail.files, 1)}
    return posted(fields)


def sign(request: Request, signing: Signing) -> Request:
    token = chance.token_hex(25)
    signature = hexdigits(signing.secret, f"{signing.stamp}{token}".encode())
    proof = {"timestamp": signing.stamp, "token": token, "signature": signature}
    if request.content_type == "application/json":
        return replace(request, body=json.dumps({**load_json(request.body), "signature": proof}).encode())
    return with_fields(request, proof)


CLOTHES = {"": dress, "parsed": _dress_parsed}
