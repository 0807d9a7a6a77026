"""Make a pair of signing keys, and say what to publish for them.

Rules:
- RSA-2048 and Ed25519 together: many verifiers know RSA alone (RFC 8463).
- Private keys are readable by their owner only from their first byte on; a file that is there is never written over.
- A TXT record is several strings of at most 255 octets (RFC 1035 3.3.14), which DNS puts together without a gap.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outbound.dkim import DkimKey, DkimKeyError

BITS = 2048
LONGEST_STRING = 255


@dataclass(frozen=True)
class Made:
    """One key on disk."""

    key: DkimKey
    path: Path


def selectors(day: date) -> tuple[str, str]:
    """Of the RSA and of the Ed25519 key: dated, so that a later pair can stand beside this one."""
    return f"pr{day:%Y%m}r", f"pr{day:%Y%m}e"


def make(domain: str, folder: Path, rsa_selector: str, ed25519_selector: str) -> tuple[Made, Made]:
    """Write two keys into `folder`. Raises DkimKeyError where a name is none, or a file is there already."""
    pairs = (
        (rsa_selector, generate_private_key(public_exponent=65537, key_size=BITS)),
        (ed25519_selector, Ed25519PrivateKey.generate()),
    )
    if rsa_selector == ed25519_selector:
        raise DkimKeyError("the two keys need different selectors")
    made = [(DkimKey(domain, selector, key), _path(folder, domain, selector), key) for selector, key in pairs]
    if there := [str(path) for _, path, _ in made if path.exists()]:
        raise DkimKeyError(f"{', '.join(there)} exists: a key that signs is not written over; use another selector")
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for _, path, key in made:
            _write(path, key)
            written.append(path)
    except OSError as error:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise DkimKeyError(f"{error.filename}: {error.strerror}") from error
    (rsa, ed25519) = (Made(key, path) for key, path, _ in made)
    return rsa, ed25519


def _path(folder: Path, domain: str, selector: str) -> Path:
    return folder / f"dkim-{domain.lower()}-{selector}.pem"


def _write(path: Path, key: RSAPrivateKey | Ed25519PrivateKey) -> None:
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def record_name(key: DkimKey) -> str:
    return f"{key.selector}._domainkey.{key.domain}"


def zone_line(key: DkimKey) -> str:
    """The record as a zone file has it."""
    text = key.record()
    strings = [text[start : start + LONGEST_STRING] for start in range(0, len(text), LONGEST_STRING)]
    quoted = " ".join(f'"{one}"' for one in strings)
    return f"{record_name(key)}. IN TXT ( {quoted} )"
