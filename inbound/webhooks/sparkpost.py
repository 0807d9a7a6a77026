"""SparkPost (Bird) relay webhooks: a JSON list of `msys.relay_message`, each with the raw mail.

It signs nothing, so that nothing covers the mail: a password (HTTP basic), a bearer token, its own
X-MessageSystems-Webhook-Token, or a secret path. An empty `{"msys": {}}` asks whether somebody is there. Unverified of
statuses:

    2xx     done
    other   again

Its reports name the return path of a mail (`msg_from`), and our Message-ID where it was given as metadata
(`rcpt_meta`). Unverified: that `msg_from` is still the one that we gave.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

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
    UnreadableError,
    from_base64,
    member,
    objects,
    optional,
    posted_json,
    utf8,
)
from inbound.webhooks.dressing import as_json, with_headers
from inbound.webhooks.proofs import by_password, same
from inbound.webhooks.reporting import Shape, events

NAME = "sparkpost"
ABOUT = About(
    means={"2xx": "done", "4xx": "again", "5xx": "again"},
    signs=False,
    covers=False,
    needs={"secret": "it signs nothing, so a password is all that proves it"},
)
ANSWERS = Answers()
REPORTS = Shape(
    kinds={
        "delivery": ("delivered", False),
        "delay": ("delayed", False),
        "bounce": ("bounced", True),
        "out_of_band": ("bounced", True),
        "policy_rejection": ("bounced", True),
        "spam_complaint": ("complained", True),
    },
    word=("type",),
    recipient=("rcpt_to",),
    message_id=("rcpt_meta", "message_id"),
    diagnostic=("raw_reason",),
    return_path=("msg_from",),
)
SOFT = frozenset({"1", "20", "21", "22", "23", "24", "25", "40", "50", "51", "52", "53", "70"})
"""Bounce classes that say nothing against the address for good."""
ANSWERED = frozenset({"60", "80", "90", "100"})
"""Bounce classes of replies by machines and people: nothing bounced."""
TOKEN = "x-messagesystems-webhook-token"  # noqa: S105 (a header's name)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    token = request.header(TOKEN)
    if token is not None and not request.path_secret and request.header("authorization") is None:
        return Proven() if same(token, secrets.values) else Refusal("unauthentic", "the token is not ours")
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    mails: list[InboundMail] = []
    unread: list[tuple[bytes, str]] = []
    found = posted_json(request)
    told = [found] if isinstance(found, dict) else objects(found)
    for one in told:
        relayed = optional(one, "msys", "relay_message", kind=dict, default=None)
        if relayed is None:
            continue
        try:
            text = member(relayed, "content", "email_rfc822")
            encoded = optional(relayed, "content", "email_rfc822_is_base64", kind=bool, default=False)
            mails.append(
                InboundMail(
                    raw=from_base64(text) if encoded else utf8(text),
                    mail_from=optional(relayed, "msg_from", default=None),
                    rcpt_to=(member(relayed, "rcpt_to"),),
                )
            )
        except UnreadableError as error:
            unread.append((repr(one).encode("utf-8", "replace"), str(error)))
    return Parsed(tuple(mails), _events(told), unread=tuple(unread))


def _events(told: Sequence[Any]) -> tuple[DeliveryEvent, ...]:
    messages = [optional(one, "msys", "message_event", kind=dict, default={}) for one in told]
    bounces = [(one, optional(one, "bounce_class")) for one in messages]
    hard = [one for one, kind in bounces if kind not in SOFT | ANSWERED]
    soft = [one for one, kind in bounces if kind in SOFT]
    return events(hard, REPORTS) + tuple(
        one.model_copy(update={"permanent": one.kind == "complained"}) for one in events(soft, REPORTS)
    )


def dress(letter: Letter) -> Request:
    content = {"email_rfc822": base64.b64encode(letter.raw).decode(), "email_rfc822_is_base64": True}
    items = [
        {"msys": {"relay_message": {"content": content, "msg_from": letter.mail_from, "rcpt_to": one}}}
        for one in letter.rcpt_to
    ]
    return as_json(items)


def sign(request: Request, signing: Signing) -> Request:
    return with_headers(request, (TOKEN, signing.secret))


CLOTHES = {"": dress}
