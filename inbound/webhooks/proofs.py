"""How providers prove themselves: passwords, HMACs, public keys. Pure; every comparison takes constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from inbound.webhooks.contract import Proven, Refusal, Request, Secrets, Signing

STANDARD_PREFIX = "whsec_"


def same(given: str | bytes, wanted: Iterable[str | bytes]) -> bool:
    """Whether it is one of the wanted ones; every one is looked at."""
    found = False
    for one in wanted:
        found |= hmac.compare_digest(_bytes(given), _bytes(one))
    return found


def _bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def by_password(request: Request, secrets: Secrets, _now: datetime) -> Proven | Refusal:
    """For who signs nothing: HTTP basic (any user name), a bearer token, or the secret as the last part of the path."""
    given = [one for one in (_password(request), request.path_secret) if one]
    if len(given) != 1:
        return Refusal("unauthentic", "one password, bearer token or secret path is needed")
    return Proven() if same(given[0], secrets.values) else Refusal("unauthentic", "the password is not ours")


def _password(request: Request) -> str:
    scheme, _, value = (request.header("authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def hexdigits(secret: str, signed: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), signed, algorithm).hexdigest()


def by_hex(given: str | None, signed: bytes, secrets: Secrets) -> Proven | Refusal:
    """HMAC-SHA256 in hexadecimal digits."""
    if given is None or not given.isascii():
        return Refusal("unauthentic", "no one signature")
    if same(given, (hexdigits(secret, signed) for secret in secrets.values)):
        return Proven()
    return Refusal("unauthentic", "the signature does not fit")


def by_base64(given: str | None, secrets: Secrets, make: Callable[[bytes], bytes]) -> Proven | Refusal:
    """An HMAC in base64, made by `make` from a secret's bytes."""
    if given is None or not given.isascii():
        return Refusal("unauthentic", "no one signature")
    wanted = [base64.b64encode(make(secret.encode())).decode() for secret in secrets.values]
    return Proven() if same(given, wanted) else Refusal("unauthentic", "the signature does not fit")


def in_time(stamp: str | None, secrets: Secrets, now: datetime) -> datetime | Refusal:
    """A time in whole seconds since 1970 that is within the window."""
    if stamp is None or not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return Refusal("unauthentic", "no signed time")
    return within(datetime.fromtimestamp(int(stamp), UTC), secrets, now) if int(stamp) < 2**34 else _late()


def within(at: datetime, secrets: Secrets, now: datetime) -> datetime | Refusal:
    return at if abs(now - at) <= secrets.window else _late()


def _late() -> Refusal:
    return Refusal("stale", "the signed time is too old or too far ahead")


def standard_key(secret: str) -> bytes:
    """The key of a Standard Webhooks secret: base64 behind `whsec_`. Raises ValueError."""
    return base64.b64decode(secret.removeprefix(STANDARD_PREFIX), validate=True)


def standard(
    request: Request, secrets: Secrets, now: datetime, names: tuple[str, ...] = ("webhook", "svix")
) -> Proven | Refusal:
    """Standard Webhooks: `id.timestamp.body`, HMAC-SHA256 in base64, several signatures parted by spaces."""
    for name in names:
        parts = [request.header(f"{name}-{what}") for what in ("id", "timestamp", "signature")]
        if any(given == f"{name}-signature" for given, _ in request.headers):
            break
    webhook_id, stamp, given = parts
    if webhook_id is None or given is None:
        return Refusal("unauthentic", "no one id and signature")
    at = in_time(stamp, secrets, now)
    signed = f"{webhook_id}.{stamp}.".encode("utf-8", "replace") + request.body
    wanted = [
        f"v1,{base64.b64encode(hmac.new(standard_key(secret), signed, hashlib.sha256).digest()).decode()}"
        for secret in secrets.values
    ]
    if not any([same(one, wanted) for one in given.split(" ")[:20]]):  # noqa: C419 (each is looked at)
        return Refusal("unauthentic", "no signature fits")
    return at if isinstance(at, Refusal) else Proven(at)


def standard_headers(prefix: str, name: str, body: bytes, signing: Signing) -> tuple[tuple[str, str], ...]:
    """The three headers of Standard Webhooks (`webhook-id` and others) for a body that we sign."""
    signed = f"{name}.{signing.stamp}.".encode() + body
    proof = base64.b64encode(hmac.new(standard_key(signing.secret), signed, hashlib.sha256).digest()).decode()
    given = {"id": name, "timestamp": signing.stamp, "signature": f"v1,{proof}"}
    return tuple((f"{prefix}-{one}", value) for one, value in given.items())


def ec_holds(public_key: str, signature: str | None, signed: bytes) -> bool:
    """ECDSA with SHA-256; key as PEM or as base64 of its DER, signature in base64."""
    key = _key(public_key)
    try:
        raw = _exactly(signature or "")
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        key.verify(raw, signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def rsa_holds(key: object, signature: str | None, signed: bytes, algorithm: hashes.HashAlgorithm) -> bool:
    """RSA PKCS #1 v1.5, signature in base64; the key loaded, or PEM, or base64 of its DER."""
    found = _key(key) if isinstance(key, str) else key
    try:
        raw = _exactly(signature or "")
        if not isinstance(found, rsa.RSAPublicKey):
            return False
        found.verify(raw, signed, padding.PKCS1v15(), algorithm)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _exactly(text: str) -> bytes:
    """Base64 in its one form: bits that stand for nothing are none. Raises ValueError."""
    found = base64.b64decode(text, validate=True)
    if base64.b64encode(found).decode() != text:
        raise ValueError("another way to write the same bytes")
    return found


def _key(text: str) -> object:
    try:
        if "-----BEGIN" in text:
            return serialization.load_pem_public_key(text.encode())
        return serialization.load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None


def is_public_key(text: str, kind: str) -> bool:
    """Whether it can be read, and is of this kind: `ec` or `rsa`."""
    wanted = {"ec": ec.EllipticCurvePublicKey, "rsa": rsa.RSAPublicKey}.get(kind)
    return wanted is not None and isinstance(_key(text), wanted)
