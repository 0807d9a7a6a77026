"""Amazon SES receipt rules through SNS: the mail stands in the notification, or in S3 where the rule stores it there.

Proof: SNS signs the members of its message with RSA (SignatureVersion 2: SHA-256; 1: SHA-1) by a certificate that it
serves from `https://sns.REGION.amazonaws.com`; any other place is refused before it is asked, and so is a topic that is
not in `topics`: a signature proves that some AWS user's topic sent this, no more. How the JSON is written, and what SNS
does not sign, may change on the way and mean the same. The subscription of a named topic is confirmed by calling
ConfirmSubscription at the topic's own host; the URL in the message is never visited. Documented of statuses:

    2xx     done
    429     again
    4xx     never: SNS takes it for final; so a topic that is not named yet, and what cannot be read here, are a 503
    5xx     again, as is silence of 15 seconds; by default for about a minute, with a delivery policy for an hour

So give the subscription a retry policy of its own and a dead letter queue. SES puts at most 150 KB into a notification
(unverified); larger mail needs a rule that stores it in S3. Its verdicts (`dkimVerdict`) name no domain: they prove
nothing, the raw mail's own signatures do.

`public_key` is for trials alone: the public half of a key of the operator's own, by which `postroom simulate ses`
proves itself in Amazon's place.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from inbound.contracts import DeliveryEvent
from inbound.webhooks import filtered
from inbound.webhooks.contract import (
    About,
    Answers,
    Fetch,
    InboundMail,
    Letter,
    Parsed,
    Proven,
    Refusal,
    Request,
    Secrets,
    Signing,
    UnreadableError,
    from_base64,
    load_json,
    member,
    objects,
    optional,
    utf8,
)
from inbound.webhooks.dressing import as_json
from inbound.webhooks.proofs import rsa_holds, within

NAME = "ses"
LASTS = timedelta(days=1)
"""A notification keeps its time over all tries: a replay is known by its id."""
ABOUT = About(
    means={"2xx": "done", "429": "again", "4xx": "never", "5xx": "again"},
    lasts=LASTS,
    needs={"topics": "a signature of SNS alone proves only that somebody uses AWS"},
    key="rsa",
)
ANSWERS = Answers(unauthentic=503, stale=503, unreadable=503, replayed=503)
HOST = re.compile(r"sns\.[a-z0-9-]{1,30}\.amazonaws\.com(?:\.cn)?")
PATH = re.compile(r"/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem")
TRIAL = "https://postroom.invalid/trial.pem"
"""Stands in a trial's message where Amazon's certificate is named."""
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}


def needs(request: Request, secrets: Secrets) -> Fetch | Refusal | None:
    """The certificate that `verify` has to see; from Amazon's own host, for a topic of ours, or not at all."""
    try:
        data = load_json(request.body, once=True)
        url, topic = member(data, "SigningCertURL"), member(data, "TopicArn")
    except UnreadableError as error:
        return Refusal("unauthentic", str(error))
    if topic not in secrets.topics:
        return Refusal("unauthentic", f"the topic {topic[:200]} is not one of ours")
    if url == TRIAL and secrets.public_keys:
        return None
    return Fetch(url, (urlsplit(url).hostname or "",)) if _is_amazons(url) else Refusal("unauthentic", "not SNS's host")


