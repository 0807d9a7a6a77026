"""Signatures verify with somebody else's verifier, and any change to what is signed breaks them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outbound.compose import Inspected, inspect
from outbound.dkim import DkimKey, DkimKeyError, load_keys, sign
from outbound.settings import DkimSettings
from tests.outbound.mails import composed

# The verifier has no types of its own.
dkim: Any = importlib.import_module("dkim")

RSA = DkimKey("acme.example", "r1", rsa.generate_private_key(65537, 2048))
ED25519 = DkimKey("acme.example", "e1", ed25519.Ed25519PrivateKey.generate())
KEYS = (RSA, ED25519)


def verifies(raw: bytes, index: int) -> bool:
    records = {f"{key.selector}._domainkey.acme.example.": key.record() for key in KEYS}

    def txt(name: bytes | str, timeout: int = 5) -> bytes | None:
        asked = name.decode() if isinstance(name, bytes) else name
        return records[asked].encode() if asked in records else None

    try:
        return bool(dkim.DKIM(raw, minkey=2048).verify(idx=index, dnsfunc=txt))
    except dkim.ValidationError:
        return False


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subject": "Größe " * 40, "to_name": 'J. "Q" Müller'},
        {"body": "  two  spaces \n\n\n.\nFrom me\n\tGrüße"},
        {"body": ""},
        {"references": tuple(f"m{number}@c.example" for number in range(30))},
    ],
)
def test_both_signatures_verify_elsewhere(changes: dict[str, object]) -> None:
    signed = sign(composed(**changes).raw, KEYS)
    assert signed.count(b"DKIM-Signature:") == 2
    assert verifies(signed, 0)
    assert verifies(signed, 1)


@pytest.mark.parametrize(
    "added",
    [
        b"From: evil@x.example\r\n",
        b"Subject: buy\r\n",
        b"To: all@x.example\r\n",
        b"Date: x\r\n",
        b"Message-ID: <x@y>\r\n",
    ],
)
def test_a_second_header_breaks_the_signature(added: bytes) -> None:
    signed = sign(composed().raw, (RSA,))
    assert verifies(signed, 0)
    assert not verifies(added + signed, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"at nine", b"at nein"),
        (b"Opening", b"Closing"),
        (b"auto-replied", b"auto-nothing"),
        (b"text/plain", b"text/html"),
        (b"<q1@", b"<q2@"),
    ],
)
def test_a_change_to_what_is_signed_breaks_the_signature(old: bytes, new: bytes) -> None:
    signed = sign(composed().raw, KEYS)
    assert not verifies(signed.replace(old, new), 0)
    assert not verifies(signed.replace(old, new), 1)


def test_appended_text_breaks_the_signature() -> None:
    assert not verifies(sign(composed().raw, (RSA,)) + b"and more\r\n", 0)


def test_signed_bytes_are_still_ours() -> None:
    signed = sign(composed(subject="Größe").raw, KEYS)
    found = inspect(signed)
    assert isinstance(found, Inspected), found
    assert max(map(len, signed.split(b"\r\n"))) <= 100
    assert signed.endswith(composed(subject="Größe").raw)


def test_another_copy_breaks_the_signature() -> None:
    """Who is named in Cc is signed, as From and To are."""
    signed = sign(composed(way="approved", copies=("bo@x.example",)).raw, KEYS)
    assert verifies(signed, 0)
    assert not verifies(signed.replace(b"Cc: bo@x.example", b"Cc: eve@evil.example"), 0)


def test_without_keys_nothing_is_added() -> None:
    assert sign(composed().raw, ()) == composed().raw


def write(path: Path, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def test_configured_keys_are_loaded_from_their_files(tmp_path: Path) -> None:
    settings = DkimSettings(
        domain="acme.example",
        selector="r2",
        key_file=write(tmp_path / "r.pem", rsa.generate_private_key(65537, 2048)),
        ed25519_selector="e2",
        ed25519_key_file=write(tmp_path / "e.pem", ed25519.Ed25519PrivateKey.generate()),
    )
    assert [(key.selector, key.algorithm) for key in load_keys(settings)] == [
        ("r2", "rsa-sha256"),
        ("e2", "ed25519-sha256"),
    ]
    assert load_keys(DkimSettings()) == ()


def test_a_key_that_cannot_sign_is_named(tmp_path: Path) -> None:
    weak = write(tmp_path / "weak.pem", rsa.generate_private_key(65537, 1024))  # noqa: S505 - refused
    curve = write(tmp_path / "curve.pem", ec.generate_private_key(ec.SECP256R1()))
    broken = tmp_path / "broken.pem"
    broken.write_text("no key")
    for path, said in ((weak, "1024 bits"), (curve, "curve.pem"), (broken, "broken.pem"), (tmp_path / "no", "no")):
        with pytest.raises(DkimKeyError, match=said):
            load_keys(DkimSettings(domain="acme.example", selector="s", key_file=path))
