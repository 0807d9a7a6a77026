"""Amazon SES receipt rules through SNS: the mail stands in the notification, or in S3 where the rule stores it there.

Proof: SNS signs with RSA (SignatureVersion 2: SHA-256; 1: SHA-1) by a certificate that it serves from
`https://sns.REGION.amazonaws.com`; any other place is refused before it is asked. Such a signature proves that some
AWS user's topic sent this: `topics` names ours, and no other is believed. The subscription of a named topic is
confirmed by itself. Documented: anything but 2xx within 15 seconds is tried again, by default for about a minute only:
give the subscription a retry policy of its own or a dead letter queue. SES puts at most 150 KB into a notification
(unverified); larger mail needs a rule that stores it in S3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from inbound.contracts import DeliveryEvent
from inbound.webhooks import filtered
from inbound.webhooks.contract import (
    Answers,
    Fetch,
    InboundMail,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    UnreadableError,
    from_base64,
    load_json,
    member,
    objects,
    optional,
    utf8,
)
from inbound.webhooks.proofs import rsa_holds, within

NAME = "ses"
SIGNS = True
ANSWERS = Answers(unauthentic=403, stale=403)
HOST = re.compile(r"sns\.[a-z0-9-]{1,30}\.amazonaws\.com(?:\.cn)?")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}


def needs(request: Request) -> Fetch | Refusal:
    """The certificate that `verify` has to see as `secrets.public_key`; from Amazon's own host or not at all."""
    try:
        url = member(load_json(request.body), "SigningCertURL")
    except UnreadableError as error:
        return Refusal("unauthentic", str(error))
    return Fetch(url, (urlsplit(url).hostname or "",)) if _is_amazons(url) else Refusal("unauthentic", "not SNS's host")


def _is_amazons(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    sound = parts.scheme == "https" and port in {None, 443} and not parts.username and url.isascii()
    return sound and HOST.fullmatch(parts.hostname or "") is not None


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    try:
        data = load_json(request.body)
        kind, topic = member(data, "Type"), member(data, "TopicArn")
        signed = _signed(data, _SIGNED.get(kind, ()))
        at = _instant(member(data, "Timestamp"))
        version = optional(data, "SignatureVersion")
        signature = member(data, "Signature")
    except UnreadableError as error:
        return Refusal("unauthentic", str(error))
    if kind not in _SIGNED or version not in _HASHES:
        return Refusal("unauthentic", "no kind or version of a notification that SNS documents")
    key = _key(secrets.public_key, now)
    if key is None or not rsa_holds(key, signature, signed, _HASHES[version]()):
        return Refusal("unauthentic", "the signature does not fit")
    if topic not in secrets.topics:
        return Refusal("unauthentic", f"the topic {topic[:200]} is not one of ours")
    # A notification keeps its time over all tries, which SNS can go on with for long: replay is by its id.
    late = within(at, Secrets(secrets.values, window=max(secrets.window, TRIES)), now)
    return late if isinstance(late, Refusal) else Proven(at)


TRIES = Secrets(()).window * 12 * 24
"""A day: for as long a delivery policy may go on."""


def _signed(data: Mapping[str, Any], names: tuple[str, ...]) -> bytes:
    lines = [
        f"{name}\n{member(data, name)}\n" for name in names if name != "Subject" or data.get("Subject") is not None
    ]
    return "".join(lines).encode("utf-8", "surrogatepass")


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UnreadableError("Timestamp is no instant") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _key(pem: str, now: datetime) -> object:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return None
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return None
    return certificate.public_key()


def parse(request: Request) -> Parsed:
    data = load_json(request.body)
    if member(data, "Type") == "SubscriptionConfirmation":
        url = member(data, "SubscribeURL")
        return Parsed(confirm=url) if _is_amazons(url) else Parsed()
    if member(data, "Type") != "Notification":
        return Parsed()
    message = load_json(member(data, "Message").encode("utf-8", "surrogatepass"))
    kind = optional(message, "notificationType") or optional(message, "eventType")
    if kind in {"Bounce", "Complaint", "Delivery"}:
        return Parsed(events=tuple(_events(message, kind)))
    if kind != "Received":
        return Parsed()
    return Parsed((_mail(message),))


def _mail(message: Mapping[str, Any]) -> InboundMail:
    receipt = member(message, "receipt", kind=dict)
    recipients = tuple(str(one) for one in member(receipt, "recipients", kind=list))
    raw, fetch = b"", None
    if content := optional(message, "content"):
        inline = optional(receipt, "action", "encoding").upper()
        raw = from_base64(content) if inline == "BASE64" else utf8(content)
    else:
        bucket, key = member(receipt, "action", "bucketName"), member(receipt, "action", "objectKey")
        fetch = Fetch(f"s3://{bucket}/{key}", ())
    return InboundMail(
        raw=raw,
        mail_from=optional(message, "mail", "source"),
        rcpt_to=recipients,
        provider_id=member(message, "mail", "messageId"),
        spam=(
            *filtered.status(NAME, optional(receipt, "spamVerdict", "status"), "spam"),
            *filtered.status(NAME, optional(receipt, "virusVerdict", "status"), "virus"),
        ),
        fetch=fetch,
    )


def _events(message: Mapping[str, Any], kind: str) -> list[DeliveryEvent]:
    message_id = optional(message, "mail", "commonHeaders", "messageId").strip("<>")[:998]
    if kind == "Delivery":
        people = [str(one) for one in optional(message, "delivery", "recipients", kind=list, default=[])]
        return [DeliveryEvent(kind="delivered", recipient=one, original_message_id=message_id) for one in people]
    if kind == "Complaint":
        complained = objects(optional(message, "complaint", "complainedRecipients", kind=list, default=[]))
        addresses = [optional(one, "emailAddress") for one in complained]
        return [DeliveryEvent(kind="complained", recipient=one, original_message_id=message_id) for one in addresses]
    permanent = optional(message, "bounce", "bounceType") == "Permanent"
    return [
        DeliveryEvent(
            kind="bounced",
            recipient=optional(one, "emailAddress"),
            permanent=permanent,
            status=optional(one, "status")[:20],
            diagnostic=optional(one, "diagnosticCode")[:500],
            original_message_id=message_id,
        )
        for one in objects(optional(message, "bounce", "bouncedRecipients", kind=list, default=[]))
    ]
