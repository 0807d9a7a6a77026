"""CloudMailin in its raw format: a form or JSON with `message`, the raw mail.

It signs nothing: a password in the URL (HTTP basic) or a secret path. Documented: 2xx is done, 5xx is tried again, and
**any 4xx bounces to the customer**: whatever is wrong on our side is a 5xx here, a wrong password too, and the one 4xx
is for a mail that is for nobody here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from inbound.webhooks import forms
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
    objects,
    optional,
    utf8,
)
from inbound.webhooks.proofs import by_password

NAME = "cloudmailin"
SIGNS = False
ANSWERS = Answers(unauthentic=503, stale=503, unreadable=503, replayed=503, not_ours=404, too_large=413)


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return by_password(request, secrets, now)


def parse(request: Request) -> Parsed:
    if request.content_type == "application/json":
        data = load_json(request.body)
        raw, envelope = utf8(optional(data, "message")), optional(data, "envelope", kind=dict, default={})
        return _mail(raw, envelope)
    form = forms.read(request)
    listed = {name: form.text(f"envelope[{name}]", "") for name in ("from", "to")}
    several = [form.text(name) for name in form.parts if name.startswith("envelope[recipients]")]
    return _mail(form.data("message") or b"", {**listed, "recipients": several})


def _mail(raw: bytes, envelope: Mapping[str, Any]) -> Parsed:
    if not raw.strip():
        raise UnreadableError("there is no `message`: set the address's format to raw")
    recipients = [str(one) for one in objects(optional(envelope, "recipients", kind=list, default=[]))]
    recipients = recipients or [optional(envelope, "to")]
    mail = InboundMail(
        raw=raw,
        mail_from=optional(envelope, "from"),
        rcpt_to=tuple(one for one in recipients if one),
    )
    return Parsed((mail,))
