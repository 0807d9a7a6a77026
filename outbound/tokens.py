"""Names that we sign: Message-IDs, return paths and addresses for answers that lead back to one mail of ours.

Rules:
- A token carries its reference in clear and 80 bits of HMAC-SHA256; without the key nobody can make one.
- Lower case only, and read without regard to case: relays change the case of local parts.
- A Message-ID is seen by everybody in a conversation, a return path only by the servers on the way. Their signatures
  differ, so that who knows the one cannot forge a bounce with the other.
- At most 64 octets of local part (RFC 5321 4.5.3.1.1): references are up to 36 of `a-z 0-9 _ -`; others are written
  in base32 and may have 24 octets.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re

_PLAIN = re.compile(r"[a-z0-9_-]{1,36}")
_MAC_LENGTH = 16
_LONGEST = 56
_RETURN_PATH = "bounces+"
_ANSWER = "answer+"


def mint(key: bytes, ref: str) -> str:
    """Make the token of a return path. Raises ValueError for a reference that is empty or does not fit."""
    return _mint(key, "return-path", ref)


def read(key: bytes, token: str) -> str | None:
    """Return the reference of a return path's token, or None where we did not make it."""
    return _read(key, "return-path", token)


def message_id(key: bytes, ref: str, domain: str) -> str:
    """Return a Message-ID without brackets; the same for the same reference, whenever it is asked for."""
    return f"{_mint(key, 'message-id', ref)}@{domain}"


def read_message_id(key: bytes, message_id: str) -> str | None:
    """Return the reference of a Message-ID (brackets or not), or None where we did not make it."""
    local, _, domain = message_id.strip().removeprefix("<").removesuffix(">").rpartition("@")
    return _read(key, "message-id", local) if domain else None


def is_ours(key: bytes, message_id: str) -> bool:
    return read_message_id(key, message_id) is not None


def verp(key: bytes, ref: str, domain: str) -> str:
    """Return the envelope sender of one delivery: bounces to it name the delivery themselves."""
    return f"{_RETURN_PATH}{mint(key, ref)}@{domain}"


def read_verp(key: bytes, address: str) -> str | None:
    """Return the reference of a return path that we made; None for every other address."""
    local, at, domain = address.strip().removeprefix("<").removesuffix(">").rpartition("@")
    if not at or not domain or not local.lower().startswith(_RETURN_PATH):
        return None
    return read(key, local[len(_RETURN_PATH) :])


def answer_to(key: bytes, ref: str, domain: str) -> str:
    """Return the address at which a colleague's answer to a forwarded mail comes in; it names the forward."""
    return f"{_ANSWER}{_mint(key, 'answer', ref)}@{domain}"


def read_answer(key: bytes, address: str) -> str | None:
    """Return the reference of an address for answers that we made; None for every other address."""
    local, at, domain = address.strip().removeprefix("<").removesuffix(">").rpartition("@")
    if not at or not domain or not local.lower().startswith(_ANSWER):
        return None
    return _read(key, "answer", local[len(_ANSWER) :])


def _mint(key: bytes, purpose: str, ref: str) -> str:
    if _PLAIN.fullmatch(ref):
        body = "p" + ref
    else:
        body = "b" + base64.b32encode(ref.encode()).decode("ascii").rstrip("=").lower()
    if not ref or len(body) + _MAC_LENGTH > _LONGEST:
        raise ValueError(f"a reference of {len(ref)} characters does not fit into an address")
    return body + _mac(key, purpose, body)


def _read(key: bytes, purpose: str, token: str) -> str | None:
    token = token.lower()
    if not token.isascii() or not _MAC_LENGTH + 1 < len(token) <= _LONGEST:
        return None
    body, mac = token[:-_MAC_LENGTH], token[-_MAC_LENGTH:]
    if not hmac.compare_digest(mac.encode("ascii"), _mac(key, purpose, body).encode("ascii")):
        return None
    if body[0] == "p":
        return body[1:]
    padded = body[1:].upper() + "=" * (-len(body[1:]) % 8)
    try:
        return base64.b32decode(padded).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _mac(key: bytes, purpose: str, body: str) -> str:
    digest = hmac.digest(key, f"postroom token 1\n{purpose}\n{body}".encode(), "sha256")
    return base64.b32encode(digest[:10]).decode("ascii").lower()
