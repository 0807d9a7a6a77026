"""Brevo's inbound parsing: JSON `items`, headers and texts without the raw mail.

It signs nothing, so that nothing covers the mail: a password (HTTP basic), a bearer token or a secret path. An item's
first `Uuid` names it. Attachments are fetched by their DownloadToken where `api_key` is set; else they are named in the
mail and stay there. The mail is rebuilt, so its author counts as unproven. Unverified of statuses:

    2xx     done
    other   again
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from inbound.webhooks.contract import (
    About,
    Answers,
    Fetch,
    InboundMail,
    Letter,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    UnreadableError,
    member,
    objects,
    optional,
    posted_json,
)
from inbound.webhooks.dressing import as_json, taken, with_password
from inbound.webhooks.proofs import by_password
from inbound.webhooks.rebuild import File, rebuild
from inbound.webhooks.reporting import Shape, events

NAME = "brevo"
ABOUT = About(
    means={"2xx": "done", "4xx": "again", "5xx": "again"},
    signs=False,
    covers=False,
    needs={"secret": "it signs nothing, so a password is all that proves it"},
    raw=False,
    files=False,
)
ANSWERS = Answers()
API = "https://api.brevo.com/v3/inbound/attachments"
HOSTS = ("api.brevo.com",)
_TOKEN = re.compile(r"[A-Za-z0-9._~=-]{1,2000}")
REPORTS = Shape(
    kinds={
        "delivered": ("delivered", False),
        "deferred": ("delayed", False),
        "soft_bounce": ("bounced", False),
        "hard_bounce": ("bounced", True),
        "invalid_email": ("bounced", True),
        "blocked": ("bounced", True),
        "spam": ("complained", True),
    },
    word=("event",),
    recipient=("email",),
    message_id=("message-id",),
    diagnostic=("reason",),
)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    data = posted_json(request)
    if isinstance(data, Mapping) and "event" in data:
        return Parsed(events=events([data], REPORTS))
    mails: list[InboundMail] = []
    unread: list[tuple[bytes, str]] = []
    for one in objects(member(data, "items", kind=list)):
        try:
            mails.append(_mail(one))
        except UnreadableError as error:
            unread.append((repr(one).encode("utf-8", "replace"), str(error)))
    return Parsed(tuple(mails), unread=tuple(unread))


def _mail(item: Mapping[str, Any]) -> InboundMail:
    names = member(item, "Uuid", kind=list)
    people = objects(optional(item, "Recipients", kind=list, default=[]))
    attached = objects(optional(item, "Attachments", kind=list, default=[]))

    def built(contents: Sequence[bytes]) -> bytes:
        """The same without them: named, and left where they are."""
        return rebuild(
            _headers(member(item, "Headers", kind=dict)),
            text=optional(item, "RawTextBody"),
            html=optional(item, "RawHtmlBody") or None,
            files=[_file(one, contents[n] if contents else None) for n, one in enumerate(attached)],
        )

    return InboundMail(
        raw=built(()),
        pieces=tuple(_place(one) for one in attached),
        built=built,
        mail_from=optional(item, "ReturnPath").strip("<>") if "ReturnPath" in item else None,
        rcpt_to=tuple(str(one) if isinstance(one, str) else optional(one, "Address") for one in people),
        provider_id=str(names[0]) if names else "",
    )


def _place(attached: Any) -> Fetch:
    token = member(attached, "DownloadToken")
    if not _TOKEN.fullmatch(token):
        raise UnreadableError("a DownloadToken is none")
    return Fetch(f"{API}/{token}", HOSTS, header="api-key", api=API)


def _file(attached: Any, data: bytes | None) -> File:
    name, kind = optional(attached, "Name"), optional(attached, "ContentType") or "application/octet-stream"
    if data is None:
        return File(b"", name=f"{name} (left at Brevo)")
    return File(data, name=name, content_type=kind, content_id=optional(attached, "ContentID").strip("<>"))


def _headers(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(value)) for name, given in found.items() for value in (given if isinstance(given, list) else [given])
    ]


def dress(letter: Letter) -> Request:
    mail = taken(letter.raw)
    item = {
        "Uuid": [hashlib.sha256(letter.raw).hexdigest()[:32]],
        "Recipients": list(letter.rcpt_to),
        "ReturnPath": letter.mail_from,
        "Headers": dict(mail.headers),
        "RawTextBody": mail.text,
        "RawHtmlBody": mail.html,
        "Attachments": [{"Name": name, "ContentType": kind, "DownloadToken": "t"} for name, kind, _, _ in mail.files],
    }
    return as_json({"items": [item]})


sign = with_password
CLOTHES = {"": dress}
