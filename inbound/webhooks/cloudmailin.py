"""CloudMailin in its raw format: a form or JSON with `message`, the raw mail.

It signs nothing, so that nothing covers the mail: a password in the URL (HTTP basic) or a secret path. Documented:

    2xx     done
    4xx     **bounces to the customer**: so only for a mail that is for nobody here, or larger than we take
    5xx     again: whatever is wrong on our side, a wrong password too

What it reports of mail that left could not be confirmed, and is not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from inbound.webhooks import forms
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
    UnreadableError,
    load_json,
    objects,
    optional,
    utf8,
)
from inbound.webhooks.dressing import Field, posted, with_password
from inbound.webhooks.proofs import by_password

NAME = "cloudmailin"
ABOUT = About(
    means={"2xx": "done", "4xx": "bounces", "5xx": "again"},
    signs=False,
    covers=False,
    reports=False,
    needs={"secret": "it signs nothing, so a password is all that proves it"},
)
ANSWERS = Answers(unauthentic=503, stale=503, unreadable=503, replayed=503)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    if request.content_type == "application/json":
        data = load_json(request.body)
        raw, envelope = utf8(optional(data, "message")), optional(data, "envelope", kind=dict, default={})
        return _mail(raw, envelope)
    form = forms.read(request)
    listed = {name: form.text(f"envelope[{name}]") for name in ("from", "to") if f"envelope[{name}]" in form.parts}
    several = [form.text(name) for name in form.parts if name.startswith("envelope[recipients]")]
    return _mail(form.data("message") or b"", {**listed, "recipients": several})


def _mail(raw: bytes, envelope: Mapping[str, Any]) -> Parsed:
    if not raw.strip():
        raise UnreadableError("there is no `message`: set the address's format to raw")
    recipients = [str(one) for one in objects(optional(envelope, "recipients", kind=list, default=[]))]
    recipients = recipients or [optional(envelope, "to")]
    mail = InboundMail(
        raw=raw,
        mail_from=optional(envelope, "from", default=None),
        rcpt_to=tuple(one for one in recipients if one),
    )
    return Parsed((mail,))


def dress(letter: Letter) -> Request:
    fields: dict[str, Field] = {
        "message": letter.raw,
        "envelope[from]": letter.mail_from,
        "envelope[to]": letter.rcpt_to[0],
    }
    fields |= {f"envelope[recipients][{n}]": one for n, one in enumerate(letter.rcpt_to)}
    return posted(fields)


sign = with_password
CLOTHES = {"": dress}
