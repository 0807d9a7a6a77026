"""Mandrill (Mailchimp Transactional) inbound: a form with a JSON list of events, each with the raw mail.

Proof: base64 HMAC-SHA1 over the webhook's exact URL and the form's names and values in the order of names
(`public_url` has to be what is registered, byte for byte). A HEAD request asks whether somebody is there. No time is
signed; a second try is known by the events' content. Unverified: what it makes of statuses besides 200.
"""

from __future__ import annotations

import hmac
from datetime import datetime

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
    utf8,
)
from inbound.webhooks.proofs import by_base64

NAME = "mandrill"
SIGNS = True
ANSWERS = Answers()
NEEDS_URL = True


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:  # noqa: ARG001 (no time is signed)
    try:
        form = forms.read(request)
    except UnreadableError as error:
        return Refusal("unauthentic", str(error))
    if form.repeated:
        return Refusal("unauthentic", "a field came twice")
    pairs = sorted((name, part.data) for name, part in form.parts.items())
    signed = request.url.encode() + b"".join(name.encode() + value for name, value in pairs)
    return by_base64(
        request.header("x-mandrill-signature"), secrets, lambda key: hmac.new(key, signed, "sha1").digest()
    )


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
                    mail_from=optional(one, "msg", "sender"),
                    rcpt_to=(member(one, "msg", "email"),),
                    spam=filtered.points(
                        NAME, optional(one, "msg", "spam_report", "score", kind=(int, float), default=None)
                    ),
                )
            )
        except UnreadableError as error:
            unread.append((repr(one).encode("utf-8", "replace"), str(error)))
    return Parsed(tuple(mails), unread=tuple(unread))
