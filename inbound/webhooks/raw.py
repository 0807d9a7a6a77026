"""A whole mail as the body (`message/rfc822`), signed as Standard Webhooks: from an Email Worker or a script.

The envelope stands in the query, signed by nothing but known to the sender's own program: `?from=...&to=...&to=...`.
Derive the webhook's id from the mail (a hash of it), so that a second try has the same one. Any 2xx is done; 5xx: try
again; anything else: do not.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from inbound.webhooks.contract import (
    Answers,
    InboundMail,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    UnreadableError,
)
from inbound.webhooks.proofs import standard

NAME = "raw"
SIGNS = True
ANSWERS = Answers()


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    return standard(request, secrets, now)


def parse(request: Request) -> Parsed:
    if request.content_type not in {"message/rfc822", "application/octet-stream"}:
        raise UnreadableError("the content type is to be message/rfc822")
    if not request.body.strip():
        raise UnreadableError("there is no mail in the body")
    # The query is not signed: bound to the id, another envelope with the same signature is another body.
    envelope = tuple(pair for pair in request.query if pair[0] in {"from", "to"})
    webhook_id = request.header("webhook-id") or request.header("svix-id") or ""
    return Parsed(
        (
            InboundMail(
                raw=request.body,
                mail_from=next((value for name, value in envelope if name == "from"), ""),
                rcpt_to=tuple(value for name, value in envelope if name == "to"),
                provider_id=webhook_id,
                bound=hashlib.sha256(f"{webhook_id}".encode()).hexdigest(),
            ),
        )
    )
