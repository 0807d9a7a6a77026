"""Courier: a dry run. What would be sent is written down, and nothing leaves.

`path`/would-send.jsonl has a line for each mail (who, to whom, subject, by whom approved, hash), and
`path`/SHA256.eml its bytes. A mail that comes twice has two lines: nothing is hidden.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from outbound.compose import inspect
from outbound.contracts import Again, ApprovedEmail, DeliveryResult, Refused, Sent


class LogCourier:
    name = "log"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        try:
            await asyncio.to_thread(self._write, email)
        except OSError as error:
            return Again(reason=f"{error.filename}: {error.strerror}")
        return Sent(detail=f"written down in {self._folder / 'would-send.jsonl'}; nothing left this machine")

    def _write(self, email: ApprovedEmail) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = inspect(email.raw)
        line = {
            "at": email.approved_at.isoformat(),
            "from": email.sender,
            "to": email.recipient,
            **({"copies": list(email.copies)} if email.copies else {}),
            "subject": "" if isinstance(found, Refused) else found.subject,
            "way": email.way,
            "approved_by": email.approved_by,
            "message_id": email.message_id,
            "sha256": email.sha256,
        }
        _put(self._folder / f"{email.sha256}.eml", email.raw, os.O_TRUNC)
        _put(self._folder / "would-send.jsonl", f"{json.dumps(line, ensure_ascii=False)}\n".encode(), os.O_APPEND)

    async def close(self) -> None:
        """Nothing is open."""


def _put(path: Path, data: bytes, how: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
