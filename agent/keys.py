"""Keys that Postroom makes for itself at the first start: files beside the database, never in it.

Rules:
- Made once, 32 random bytes, readable by the owner alone; a file that others can read is refused.
- Three keys for three uses: who can forge one thing cannot forge another.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path


class KeyFileError(Exception):
    """A key cannot be used; the message says which file and what to do."""


@dataclass(frozen=True, repr=False)
class Keys:
    seal: bytes
    """Binds what was approved to its bytes."""
    audit: bytes
    """Chains the audit."""
    token: bytes
    """Signs our Message-IDs and return paths."""

    @classmethod
    def open(cls, folder: Path) -> Keys:
        """Read the keys in `folder`, making those that are missing. Raises KeyFileError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(*(_key(folder / f"{name}.key") for name in ("seal", "audit", "token")))

    def fingerprints(self) -> dict[str, str]:
        """What can be shown of each key: tells equal from different and nothing else."""
        return {
            field.name: hmac.new(getattr(self, field.name), b"fingerprint", hashlib.sha256).hexdigest()
            for field in fields(self)
        }


def _key(path: Path) -> bytes:
    if not path.exists():
        _make(path)
    return _read(path)


def _make(path: Path) -> None:
    """Write a key aside and link it to its name when it is on disk.

    So nobody reads half of one, not after a crash either, and of two starters the second takes the first one's.
    """
    handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # readable by the owner alone
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        Path(aside).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> bytes:
    mode = path.stat().st_mode
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"{path} can be read by others than its owner: run `chmod 600 {path}`")
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise KeyFileError(f"{path} does not hold a key of 32 bytes in hexadecimal; restore it from a backup")
    return key
