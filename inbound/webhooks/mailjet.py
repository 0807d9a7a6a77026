"""Mailjet's Parse API: JSON with headers and parts, without the raw mail.

It signs nothing, so that nothing covers the mail: a password (HTTP basic) or a secret path. Nothing names a mail; a
second try is known by its content. The mail is rebuilt, so its author counts as unproven. Unverified of statuses:

    2xx     done
    other   again

Its reports name a mail by an id of Mailjet's own: they are matched only where the mail was given our Message-ID as
`CustomID`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from inbound.webhooks import filtered
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
    from_base64,
    member,
    objects,
    optional,
    posted_json,
)
from inbound.webhooks.dressing import as_json, taken, with_password
from inbound.webhooks.proofs import by_password
from inbound.webhooks.rebuild import File, rebuild
from inbound.webhooks.reporting import Shape, events

NAME = "mailjet"
ABOUT = About(
    means={"2xx": "done", "4xx": "again", "5xx": "again"},
    signs=False,
    covers=False,
    needs={"secret": "it signs nothing, so a password is all that proves it"},
    raw=False,
)
ANSWERS = Answers()
REPORTS = Shape(
    kinds={
        "sent": ("delivered", False),
        "deferred": ("delayed", False),
        "bounce": ("bounced", False),
        "hard_bounce": ("bounced", True),
        "blocked": ("bounced", False),
        "spam": ("complained", True),
    },
    word=("event",),
    recipient=("email",),
    message_id=("CustomID",),
    diagnostic=("comment",),
)
"""`bounce` with `hard_bounce` is for good; one for greylisting is a delay."""
_NAMED = re.compile(r'(?:file)?name="?([^";]+)', re.IGNORECASE)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    data = posted_json(request)
    if isinstance(data, list) or (isinstance(data, dict) and "event" in data):
        return Parsed(events=events([_told(one) for one in (data if isinstance(data, list) else [data])], REPORTS))
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
        mail_from=optional(data, "Sender", default=None),
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


def _told(event: Any) -> Any:
    """A report with the one word that says what it means."""
    if optional(event, "event") != "bounce":
        return event
    if optional(event, "hard_bounce", kind=bool, default=False):
        return {**event, "event": "hard_bounce"}
    return {**event, "event": "deferred"} if optional(event, "error") == "greylisted" else event


def dress(letter: Letter) -> Request:
    mail = taken(letter.raw)
    files = {f"Attachment{n}": base64.b64encode(data).decode() for n, (*_, data) in enumerate(mail.files, 1)}
    parts = [
        {
            "ContentRef": f"Attachment{n}",
            "Headers": {
                "Content-Type": kind,
                "Content-Disposition": f'attachment; filename="{name}"',
                **({"Content-ID": f"<{cid}>"} if cid else {}),
            },
        }
        for n, (name, kind, cid, _) in enumerate(mail.files, 1)
    ]
    data = {
        "Sender": letter.mail_from,
        "Recipient": letter.rcpt_to[0],
        "Headers": dict(mail.headers),
        "Text-part": mail.text,
        "Html-part": mail.html,
        "Parts": parts,
        **files,
    }
    return as_json(data)


sign = with_password
CLOTHES = {"": dress}
