"""SparkPost (Bird) relay webhooks: a JSON list of `msys.relay_message`, each with the raw mail.

It signs nothing: a password (HTTP basic), a bearer token, its own X-MessageSystems-Webhook-Token, or a secret path. An
empty `{"msys": {}}` asks whether somebody is there. Unverified: what it makes of statuses besides 200.
"""

from __future__ import annotations

from datetime import datetime

from inbound.webhooks.contract import (
    Answers,
    InboundMail,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    UnreadableError,
    from_base64,
    load_json,
    member,
    objects,
    optional,
    utf8,
)
from inbound.webhooks.proofs import by_password, same

NAME = "sparkpost"
SIGNS = False
ANSWERS = Answers()
TOKEN = "x-messagesystems-webhook-token"  # noqa: S105 (a header's name)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    token = request.header(TOKEN)
    if token is not None and not request.path_secret and request.header("authorization") is None:
        return Proven() if same(token, secrets.values) else Refusal("unauthentic", "the token is not ours")
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    mails: list[InboundMail] = []
    unread: list[tuple[bytes, str]] = []
    for one in objects(load_json(request.body)):
        relayed = optional(one, "msys", "relay_message", kind=dict, default=None)
        if relayed is None:
            continue
        try:
            text = member(relayed, "content", "email_rfc822")
            encoded = optional(relayed, "content", "email_rfc822_is_base64", kind=bool, default=False)
            mails.append(
                InboundMail(
                    raw=from_base64(text) if encoded else utf8(text),
                    mail_from=optional(relayed, "msg_from"),
                    rcpt_to=(member(relayed, "rcpt_to"),),
                )
            )
        except UnreadableError as error:
            unread.append((repr(one).encode("utf-8", "replace"), str(error)))
    return Parsed(tuple(mails), unread=tuple(unread))
