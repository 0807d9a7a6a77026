"""Heads of the audit's chains, anchored in a signed log beside the database.

A chain proves that no row in it was changed or taken out; that its end was not cut off, it cannot prove. So the heads
that grew are written every minute to `audit-heads.jsonl` in data_dir, each line sealed together with the one before.

Rules:
- Append-only; a line that was changed, moved or taken out breaks the seals after it. A cut end of this file is found
  by whoever keeps a copy: it is made to be copied away.
- Only ids, numbers and digests stand in it: nothing of a person.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

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
        self._lines = 0
        self._size = 0
        if path.exists():
            with path.open("rb") as file:
                self._catch_up(file)

    def _catch_up(self, file: BinaryIO) -> None:
        """Read the lines that came since the last look, another process's too."""
        file.seek(self._size)
        for line in file.read().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                return  # a crash ended it; who appends next takes it away
            self._lines += 1
            self._size += len(line)
            self._take(self._lines, line)

    def _take(self, n: int, line: bytes) -> None:
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
        """Write those of the heads that grew, durably; gives how many. Several processes may share one log."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._catch_up(file)
            grown = {name: head for name, head in heads.items() if self.heads.get(name, (0, "")) < head}
            if not grown:
                return 0
            heads_said = {name: list(head) for name, head in sorted(grown.items())}
            body = json.dumps({"at": at.isoformat(), "heads": heads_said})
            file.truncate(self._size)
            file.write((json.dumps({"seal": self._sealed(body), "body": body}) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
            self._catch_up(file)
        return len(grown)
