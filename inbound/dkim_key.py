"""DKIM key records (RFC 6376 section 3.6.1, RFC 8463) and the check of a signature's numbers with them.

Rules:
- RSA under 1,024 bits does not count, over 8,192 is refused (cost); SHA-1 is no longer a signature (RFC 8301).
- A key in testing mode (`t=y`) proves nothing: RFC 6376 has such mail treated as unsigned.
- More than one record at a name, a revoked key or an unknown key type is a permanent error.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from inbound.contracts import Verdict

MIN_RSA_BITS = 1_024
MAX_RSA_BITS = 8_192
MAX_RECORD_CHARS = 8_192

_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_TAG_VALUE = re.compile(r"[\t !-:<-~]*\Z")


class RefusedError(Exception):
    """A signature or key that cannot count, with the verdict that it gets."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict: Verdict = verdict
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PublicKey:
    key: RSAPublicKey | Ed25519PublicKey
    strict_identity: bool
    """`t=s`: the domain of i= must equal d=."""

    @property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.key, RSAPublicKey) else "ed25519-sha256"

    def signed(self, digest: bytes, signature: bytes) -> bool:
        try:
            if isinstance(self.key, RSAPublicKey):
                self.key.verify(signature, digest, PKCS1v15(), Prehashed(SHA256()))
            else:
                self.key.verify(signature, digest)
        except (InvalidSignature, ValueError):
            return False
        return True


def tags(text: str) -> dict[str, str]:
    """Parse a tag=value list (RFC 6376 section 3.2), already unfolded. Raises RefusedError on any doubt."""
    found: dict[str, str] = {}
    specs = text.split(";")
    if not specs[-1].strip():
        specs.pop()
    for spec in specs:
        name, equals, value = spec.partition("=")
        name, value = name.strip(" \t"), value.strip(" \t")
        if not equals or not _TAG_NAME.match(name) or not _TAG_VALUE.match(value):
            raise RefusedError("permerror", "the tags cannot be read")
        if name in found:
            raise RefusedError("permerror", f"{name}= stands twice")
        found[name] = value
    return found


def unbase64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(re.sub(r"[ \t]+", "", text), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("permerror", f"{what} is no base64") from None


def parse(records: list[str]) -> PublicKey:
    """Read the TXT records at a selector's name. Raises RefusedError."""
    if not records:
        raise RefusedError("permerror", "no key in DNS")
    if len(records) > 1:
        raise RefusedError("permerror", "more than one record at the key's name")
    if len(records[0]) > MAX_RECORD_CHARS:
        raise RefusedError("permerror", "the key record is too long")
    record = tags(records[0])
    if record.get("v", "DKIM1") != "DKIM1":
        raise RefusedError("permerror", "the key record has an unknown version")
    if not _listed(record, "s", {"*", "email"}):
        raise RefusedError("permerror", "the key is not for mail")
    if not _listed(record, "h", {"sha256"}):
        raise RefusedError("permerror", "the key is not for sha256")
    flags = {flag.strip() for flag in record.get("t", "").split(":")}
    if "y" in flags:
        raise RefusedError("policy", "the key is in testing mode")
    return PublicKey(_load(record), "s" in flags)


def _listed(record: dict[str, str], tag: str, wanted: set[str]) -> bool:
    return tag not in record or not wanted.isdisjoint(part.strip() for part in record[tag].split(":"))


def _load(record: dict[str, str]) -> RSAPublicKey | Ed25519PublicKey:
    if "p" not in record:
        raise RefusedError("permerror", "the key record has no key")
    if not record["p"]:
        raise RefusedError("permerror", "the key is revoked")
    data = unbase64(record["p"], "the key")
    kind = record.get("k", "rsa")
    try:
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(data)
        key = load_der_public_key(data) if kind == "rsa" else None
    except Exception as error:  # the library raises ValueError, UnsupportedAlgorithm and its own kinds on broken DER
        raise RefusedError("permerror", "the key cannot be read") from error
    if not isinstance(key, RSAPublicKey):
        raise RefusedError("permerror", "the key is of an unknown type")
    if key.key_size < MIN_RSA_BITS:
        raise RefusedError("policy", f"the key has only {key.key_size} bits")
    if key.key_size > MAX_RSA_BITS:
        raise RefusedError("permerror", f"the key has {key.key_size} bits")
    return key
