"""Codes by time (RFC 6238, as authenticator programs have them), their sealed secret, and recovery codes.

Rules:
- A code counts for its half minute and the ones beside it, for clocks that differ; its step is given, so that the
  store can refuse it a second time.
- The secret rests sealed (AES-GCM) by a key of this installation, bound to its person: moved to another it
  opens nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PERIOD, DIGITS = 30, 6
BESIDE = 1
"""Steps before and after today's that count as well."""
RECOVERY_CODES = 10


def new_secret() -> bytes:
    return secrets.token_bytes(20)


def code_of(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a step (RFC 4226, 5.3)."""
    mac = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    at = mac[-1] & 0x0F
    number = int.from_bytes(mac[at : at + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(secret: bytes, given: str, now: datetime) -> int | None:
    """The step that a code is of; None for a wrong one."""
    typed = "".join(given.split()).encode("utf-8", "replace")
    today = int(now.timestamp()) // PERIOD
    found = None
    for step in range(today - BESIDE, today + BESIDE + 1):
        if hmac.compare_digest(code_of(secret, step).encode(), typed):
            found = step
    return found


def spelled(secret: bytes) -> str:
    """As it is typed into a program by hand."""
    return base64.b32encode(secret).decode().rstrip("=")


def address(secret: bytes, name: str) -> str:
    """What authenticator programs open (otpauth)."""
    return f"otpauth://totp/Postroom:{quote(name)}?secret={spelled(secret)}&issuer=Postroom"


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"postroom totp").derive(key))


def seal(key: bytes, person_id: str, secret: bytes) -> str:
    nonce = secrets.token_bytes(12)
    return base64.b64encode(nonce + _cipher(key).encrypt(nonce, secret, person_id.encode())).decode()


def unseal(key: bytes, person_id: str, sealed: str) -> bytes | None:
    """The secret; None where it was sealed for another person or by another key."""
    data = base64.b64decode(sealed)
    try:
        return _cipher(key).decrypt(data[:12], data[12:], person_id.encode())
    except InvalidTag:
        return None


def recovery_codes() -> list[str]:
    """Eighty random bits each, in four groups."""
    found = []
    for _ in range(RECOVERY_CODES):
        text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
        found.append("-".join(text[at : at + 4] for at in range(0, 16, 4)))
    return found


def digest(recovery_code: str) -> str:
    """What is stored of a recovery code; they are random, so that a quick hash is enough."""
    plain = "".join(char for char in recovery_code.lower() if char.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
