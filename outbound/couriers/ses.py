"""Courier: Amazon SES, `POST /v2/email/outbound-emails` of its API version 2.

It takes the approved bytes as they are; SES sets Message-ID and Date anew (documented), so that bounces are matched by
the return path: a feedback address that is our own. `courier.region` is needed, `api_key` is `ACCESS_KEY_ID:SECRET`.
Each request is signed (AWS Signature Version 4).

    x-amzn-errortype                                                       outcome
    ---------------------------------------------------------------------  ---------
    200 with a MessageId                                                   sent
    TooManyRequests, LimitExceeded, AccountSuspended, SendingPaused,       again
      MailFromDomainNotVerified, NotFound, 403 (key, signature, rights)
    MessageRejected because an identity is not verified                    again: an operator can mend it
    MessageRejected for its content, BadRequest                            never
    503                                                                    again
    500 and other 5xx                                                      in doubt
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from urllib.parse import urlsplit

from outbound.contracts import Again, ApprovedEmail, DeliveryResult, Never
from outbound.couriers.api import Answer, Asked, dumped
from outbound.settings import CourierSettings

NAME = "ses"
IDEMPOTENT = False
PATH = "/v2/email/outbound-emails"
_AGAIN = {
    "TooManyRequestsException",
    "LimitExceededException",
    "AccountSuspendedException",
    "SendingPausedException",
    "MailFromDomainNotVerifiedException",
    "NotFoundException",
    "ThrottlingException",
}
_NEVER = {"MessageRejected", "BadRequestException"}


def build(settings: CourierSettings, email: ApprovedEmail, now: datetime) -> Asked | Never:
    base = settings.base_url or f"https://email.{settings.region}.amazonaws.com"
    data = {
        "FromEmailAddress": email.sender,
        "FeedbackForwardingEmailAddress": email.return_path,
        "Destination": {"ToAddresses": list(email.to_serve)},
        "Content": {"Raw": {"Data": base64.b64encode(email.raw).decode("ascii")}},
    }
    body = dumped(data)
    access, _, secret = settings.api_key.get_secret_value().partition(":")
    headers = {"content-type": "application/json", "host": urlsplit(base).netloc}
    return Asked(f"{base}{PATH}", body, signed("POST", PATH, headers, body, access, secret, settings.region, now))


def signed(
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    access: str,
    secret: str,
    region: str,
    now: datetime,
    *,
    service: str = "ses",
    query: str = "",
) -> dict[str, str]:
    """The headers with `x-amz-date` and `authorization`; all that are given are signed (names in lower case)."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    every = dict(sorted({**headers, "x-amz-date": stamp}.items()))
    names = ";".join(every)
    lines = "".join(f"{name}:{value.strip()}\n" for name, value in every.items())
    request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    proof = hmac.new(key, text.encode(), "sha256").hexdigest()
    said = f"AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={names}, Signature={proof}"
    return {**every, "authorization": said}


def accepted(answer: Answer) -> str:
    return answer.text("MessageId")


def own_word(answer: Answer) -> DeliveryResult | None:
    kind = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
    reason = f"ses answered {answer.status} {kind[:60]}"
    unverified = kind == "MessageRejected" and "not verified" in answer.text("message") + answer.text("Message")
    if kind in _AGAIN or unverified:
        return Again(reason=reason)
    return Never(reason=reason) if kind in _NEVER else None


def says_nobody(answer: Answer) -> bool:  # noqa: ARG001 (what it knows of addresses comes as an event)
    return False
