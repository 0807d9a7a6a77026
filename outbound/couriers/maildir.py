"""Courier: writes each mail into a Maildir. Sends nothing; for trying out, and for hosts that pick mail up there.

Rules:
- tmp/ -> fsync -> rename into new/ -> fsync of new/: after `Sent` it survives a power cut; nobody sees half a mail.
- The name is made of the Message-ID alone, `<hash>.postroom.eml`: a second delivery of the same mail finds the first,
  in new/ or, once a reader has moved it, in cur/ (`<hash>.postroom.eml:2,S`). Maildir readers treat names as opaque
  (no colon, no leading dot), and a person's mail program opens .eml by a double click.
- The bytes are those that were approved, CRLF and all; nothing is put in front.
- Everything that fails here is `Again`: since a repeat cannot make a second file, nothing is ever in doubt.
- Folders are made 0700, files 0600.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from outbound.contracts import Again, ApprovedEmail, DeliveryResult, Sent
from outbound.couriers.wording import one_line


class MaildirCourier:
    name = "maildir"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        try:
            written = await asyncio.to_thread(self._write, file_name(email.message_id), email.raw)
        except OSError as error:
            return Again(reason=f"maildir {self._path}: {one_line(error.strerror or error)}")
        return Sent(detail=one_line(written))

    async def close(self) -> None:
        """Nothing is held open."""

    def _write(self, name: str, raw: bytes) -> Path:
        folders = {kind: self._path / kind for kind in ("tmp", "new", "cur")}
        for folder in folders.values():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = folders["new"] / name
        present = _already_there(target, folders["cur"])
        if present is None:
            _write_durably(folders["tmp"] / f"{os.getpid()}.{secrets.token_hex(8)}", target, raw)
        # Also where it was there: the attempt that wrote it may have died before this.
        _sync_folder(folders["new"])
        return present or target


def file_name(message_id: str) -> str:
    """Return the name of the mail's file in new/."""
    return f"{hashlib.sha256(message_id.encode()).hexdigest()[:32]}.postroom.eml"


def take_away(path: Path, message_ids: Iterable[str]) -> None:
    """Remove these mails, in whichever folder a reader has put them."""
    names = tuple(file_name(one) for one in message_ids)
    for folder in (path / "new", path / "cur"):
        if names and folder.is_dir():
            for one in list(folder.iterdir()):
                if one.name.startswith(names):
                    one.unlink(missing_ok=True)


def _already_there(target: Path, cur: Path) -> Path | None:
    if target.exists():
        return target
    with os.scandir(cur) as entries:
        return next((Path(entry.path) for entry in entries if entry.name.startswith(target.name)), None)


def _write_durably(temporary: Path, target: Path, raw: bytes) -> None:
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(target)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
