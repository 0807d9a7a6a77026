"""Every provider's request for one mail, signed with keys of the tests' own."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from inbound.settings import WebhookSettings
from inbound.webhooks.clothes import CLOTHES, Letter, Signing
from inbound.webhooks.contract import Request
from inbound.webhooks.fetching import FetchError
from inbound.webhooks.ses import _SIGNED, _signed
from tests.agent.postroom import CUSTOMER, START, SUPPORT

SECRET = "a secret of some length"
OTHER = "whsec_" + base64.b64encode(b"another secret, for rotation").decode()
STANDARD = "whsec_" + base64.b64encode(b"twenty-four bytes of key").decode()
URL = "https://mail.larkspur.example/inbound/mandrill"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"
PARSED = ("postmark-parsed", "mailgun-parsed", "sendgrid-parsed")
ALL = (*CLOTHES, "ses", "resend")
TIMED = {"mailgun": 12, "mailgun-parsed": 12, "sendgrid": 96, "sendgrid-parsed": 96, "raw": 1 / 12, "resend": 1 / 12}
"""Whose signature has a time, and how many hours off it may be."""
SIGNED_BODY = (
    "sendgrid",
    "sendgrid-parsed",
    "raw",
    "mandrill",
    "mailersend",
    "postal",
    "forwardemail",
    "ses",
    "resend",
)
"""Whose signature covers the mail."""


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public(key: Any) -> str:
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


@cache
def certificate(*, until: int = 365) -> str:
    """Of SNS's key, self-made, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key().public_key())
        .serial_number(1)
        .not_valid_before(START - timedelta(days=400))
        .not_valid_after(START + timedelta(days=until))
        .sign(rsa_key(), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def base(name: str) -> str:
    """The provider of a name with or without `-parsed`."""
    return name.removesuffix("-parsed")


def secret_of(name: str) -> str:
    return STANDARD if base(name) in {"raw", "resend"} else SECRET


def settings(name: str, **changes: object) -> WebhookSettings:
    found: dict[str, Any] = {"provider": base(name)}
    match base(name):
        case "ses":
            found["topics"] = [TOPIC]
        case "postal":
            found["public_key"] = public(rsa_key())
        case "sendgrid":
            found["public_key"] = public(ec_key())
        case "mandrill":
            found |= {"secret": SECRET, "public_url": URL}
        case "resend":
            found |= {"secret": STANDARD, "api_key": "re_key"}
        case _:
            found["secret"] = secret_of(name)
    return WebhookSettings.model_validate({**found, **changes})


def signing(name: str, *, secret: str = "", now: datetime = START) -> Signing:
    keys = {"postal": rsa_key, "sendgrid": ec_key}
    key = keys[base(name)]() if base(name) in keys else None
    return Signing(secret or secret_of(name), now, URL if name == "mandrill" else "", key)


def request(name: str, letter: Letter, *, secret: str = "", now: datetime = START) -> Request:
    if name == "ses":
        return ses(letter, now=now)
    if name == "resend":
        return resend(letter, signing(name, secret=secret, now=now))
    return CLOTHES[name](letter, signing(name, secret=secret, now=now))


def letter(raw: bytes, *to: str) -> Letter:
    return Letter(raw, CUSTOMER, to or (SUPPORT,))


def ses(given: Letter, *, now: datetime = START, topic: str = TOPIC, **changes: object) -> Request:
    """An SNS notification with the mail in it."""
    message = {
        "notificationType": "Received",
        "mail": {"source": given.mail_from, "messageId": base64.b32encode(given.raw[-20:]).decode()},
        "receipt": {"recipients": list(given.rcpt_to), "action": {"type": "SNS", "encoding": "BASE64"}},
        "content": base64.b64encode(given.raw).decode(),
    }
    return sns("Notification", json.dumps(message), now=now, topic=topic, **changes)


def sns(kind: str, message: str, *, now: datetime = START, topic: str = TOPIC, **changes: object) -> Request:
    data: dict[str, Any] = {
        "Type": kind,
        "MessageId": "n-1",
        "TopicArn": topic,
        "Message": message,
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        **changes,
    }
    algorithm = hashes.SHA1() if data["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303 (what SNS has)
    signed = _signed(data, _SIGNED[kind])
    data["Signature"] = base64.b64encode(rsa_key().sign(signed, padding.PKCS1v15(), algorithm)).decode()
    return Request(json.dumps(data).encode(), (("content-type", "text/plain; charset=UTF-8"),))


def resend(given: Letter, sign: Signing) -> Request:
    """Signed metadata; the bytes are behind the API (`Stores`)."""
    data = {"type": "email.received", "data": {"email_id": "e-1", "to": list(given.rcpt_to), "from": given.mail_from}}
    dressed = CLOTHES["raw"](replace(given, raw=json.dumps(data).encode()), sign)
    headers = tuple((name.replace("webhook-", "svix-"), value) for name, value in dressed.headers)
    return Request(dressed.body, headers)


@dataclass
class Stores:
    """What the network would give, by URL."""

    found: dict[str, bytes]
    asked: list[tuple[str, dict[str, str]]]

    @classmethod
    def of(cls, given: Letter) -> Stores:
        place = "https://store.resend.com/e-1"
        named = json.dumps({"raw": {"download_url": place}}).encode()
        return cls(
            {
                CERTIFICATE: certificate().encode(),
                "https://api.resend.com/emails/receiving/e-1": named,
                place: given.raw,
            },
            [],
        )

    async def get(self, url: str, headers: dict[str, str], most: int) -> bytes:
        self.asked.append((url, headers))
        found = self.found.get(url)
        if found is None or len(found) > most:
            raise FetchError(f"{url} is not there, or too large")
        return found
