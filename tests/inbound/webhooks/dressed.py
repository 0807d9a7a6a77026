"""Every provider's request for one mail, signed with keys of the tests' own; its `About` says what it needs."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from inbound.settings import WebhookSettings
from inbound.webhooks import resend as resend_file
from inbound.webhooks import ses as ses_file
from inbound.webhooks.contract import About, Letter, Proven, Request, Signing
from inbound.webhooks.door import secrets_of
from inbound.webhooks.fetching import FetchError
from inbound.webhooks.registry import clothes, provider
from tests.agent.postroom import CUSTOMER, START, SUPPORT

SECRET = "a secret of some length"
STANDARD = "whsec_" + base64.b64encode(b"twenty-four bytes of key").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret, for rotation").decode()
THIRD = "whsec_" + base64.b64encode(b"a third secret, of nobody").decode()
URL = "https://mail.larkspur.example/inbound/mandrill"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
SNS = "sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"https://{SNS}/SimpleNotificationService-0a1b2c3d4e5f60718293a4b5c6d7e8f9.pem"
STORE = "https://store.resend.com/e-1"
ALL = tuple(clothes())


def base(name: str) -> str:
    """The provider of a name with or without `-parsed`."""
    return name.partition("-")[0]


def about(name: str) -> About:
    return provider(base(name)).ABOUT


def rebuilt(name: str) -> bool:
    """Whether the mail comes taken apart."""
    return "-" in name or not about(name).raw


SIGNED_BODY = tuple(one for one in ALL if about(one).covers)
"""Whose signature covers the mail."""
TIMED = tuple(one for one in ALL if about(one).lasts is not None)
"""Whose signature has a time."""
KEYED = tuple(one for one in ALL if about(one).key)
"""Who proves itself by the private half of a key."""


def key(kind: str, which: int = 1) -> Any:
    """One of the tests' own private keys; None where there is nothing to sign with."""
    return _made(kind, which)


@cache
def _made(kind: str, _which: int) -> Any:
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048) if kind == "rsa" else None


def public(private: Any) -> str:
    der = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def named(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@cache
def authority() -> tuple[Any, x509.Certificate]:
    """An authority of the tests' own."""
    private, name = key("rsa", 7), named("An authority of our own")
    made = unsigned(name, name, private.public_key(), far()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    return private, made.sign(private, hashes.SHA256())


def unsigned(subject: x509.Name, issuer: x509.Name, public_key: Any, until: datetime) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=public_key,
        serial_number=x509.random_serial_number(),
        not_valid_before=START - timedelta(days=400),
        not_valid_after=until,
    )


def far() -> datetime:
    """Long after every test, by the machine's own clock too."""
    return datetime(2100, 1, 1, tzinfo=UTC)


@cache
def certificate(*, until: int = 365, which: int = 1) -> str:
    """Of SNS's key, with the authority's behind it, in PEM."""
    private, issuer = authority()
    builder = unsigned(
        named("sns.amazonaws.com"), issuer.subject, key("rsa", which).public_key(), START + timedelta(days=until)
    )
    chain = (builder.sign(private, hashes.SHA256()), issuer)
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in chain)


def secret_of(name: str) -> str:
    return STANDARD if about(name).standard else SECRET


def section(name: str) -> dict[str, Any]:
    """A `[[webhook]]` with as little as it starts with; a key where it has the choice."""
    given = {
        "secret": secret_of(name),
        "public_key": public(key(about(name).key)) if about(name).key else "",
        "public_key|secret": public(key(about(name).key)) if about(name).key else "",
        "topics": [TOPIC],
        "public_url": URL,
        "api_key": "an API's key",
    }
    return {"provider": base(name), **{one.partition("|")[0]: given[one] for one in about(name).needs}}


def settings(name: str, **changes: object) -> WebhookSettings:
    return WebhookSettings.model_validate({**section(name), **changes})


def signing(name: str, *, secret: str = "", now: datetime = START, which: int = 1) -> Signing:
    url = URL if "public_url" in about(name).needs else ""
    return Signing(secret or secret_of(name), now, url, key(about(name).key, which), TOPIC)


def request(name: str, letter: Letter, *, secret: str = "", now: datetime = START, which: int = 1) -> Request:
    if name == "ses":
        return ses(letter, signing(name, now=now, which=which))
    return clothes()[name](letter, signing(name, secret=secret, now=now, which=which))


def letter(raw: bytes, *to: str) -> Letter:
    return Letter(raw, CUSTOMER, to or (SUPPORT,))


def ses(given: Letter, sign: Signing | None = None, **changes: object) -> Request:
    """An SNS notification with the mail in it, that names Amazon's own host."""
    return sns("Notification", ses_file.dress(given).body.decode(), sign, **changes)


def sns(kind: str, message: str, sign: Signing | None = None, **changes: object) -> Request:
    return ses_file.sns(kind, message, sign or signing("ses"), **{"SigningCertURL": CERTIFICATE, **changes})


def verified(name: str, request: Request, configured: WebhookSettings | None = None, now: datetime = START) -> bool:
    secrets = replace(secrets_of(configured or settings(name)), certificate=certificate())
    return isinstance(provider(base(name)).verify(request, secrets, now), Proven)


@dataclass
class Stores:
    """What the network would give, by URL."""

    found: dict[str, bytes]
    asked: list[tuple[str, dict[str, str]]]

    @classmethod
    def of(cls, given: Letter) -> Stores:
        api = f"{resend_file.API}/emails/receiving/{resend_file.email_id(given)}"
        named = json.dumps({"raw": {"download_url": STORE}}).encode()
        return cls({CERTIFICATE: certificate().encode(), api: named, STORE: given.raw}, [])

    async def get(self, url: str, headers: dict[str, str], most: int) -> bytes:
        self.asked.append((url, headers))
        found = self.found.get(url)
        if found is None or len(found) > most:
            raise FetchError(f"{url} is not there, or too large")
        return found
