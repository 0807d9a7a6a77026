"""Brevo's inbound parsing: JSON `items`, headers and texts without the raw mail.

It signs nothing: a password (HTTP basic), a bearer token or a secret path. An item's first `Uuid` names it. Attachments
would have to be fetched by their DownloadToken: they are named in the mail and not fetched. The mail is rebuilt, so its
author counts as unproven. Unverified: what it makes of statuses besides 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

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
from inbound.webhooks.proofs import by_password
from inbound.webhooks.rebuild import File, rebuild

NAME = "brevo"
SIGNS = False
ANSWERS = Answers()


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    mails: list[InboundMail] = []
    unread: list[tuple[bytes, str]] = []
    for one in objects(member(load_json(request.body), "items", kind=list)):
        try:
            mails.append(_mail(one))
        except UnreadableError as error:
            unread.append((repr(one).encode("utf-8", "replace"), str(error)))
    return Parsed(tuple(mails), unread=tuple(unread))


def _mail(item: Mapping[str, Any]) -> InboundMail:
    names = member(item, "Uuid", kind=list)
    people = objects(optional(item, "Recipients", kind=list, default=[]))
    files = [
        File(b"", name=f"{optional(one, 'Name')} (left at Brevo)")
        for one in objects(optional(item, "Attachments", kind=list, default=[]))
    ]
    return InboundMail(
        raw=rebuild(
            _headers(member(item, "Headers", kind=dict)),
            text=optional(item, "RawTextBody"),
            html=optional(item, "RawHtmlBody") or None,
            files=files,
        ),
        mail_from=optional(item, "ReturnPath").strip("<>"),
        rcpt_to=tuple(str(one) if isinstance(one, str) else optional(one, "Address") for one in people),
        provider_id=str(names[0]) if names else "",
    )


def _headers(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(value)) for name, given in found.items() for value in (given if isinstance(given, list) else [given])
    ]
