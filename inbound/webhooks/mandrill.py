"""Mandrill (Mailchimp Transactional) inbound: a form with a JSON list of events, each with the raw mail.

Proof: base64 HMAC-SHA1 over the webhook's exact URL and the form's names and values in the order of names
(`public_url` has to be what is registered, byte for byte). A HEAD request asks whether somebody is there. No time is
signed; a second try is known by the events' content. Unverified of statuses:

    2xx     done
    other   again

Its reports name a mail by an id of Mandrill's own: they are matched where the mail was given `metadata` with our
Message-ID as `message_id` only.
"""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode

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
    utf8,
)
from inbound.webhooks.dressing import as_text, with_headers
from inbound.webhooks.proofs import by_base64
from inbound.webhooks.reporting import Shape, events

NAME = "mandrill"
ABOUT = About(
    means={"2xx": "done", "4xx": "again", "5xx": "again"},
    needs={"secret": "it proves who posts", "public_url": "it signs the URL as it is registered"},
)
ANSWERS = Answers()
REPORTS = Shape(
    kinds={
        "deferral": ("delayed", False),
        "delivered": ("delivered", False),
        "soft_bounce": ("bounced", False),
        "hard_bounce": ("bounced", True),
        "reject": ("bounced", True),
        "spam": ("complained", True),
    },
    word=("event",),
    recipient=("msg", "email"),
    message_id=("msg", "metadata", "message_id"),
    diagnostic=("msg", "diag"),
)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:  # noqa: ARG001 (no time is signed)
    try:
        signed = _signed(request)
    except UnreadableError as error:
        return Refusal("unauthentic", str(error))
    return by_base64(
        request.header("x-mandrill-signature"), secrets, lambda key: hmac.new(key, signed, "sha1").digest()
    )


def _signed(request: Request) -> bytes:
    """The URL, and the form's names and values in the order of names."""
    form = forms.read(request)
    if form.repeated:
        raise UnreadableError("a field came twice")
    pairs = sorted((name, part.data) for name, part in form.parts.items())
    return request.url.encode() + b"".join(name.encode() + value for name, value in pairs)


def parse(request: Request) -> Parsed:
    found = objects(load_json(forms.read(request).text("mandrill_events").encode()))
    mails: list[InboundMail] = []
    unread: list[tuple[bytes, str]] = []
    for one in found:
        if optional(one, "event") != "inbound":
            continue
        try:
            mails.append(
                InboundMail(
                    raw=utf8(member(one, "msg", "raw_msg")),
                    mail_from=optional(one, "msg", "sender") or None,  # of mail that comes in it is mostly empty
                    rcpt_to=(member(one, "msg", "email"),),
                    spam=filtered.points(
                        NAME, optional(one, "msg", "spam_report", "score", kind=(int, float), default=None)
                    ),
                )
            )
        except UnreadableError as error:
            unread.append((repr(one).encode("utf-8", "replace"), str(error)))
    return Parsed(tuple(mails), events(found, REPORTS), unread=tuple(unread))


def dress(letter: Letter) -> Request:
    text = as_text(letter.raw)
    told = [
        {"event": "inbound", "msg": {"raw_msg": text, "email": one, "sender": letter.mail_from}}
        for one in letter.rcpt_to
    ]
    kind = ("content-type", "application/x-www-form-urlencoded")
    return Request(urlencode({"mandrill_events": json.dumps(told)}).encode(), (kind,))


def sign(request: Request, signing: Signing) -> Request:
    """Of a form: the URL has to be the one that is posted to."""
    signature = hmac.new(signing.secret.encode(), _signed(replace(request, url=signing.url)), "sha1").digest()
    proof = ("x-mandrill-signature", base64.b64encode(signature).decode())
    return replace(with_headers(request, proof), url=signing.url)


CLOTHES = {"": dress}
