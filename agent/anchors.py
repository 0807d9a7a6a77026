"""Heads of the audit's chains, anchored in a signed log beside the database.

A chain proves that no row in it was changed or taken out; that its end was not cut off, it cannot prove. So the heads
that grew are written every minute to `audit-heads.jsonl` in data_dir, each line sealed together with the one before.

Rules:
- Append-only; a line that was changed, moved or taken out breaks the seals after it. A cut end of this file is found
  by whoever keeps a copy: it is made to be copied away.
- Only ids, numbers and digests stand in it: nothing of a person.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

FILE = "audit-heads.jsonl"

Heads = Mapping[str, tuple[int, str]]
"""Chain -> (number of its last row, that row's MAC)."""


class AnchorError(Exception):
    """The log was changed; the message says where."""


class Log:
    """The log, verified once when it is opened. Raises AnchorError."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path, self._key = path, key
        self._seal = ""
        self.heads: dict[str, tuple[int, str]] = {}
        """The newest anchored head of each chain."""
        self.until: datetime | None = None
        """When the last line was written."""
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        for n, line in enumerate(lines, start=1):
            self._take(n, line)

    def _take(self, n: int, line: str) -> None:
        try:
            data = json.loads(line)
            seal, body = str(data["seal"]), str(data["body"])
        except (ValueError, KeyError, TypeError):
            raise AnchorError(f"line {n} of {self._path.name} cannot be read") from None
        if not hmac.compare_digest(seal, self._sealed(body)):
            raise AnchorError(f"line {n} of {self._path.name} was changed, or one before it was taken out")
        said = json.loads(body)
        self._seal = seal
        self.until = datetime.fromisoformat(said["at"])
        self.heads |= {name: (int(head[0]), str(head[1])) for name, head in said["heads"].items()}

    def _sealed(self, body: str) -> str:
        data = b"anchor\0" + self._seal.encode() + b"\0" + body.encode()
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()

    def append(self, heads: Heads, at: datetime) -> int:
        """Write those of the heads that grew, durably; gives how many."""
        grown = {name: head for name, head in heads.items() if self.heads.get(name) != head}
        if not grown:
            return 0
        body = json.dumps({"at": at.isoformat(), "heads": {name: list(head) for name, head in sorted(grown.items())}})
        seal = self._sealed(body)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, (json.dumps({"seal": seal, "body": body}) + "\n").encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        self._seal, self.until = seal, at
        self.heads |= grown
        return len(grown)
