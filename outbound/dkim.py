"""Sign final bytes (RFC 6376, RFC 8463). Pure: no clock, so the same bytes get the same RSA signature.

Rules:
- Signing comes before authorising: the bytes that are approved are the signed ones.
- relaxed/relaxed, the whole body (never `l=`), one signature for each key.
- From, Subject, To, Date and Message-ID are listed once more than they occur: a second one breaks the signature.
- Keys are parsed once (36 ms for RSA-2048); RSA keys under 2048 bits are refused.
- A signature of 1 MB takes milliseconds of hashing: callers with large mails sign in a thread.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from outbound.addresses import domain_to_ascii
from outbound.settings import DkimSettings

OVERSIGNED = ("from", "subject", "to", "date", "message-id")
SIGNED = (
    *OVERSIGNED,
    "cc",
    "reply-to",
    "in-reply-to",
    "references",
    "auto-submitted",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
)

_BLANKS = re.compile(rb"[ \t]+")
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?", re.IGNORECASE)


class DkimKeyError(Exception):
    """A signing key cannot be used; the message names the file and what is wrong with it."""


class DkimKey:
    """One private key with the domain and selector under which its public half is published."""

    def __init__(self, domain: str, selector: str, key: RSAPrivateKey | Ed25519PrivateKey) -> None:
        ascii_domain = domain_to_ascii(domain)
        if ascii_domain is None or not _SELECTOR.fullmatch(selector):
            raise DkimKeyError(f"{selector}._domainkey.{domain} is not a DNS name")
        if isinstance(key, RSAPrivateKey) and key.key_size < 2048:
            raise DkimKeyError(f"the RSA key of {selector} has {key.key_size} bits, 2048 are the least")
        self.domain = ascii_domain
        self.selector = selector
        self.algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"
        self._key = key

    def signature(self, data: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, PKCS1v15(), hashes.SHA256())
        # RFC 8463 3: Ed25519 signs the SHA-256 digest.
        return self._key.sign(hashlib.sha256(data).digest())

    def record(self) -> str:
        """Return the TXT record to publish at `<selector>._domainkey.<domain>`."""
        public = self._key.public_key()
        if isinstance(self._key, RSAPrivateKey):
            encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={base64.b64encode(encoded).decode('ascii')}"
        encoded = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(encoded).decode('ascii')}"


def signs_for(key_domain: str, address_domain: str) -> bool:
    """True where receivers may take a signature of `key_domain` as the author's (relaxed alignment, RFC 7489 3.1.1).

    That is the same domain, or one above or below it; no list of public suffixes is asked.
    """
    key, author = (f".{(domain_to_ascii(one) or one).lower()}" for one in (key_domain, address_domain))
    return key.endswith(author) or author.endswith(key)


def load_keys(settings: DkimSettings) -> tuple[DkimKey, ...]:
    """Read the configured keys, RSA first; none where no domain is set. Raises DkimKeyError."""
    pairs = ((settings.selector, settings.key_file), (settings.ed25519_selector, settings.ed25519_key_file))
    return tuple(load_key(settings.domain, selector, path) for selector, path in pairs if path is not None)


def load_key(domain: str, selector: str, path: Path) -> DkimKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise DkimKeyError(f"{path}: {error}") from error
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise DkimKeyError(f"{path}: neither an RSA nor an Ed25519 key")
    return DkimKey(domain, selector, key)


def sign(raw: bytes, keys: tuple[DkimKey, ...]) -> bytes:
    """Return `raw` (CRLF, one blank line after the headers) with one DKIM-Signature a key on top; last key topmost."""
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = [_relaxed(field) for field in re.split(rb"\r\n(?![ \t])", head)]
    body_hash = base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode("ascii")
    names, signed = _selected(fields)
    tagged = b"".join(name + b":" + value + b"\r\n" for name, value in signed)
    signatures = [_signature_header(key, _folded_names(names), tagged, body_hash) for key in keys]
    return b"".join(reversed(signatures)) + raw


def _signature_header(key: DkimKey, names: str, signed: bytes, body_hash: str) -> bytes:
    tags = (
        f"v=1; a={key.algorithm}; c=relaxed/relaxed; d={key.domain};\r\n"
        f" s={key.selector};\r\n"
        f" h={names};\r\n"
        f" bh={body_hash};\r\n"
        f" b="
    ).encode("ascii")
    _, unsigned_value = _relaxed(b"DKIM-Signature: " + tags)
    encoded = base64.b64encode(key.signature(signed + b"dkim-signature:" + unsigned_value))
    rows = [encoded[start : start + 70] for start in range(0, len(encoded), 70)]
    return b"DKIM-Signature: " + tags + b"\r\n  ".join(rows) + b"\r\n"


def _selected(fields: list[tuple[bytes, bytes]]) -> tuple[list[str], list[tuple[bytes, bytes]]]:
    """The names for `h=` and the headers that they stand for, in that order (RFC 6376 5.4.2: bottom up)."""
    names: list[str] = []
    signed: list[tuple[bytes, bytes]] = []
    for name in SIGNED:
        wanted = name.encode("ascii")
        found = [field for field in reversed(fields) if field[0] == wanted]
        signed += found
        names += [name] * (len(found) + (name in OVERSIGNED))
    return names, signed


def _folded_names(names: list[str]) -> str:
    rows = [":".join(names[start : start + 5]) for start in range(0, len(names), 5)]
    return ":\r\n  ".join(rows)


def _relaxed(field: bytes) -> tuple[bytes, bytes]:
    """RFC 6376 3.4.2."""
    name, _, value = field.partition(b":")
    unfolded = _BLANKS.sub(b" ", value.replace(b"\r\n", b""))
    return name.strip().lower(), unfolded.strip(b" ")


def _relaxed_body(body: bytes) -> bytes:
    """RFC 6376 3.4.4."""
    tidy = _BLANKS.sub(b" ", body).replace(b" \r\n", b"\r\n")
    end = len(tidy) - tidy.endswith(b" ")
    while end >= 2 and tidy[end - 2 : end] == b"\r\n":
        end -= 2
    return tidy[:end] + b"\r\n" if end else b""
