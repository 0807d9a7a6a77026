"""Ids: short enough to type, in the order of time, made without asking the database."""

from __future__ import annotations

import secrets
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: no i, l, o, u to misread


def _base32(number: int, digits: int) -> str:
    out = []
    for _ in range(digits):
        number, rest = divmod(number, 32)
        out.append(_ALPHABET[rest])
    return "".join(reversed(out))


def new_id(prefix: str, now: datetime) -> str:
    """Make `m-` + 9 digits of milliseconds + 7 random ones (35 bits); a collision fails on the primary key."""
    return f"{prefix}-{_base32(int(now.timestamp() * 1000), 9)}{_base32(secrets.randbits(35), 7)}"