def _is_amazons(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    sound = parts.scheme == "https" and port in {None, 443} and not parts.username and not parts.query
    named = HOST.fullmatch(parts.hostname or "") is not None and PATH.fullmatch(parts.path) is not None
    return sound and named and url.isascii()


def verify(request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal:
    try:
        data = load_json(request.body, once=True)
        kind, topic = member(data, "Type"), member(data, "TopicArn")
        signed = _signed(data, SIGNED.get(kind, ()))
        at = _instant(member(data, "Timestamp"))
        version, url = optional(data, "SignatureVersion"), member(data, "SigningCertURL")
        signature = member(data, "Signature")
    except UnreadableError as error:
        return Refusal("unauthentic", str(error))
    if kind not in SIGNED or version not in _HASHES:
        return Refusal("unauthentic", "no kind or version of a notification that SNS documents")
    keys = secrets.public_keys if url == TRIAL else (_key(secrets.certificate, now),)
    if not any([rsa_holds(key, signature, signed, _HASHES[version]()) for key in keys]):  # noqa: C419 (each is tried)
        return Refusal("unauthentic", "the signature does not fit")
    if topic not in secrets.topics:
        return Refusal("unauthentic", f"the topic {topic[:200]} is not one of ours")
    late = within(at, replace(secrets, window=max(secrets.window, LASTS)), now)
    return late if isinstance(late, Refusal) else Proven(at)


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
        return Parsed(confirm=_confirmation(member(data, "TopicArn"), member(data, "Token")))
    if member(data, "Type") != "Notification":
        return Parsed()
    message = load_json(member(data, "Message").encode("utf-8", "surrogatepass"))
    kind = optional(message, "notificationType") or optional(message, "eventType")
    if kind in {"Bounce", "Complaint", "Delivery", "DeliveryDelay"}:
        return Parsed(events=tuple(_events(message, kind)))
    if kind != "Received":
        return Parsed()
    return Parsed((_mail(message),))


def _confirmation(topic: str, token: str) -> str:
    """The call that confirms a subscription, at the host of the topic's own region."""
    _, partition, _, region, *_ = topic.split(":")
    host = f"sns.{region}.amazonaws.com" + (".cn" if partition == "aws-cn" else "")
    return f"https://{host}/?{urlencode({'Action': 'ConfirmSubscription', 'TopicArn': topic, 'Token': token})}"


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
        mail_from=optional(message, "mail", "source", default=None),
        rcpt_to=recipients,
        provider_id=member(message, "mail", "messageId"),
        spam=(
            *filtered.status(NAME, optional(receipt, "spamVerdict", "status"), "spam"),
            *filtered.status(NAME, optional(receipt, "virusVerdict", "status"), "virus"),
        ),
        fetch=fetch,
    )


def _events(message: Mapping[str, Any], kind: str) -> list[DeliveryEvent]:
    """Named by our return path, and by our Message-ID where SES did not set another one."""
    ours = {
        "original_message_id": _message_id(message),
        "return_path": optional(message, "mail", "source").strip("<> ")[:320],
    }
    if kind == "Delivery":
        people = [str(one) for one in optional(message, "delivery", "recipients", kind=list, default=[])]
        return [DeliveryEvent(kind="delivered", recipient=one, **ours) for one in people]
    if kind == "Complaint":
        complained = objects(optional(message, "complaint", "complainedRecipients", kind=list, default=[]))
        addresses = [optional(one, "emailAddress") for one in complained]
        return [DeliveryEvent(kind="complained", recipient=one, **ours) for one in addresses]
    if kind == "DeliveryDelay":
        delayed = objects(optional(message, "deliveryDelay", "delayedRecipients", kind=list, default=[]))
        return [DeliveryEvent(kind="delayed", recipient=optional(one, "emailAddress"), **ours) for one in delayed]
    permanent = optional(message, "bounce", "bounceType") == "Permanent"
    return [
        DeliveryEvent(
            kind="bounced",
            recipient=optional(one, "emailAddress"),
            permanent=permanent,
            status=optional(one, "status")[:20],
            diagnostic=optional(one, "diagnosticCode")[:500],
            **ours,
        )
        for one in objects(optional(message, "bounce", "bouncedRecipients", kind=list, default=[]))
    ]


def _message_id(message: Mapping[str, Any]) -> str:
    """As the mail had it when it came to SES, if headers are told; else as SES says."""
    for one in objects(optional(message, "mail", "headers", kind=list, default=[])):
        if optional(one, "name").lower() == "message-id":
            return str(optional(one, "value")).strip("<> ")[:998]
    return str(optional(message, "mail", "commonHeaders", "messageId")).strip("<> ")[:998]


def dress(letter: Letter) -> Request:
    """The message of SES; SNS puts it into one of its own."""
    return as_json(
        {
            "notificationType": "Received",
            "mail": {"source": letter.mail_from, "messageId": hashlib.sha256(letter.raw).hexdigest()[:40]},
            "receipt": {"recipients": list(letter.rcpt_to), "action": {"type": "SNS", "encoding": "BASE64"}},
            "content": base64.b64encode(letter.raw).decode(),
        }
    )


def sign(request: Request, signing: Signing) -> Request:
    return sns("Notification", request.body.decode(), signing)


def sns(kind: str, message: str, signing: Signing, **changes: object) -> Request:
    """A message of SNS, signed with a key of our own; `changes` replace members before it is signed."""
    data: dict[str, Any] = {
        "Type": kind,
        "MessageId": hashlib.sha256(message.encode()).hexdigest()[:32],
        "TopicArn": signing.topic,
        "Message": message,
        "Timestamp": signing.now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "2",
        "SigningCertURL": TRIAL,
        **changes,
    }
    signed, algorithm = _signed(data, SIGNED[kind]), _HASHES.get(data["SignatureVersion"], hashes.SHA256)()
    data["Signature"] = base64.b64encode(signing.key.sign(signed, padding.PKCS1v15(), algorithm)).decode()
    return Request(json.dumps(data).encode(), (("content-type", "text/plain; charset=UTF-8"),))


CLOTHES = {"": dress}
