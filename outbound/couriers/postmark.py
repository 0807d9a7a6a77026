"""Courier: Postmark's `POST /email`.

It takes no raw mail: sender, recipient, subject, text and our own headers (Message-ID with `X-PM-KeepID`, In-Reply-To,
References, Auto-Submitted) are put into its JSON as they stand in the approved bytes; date, structure and DKIM are
Postmark's. Bounces come to Postmark: point its webhook at /inbound/postmark; `Metadata` carries our Message-ID.

    code of Postmark                                             outcome
    -----------------------------------------------------------  ---------
    200, ErrorCode 0                                             sent
    10 (token), 400, 401 (sender unknown, not confirmed),        again: an operator can mend it
      405, 412, 413 (account: used up, pending, blocked)
    406 (recipient is inactive: bounced or complained there)     never, and suppressed here
    300, 402, 403, 411 (attachment) and other codes with 422     never
    100, 503 (maintenance), 429                                  again
    500 ("in most cases the message is lost")                    in doubt
"""

from __future__ import annotations

from datetime import datetime

from outbound.contracts import Again, ApprovedEmail, DeliveryResult, Never
from outbound.couriers.api import Answer, Asked, dumped, in_base64, own_headers, read_mail
from outbound.enclosures import File
from outbound.settings import CourierSettings

NAME = "postmark"
IDEMPOTENT = False
BASE = "https://api.postmarkapp.com"
_MENDED = {"10", "100", "400", "401", "405", "412", "413", "429"}
_INACTIVE = "406"


def build(settings: CourierSettings, email: ApprovedEmail, now: datetime) -> Asked | Never:  # noqa: ARG001 (no time)
    found = read_mail(email)
    if isinstance(found, Never):
        return found
    headers = {**own_headers(found), "X-PM-KeepID": "true"}
    data = {
        "From": _mailbox(found.from_name, found.from_address),
        "To": _mailbox(found.to_name, found.to_address),
        **({"Cc": ", ".join(found.copies)} if found.copies else {}),
        "Subject": found.subject,
        "TextBody": found.body,
        **({"HtmlBody": found.html} if found.html else {}),
        "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
        **({"Attachments": [_attachment(one) for one in found.files]} if found.files else {}),
        "Metadata": {"message_id": found.message_id},
        "MessageStream": settings.stream,
        "TrackOpens": False,
        "TrackLinks": "None",
    }
    key = settings.api_key.get_secret_value()
    return Asked(
        f"{settings.base_url or BASE}/email",
        dumped(data),
        {"content-type": "application/json", "accept": "application/json", "x-postmark-server-token": key},
    )


def _attachment(file: File) -> dict[str, str]:
    return {"Name": file.name, "Content": in_base64(file), "ContentType": file.content_type}


def _mailbox(name: str, address: str) -> str:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>' if name else address


def accepted(answer: Answer) -> str:
    return answer.text("MessageID") if answer.text("ErrorCode") == "0" else ""


def own_word(answer: Answer) -> DeliveryResult | None:
    code = answer.text("ErrorCode")
    if answer.status != 422 or not code:
        return None
    reason = f"postmark refused it with code {code}"
    return Again(reason=reason) if code in _MENDED else Never(reason=reason)


def says_nobody(answer: Answer) -> bool:
    return answer.status == 422 and answer.text("ErrorCode") == _INACTIVE
