"""Courier: Resend's `POST /emails`.

It takes no raw mail: sender, recipient, subject, text and our own headers are put into its JSON as they stand in the
approved bytes; date, structure and DKIM are Resend's. `Idempotency-Key` is the action's id: within 24 hours a copy of a
request is not a second mail, so that a doubt is tried again (see `api.SURE`).

    answer                                                       outcome
    -----------------------------------------------------------  ---------
    200 with an id                                               sent
    409 concurrent_idempotent_requests                           again
    409 invalid_idempotent_request (same key, another mail)      in doubt
    401, 403, 404, 429 (rate, daily or monthly quota)            again
    400 with "API key is invalid"                                again: an operator can mend it
    400, 422 and other 4xx                                       never
    5xx, and a doubt while the key is known                      again
"""

from __future__ import annotations

from datetime import datetime

from outbound.contracts import Again, ApprovedEmail, DeliveryResult, InDoubt, Never
from outbound.couriers.api import Answer, Asked, dumped, in_base64, own_headers, read_mail
from outbound.enclosures import File
from outbound.settings import CourierSettings

NAME = "resend"
IDEMPOTENT = True
BASE = "https://api.resend.com"


def build(settings: CourierSettings, email: ApprovedEmail, now: datetime) -> Asked | Never:  # noqa: ARG001 (no time)
    found = read_mail(email)
    if isinstance(found, Never):
        return found
    data = {
        "from": _mailbox(found.from_name, found.from_address),
        "to": [found.to_address],
        **({"cc": list(found.copies)} if found.copies else {}),
        "subject": found.subject,
        "text": found.body,
        **({"html": found.html} if found.html else {}),
        **({"attachments": [_attachment(one) for one in found.files]} if found.files else {}),
        "headers": own_headers(found),
    }
    key = settings.api_key.get_secret_value()
    return Asked(
        f"{settings.base_url or BASE}/emails",
        dumped(data),
        {"content-type": "application/json", "authorization": f"Bearer {key}", "idempotency-key": email.message_id},
    )


def _attachment(file: File) -> dict[str, str]:
    return {"filename": file.name, "content": in_base64(file), "content_type": file.content_type}


def _mailbox(name: str, address: str) -> str:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>' if name else address


def accepted(answer: Answer) -> str:
    return answer.text("id")


def own_word(answer: Answer) -> DeliveryResult | None:
    if answer.status == 400 and "API key" in answer.text("message"):
        return Again(reason="resend does not know courier.api_key")
    if answer.status != 409:
        return None
    if answer.text("name") == "concurrent_idempotent_requests":
        return Again(reason="resend has the same request in hand")
    return InDoubt(reason="resend knows this mail's key with another content")


def says_nobody(answer: Answer) -> bool:  # noqa: ARG001 (what it knows of addresses comes as an event)
    return False
