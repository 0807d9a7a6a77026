"""Courier: Mailgun's `POST /v3/DOMAIN/messages.mime`.

It takes the approved bytes as they are, with our Message-ID and signatures; Mailgun adds its own signature, and its own
return path. All recipients stand in `to` (documented). `courier.domain` is the sending domain; set `base_url` to
https://api.eu.mailgun.net in the EU.

    answer                                   outcome
    ---------------------------------------  ---------
    200 with an id                           sent
    401, 403, 404 (key, domain), 429         again
    400, 413 and other 4xx                   never
    503                                      again
    500 and other 5xx                        in doubt
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime

from outbound.contracts import ApprovedEmail, DeliveryResult, Never
from outbound.couriers.api import Answer, Asked
from outbound.settings import CourierSettings

NAME = "mailgun"
IDEMPOTENT = False
BASE = "https://api.mailgun.net"


def build(settings: CourierSettings, email: ApprovedEmail, now: datetime) -> Asked | Never:  # noqa: ARG001 (no time)
    mark = "postroom-" + hashlib.sha256(email.raw).hexdigest()
    fields = {"to": ",".join(email.to_serve), "o:tracking": "no"}
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts.append(
        f'--{mark}\r\nContent-Disposition: form-data; name="message"; filename="message.mime"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + email.raw
        + b"\r\n"
    )
    key = base64.b64encode(f"api:{settings.api_key.get_secret_value()}".encode()).decode("ascii")
    return Asked(
        f"{settings.base_url or BASE}/v3/{settings.domain}/messages.mime",
        b"".join(parts) + f"--{mark}--\r\n".encode(),
        {"content-type": f"multipart/form-data; boundary={mark}", "authorization": f"Basic {key}"},
    )


def accepted(answer: Answer) -> str:
    return answer.text("id")


def own_word(answer: Answer) -> DeliveryResult | None:  # noqa: ARG001 (it documents no codes beside the status)
    return None


def says_nobody(answer: Answer) -> bool:  # noqa: ARG001 (what it knows of addresses comes as an event)
    return False
