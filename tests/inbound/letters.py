"""Mail for the tests of identity: written, signed with fresh keys, and normalised without the normaliser."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import getaddresses
from functools import cache

import dkim  # type: ignore[import-untyped]  # it ships no type hints
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from inbound import authentication
from inbound.contracts import Address, AuthResults, Envelope, NormalizedEmail
from inbound.header_block import split
from inbound.resolver import StaticZone
from inbound.settings import ContactForm, Forwarder, IdentitySettings

SIGNED = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type")


@dataclass(frozen=True)
class Key:
    """A signing key and the record that publishes it."""

    domain: str
    selector: str
    private: bytes
    record: str
    algorithm: bytes = b"rsa-sha256"

    @property
    def name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"


@cache
def _rsa(bits: int, domain: str) -> rsa.RSAPrivateKey:
    """One key a domain and size, made once: making them is slow."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def rsa_key(domain: str, selector: str = "s1", *, bits: int = 1024, tags: str = "") -> Key:
    key = _rsa(bits, domain)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Key(domain, selector, private, f"v=DKIM1; k=rsa; {tags}p={base64.b64encode(public).decode()}")


def ed25519_key(domain: str, selector: str = "ed") -> Key:
    key = ed25519.Ed25519PrivateKey.generate()
    seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    record = f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}"
    return Key(domain, selector, base64.b64encode(seed), record, b"ed25519-sha256")


def letter(
    sender: str = "Ann <ann@shop.example>", *, subject: str = "A question", extra: str = "", body: str = "Hello?\n"
) -> bytes:
    text = (
        f"{extra}From: {sender}\nTo: help@our.example\nSubject: {subject}\nDate: Fri, 20 Nov 2026 10:00:00 +0000\n"
        f"Message-ID: <m1@shop.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{body}"
    )
    return text.replace("\n", "\r\n").encode()


def sign(
    raw: bytes,
    key: Key,
    *,
    fields: tuple[str, ...] = SIGNED,
    length: bool = False,
    forms: tuple[bytes, bytes] = (b"relaxed", b"relaxed"),
) -> bytes:
    signature: bytes = dkim.sign(
        raw,
        key.selector.encode(),
        key.domain.encode(),
        key.private,
        canonicalize=forms,
        signature_algorithm=key.algorithm,
        include_headers=[name.encode() for name in fields],
        length=length,
    )
    return signature + raw


def zone(
    *keys: Key, trouble: tuple[str, ...] = (), names: Mapping[str, Mapping[str, Sequence[str]]] | None = None
) -> StaticZone:
    """A zone with the keys' records and others."""
    return StaticZone({**{key.name: {"TXT": [key.record]} for key in keys}, **(names or {})}, trouble=trouble)


def envelope(
    mail_from: str = "bounce@elsewhere.example", *, peer: str = "203.0.113.9", helo: str = "mx.elsewhere.example"
) -> Envelope:
    return Envelope(
        door="smtp",
        mail_from=mail_from,
        rcpt_to=("help@our.example",),
        peer=peer,
        helo=helo,
        received_at=datetime.now(UTC),
    )


def normalized(raw: bytes) -> NormalizedEmail:
    """What a lenient normaliser would say: the last word on From is not its."""
    block = split(raw)
    found = [address for _, address in getaddresses([one.text for one in block.named("from")]) if "@" in address]
    author = None
    if len(found) == 1:
        local, _, domain = found[0].rpartition("@")
        author = Address(email=f"{local}@{domain.lower()}")
    text = block.body.decode("utf-8", "replace")
    return NormalizedEmail(
        message_id="m1@shop.example",
        author=author,
        subject=next((one.text for one in block.named("subject")), ""),
        text=text,
        new_text=text,
        headers=tuple((one.name, one.text[:2000]) for one in block.fields[:400]),
    )


@dataclass
class Asking:
    """Ask who sent a mail, with all that may differ from case to case."""

    resolver: StaticZone = field(default_factory=zone)
    envelope: Envelope = field(default_factory=envelope)
    settings: IdentitySettings = field(default_factory=IdentitySettings)
    forwarders: tuple[Forwarder, ...] = ()
    forms: tuple[ContactForm, ...] = ()
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def about(self, raw: bytes, mail: NormalizedEmail | None = None) -> AuthResults:
        return await authentication.check(
            raw,
            mail or normalized(raw),
            self.envelope,
            resolver=self.resolver,
            settings=self.settings,
            forwarders=self.forwarders,
            forms=self.forms,
            now=self.now,
        )
