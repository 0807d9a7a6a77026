"""Passwords of people: argon2id, checked aside, made anew where the parameters have grown.

Rules:
- Length is what is asked for, and that it is not the name: no signs that must be in it (NIST SP 800-63B).
- Who is not known costs as much time as who is.
- So many at once, and no more: each takes 64 MiB.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200
AT_ONCE = 2

_HASHER = PasswordHasher()


@dataclass(frozen=True)
class Checked:
    right: bool
    anew: str = ""
    """The same password by today's parameters, where the stored hash is of others."""


def too_weak(password: str, name: str) -> str:
    """What is wrong with a password to be; empty where nothing is."""
    if len(password) < SHORTEST:
        return f"The password is too short: take {SHORTEST} characters or more, such as four words."
    if len(password) > LONGEST:
        return f"The password is too long: {LONGEST} characters are the most."
    if len(set(password)) < 5:
        return "The password repeats itself: take other words."
    if name and name.casefold() in password.casefold() and len(password) < len(name) + SHORTEST:
        return "The password has your name in it: take other words."
    return ""


class Passwords:
    """Hashes and checks, in threads, `AT_ONCE` at a time."""

    def __init__(self, hasher: PasswordHasher = _HASHER) -> None:
        self._hasher = hasher
        cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
        self._nobody = f"$argon2id$v=19${cost}${_random(hasher.salt_len)}${_random(hasher.hash_len)}"
        self._room = asyncio.Semaphore(AT_ONCE)

    async def hashed(self, password: str) -> str:
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, _bytes(password))

    async def check(self, stored: str, password: str) -> Checked:
        """Hold a password against a hash; an empty hash costs the same and is never right."""
        async with self._room:
            return await asyncio.to_thread(self._check, stored, _bytes(password[: 2 * LONGEST]))

    def _check(self, stored: str, password: bytes) -> Checked:
        try:
            self._hasher.verify(stored or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return Checked(right=False)
        if not stored:
            return Checked(right=False)
        return Checked(right=True, anew=self._hasher.hash(password) if self._hasher.check_needs_rehash(stored) else "")


def _random(length: int) -> str:
    """As argon2 writes bytes. A hash of random ones is of no password: what is typed for nobody is held against it."""
    return base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "replace")
