"""Mailjet's Parse API: JSON with headers and parts, without the raw mail.

It signs nothing: a password (HTTP basic) or a secret path. Nothing names a mail; a second try is known by its content.
The mail is rebuilt, so its author counts as unproven. Unverified: what it makes of statuses besides 200.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from inbound.webhooks import filtered
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
    objects,
    optional,
)
from inbound.webhooks.proofs import by_password
from inbound.webhooks.rebuild import File, rebuild

NAME = "mailjet"
SIGNS = False
ANSWERS = Answers()
_NAMED = re.compile(r'(?:file)?name="?([^";]+)', re.IGNORECASE)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    data = load_json(request.body)
    headers = [
        (name, str(value))
        for name, given in member(data, "Headers", kind=dict).items()
        for value in (given if isinstance(given, list) else [given])
    ]
    files = [
        file
        for part in objects(optional(data, "Parts", kind=list, default=[]))
        if (file := _file(data, part)) is not None
    ]
    mail = InboundMail(
        raw=rebuild(headers, text=optional(data, "Text-part"), html=optional(data, "Html-part") or None, files=files),
        mail_from=optional(data, "Sender"),
        rcpt_to=(member(data, "Recipient"),),
        spam=filtered.points(NAME, optional(data, "SpamAssassinScore", kind=(str, int, float))),
    )
    return Parsed((mail,))


def _file(data: Mapping[str, Any], part: Mapping[str, Any]) -> File | None:
    reference = optional(part, "ContentRef")
    if not reference.startswith(("Attachment", "InlineAttachment")):
        return None
    about = optional(part, "Headers", kind=dict, default={})
    kind = str(about.get("Content-Type", "application/octet-stream"))
    shown = str(about.get("Content-Disposition", ""))
    named = _NAMED.search(shown) or _NAMED.search(kind)
    return File(
        data=from_base64(member(data, reference)),
        name=named[1] if named else "",
        content_type=kind,
        content_id=str(about.get("Content-ID", "")).strip("<>"),
        inline=reference.startswith("Inline"),
    )
