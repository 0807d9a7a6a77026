"""A whole mail as the body (`message/rfc822`), signed as Standard Webhooks: from an Email Worker or a script.

The envelope stands in the query, signed by nothing but known to the sender's own program: `?from=...&to=...&to=...`.
Derive the webhook's id from the mail with its envelope (a hash of them), so that a second try has the same one and the
same mail to another recipient, which comes in a request of its own, has not. What a caller is to make of a status:

    2xx     done
    404     never, where it says `not ours`: for nobody here; another one is a wrong URL
    other   again, and somebody should look: another secret, a wrong clock, no mail in the body
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

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
    Signing,
    UnreadableError,
)
from inbound.webhooks.dressing import with_headers
from inbound.webhooks.proofs import standard, standard_headers

NAME = "raw"
ABOUT = About(
    means={"2xx": "done", "404": "never", "4xx": "again", "5xx": "again"},
    needs={"secret": "it proves who posts"},
    lasts=timedelta(minutes=5),
    standard=True,
    reports=False,
)
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
                mail_from=next((value for name, value in envelope if name == "from"), None),
                rcpt_to=tuple(value for name, value in envelope if name == "to"),
                provider_id=webhook_id,
                bound=hashlib.sha256(f"{webhook_id}".encode()).hexdigest(),
            ),
        )
    )


def dress(letter: Letter) -> Request:
    query = (("from", letter.mail_from), *(("to", one) for one in letter.rcpt_to))
    return Request(letter.raw, (("content-type", "message/rfc822"),), query=query)


def sign(request: Request, signing: Signing) -> Request:
    envelope = "".join(f"{value}\n" for _, value in request.query).encode()
    name = "msg_" + hashlib.sha256(envelope + request.body).hexdigest()[:24]
    return with_headers(request, *standard_headers("webhook", name, request.body, signing))


CLOTHES = {"": dress}
