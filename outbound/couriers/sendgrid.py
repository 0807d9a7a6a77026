"""Courier: Twilio SendGrid's `POST /v3/mail/send`.

It takes no raw mail: sender, recipient, subject, text and our own headers are put into its JSON as they stand in the
approved bytes; date, structure and DKIM are SendGrid's. Unverified: that it keeps a Message-ID of ours.

    answer                          outcome
    ------------------------------  ---------
    202                             sent (X-Message-Id)
    200 (sandbox: nothing leaves)   never
    401, 403, 404, 429              again
    451 (data residency)            again: an operator can mend it (`base_url`)
    400, 413 and other 4xx          never
    503                             again
    500 and other 5xx               in doubt
"""

from __future__ import annotations

from datetime import datetime

from outbound.contracts import Again, ApprovedEmail, DeliveryResult, Never
from outbound.couriers.api import Answer, Asked, dumped, in_base64, own_headers, read_mail
from outbound.enclosures import File
from outbound.inspection import Inspected
from outbound.settings import CourierSettings

NAME = "sendgrid"
IDEMPOTENT = False
BASE = "https://api.sendgrid.com"


def build(settings: CourierSettings, email: ApprovedEmail, now: datetime) -> Asked | Never:  # noqa: ARG001 (no time)
    found = read_mail(email)
    if isinstance(found, Never):
        return found
    said_as = (("text/plain", found.body), ("text/html", found.html))
    data = {
        "personalizations": [{"to": [_mailbox(found.to_name, found.to_address)], **_copies(found)}],
        "from": _mailbox(found.from_name, found.from_address),
        "subject": found.subject or " ",
        "content": [{"type": kind, "value": said} for kind, said in said_as if said],
        **({"attachments": [_attachment(one) for one in found.files]} if found.files else {}),
        "headers": own_headers(found),
        "custom_args": {"message_id": found.message_id},
        "tracking_settings": {"click_tracking": {"enable": False}, "open_tracking": {"enable": False}},
    }
    key = settings.api_key.get_secret_value()
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    return Asked(f"{settings.base_url or BASE}/v3/mail/send", dumped(data), headers)


def _copies(found: Inspected) -> dict[str, list[dict[str, str]]]:
    return {"cc": [{"email": one} for one in found.copies]} if found.copies else {}


def _attachment(file: File) -> dict[str, str]:
    return {
        "content": in_base64(file),
        "type": file.content_type,
        "filename": file.name,
        "disposition": "attachment",
    }


def _mailbox(name: str, address: str) -> dict[str, str]:
    return {"email": address, **({"name": name} if name else {})}


def accepted(answer: Answer) -> str:
    """202 says no more than that; its header names the mail."""
    return answer.headers.get("x-message-id", "accepted") if answer.status == 202 else ""


def own_word(answer: Answer) -> DeliveryResult | None:
    if answer.status == 451:
        return Again(reason="sendgrid keeps this account in another region: look at courier.base_url")
    return Never(reason="sendgrid is in sandbox mode: nothing leaves") if answer.status == 200 else None


def says_nobody(answer: Answer) -> bool:  # noqa: ARG001 (what it knows of addresses comes as an event)
    return False
