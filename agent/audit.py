"""The audit: append-only rows, chained per conversation by keyed digests.

Rules:
- A row's MAC covers the MAC before it and everything in the row; the key is not in the database.
- Rows hold ids, codes and keyed digests of content, never content, nor what a model or another server says: a
  person's data can be erased and the chain still verifies. So it is with the reason that a decider gives: the row has
  its digest, the words lie beside it, and `forget` takes them away.
- A row is appended in the transaction of what it tells of; either both are there or neither.
- Rows of a chain are numbered without gaps, so a removed row is found.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from agent.store import locks, trail
from agent.store.database import Tx
from agent.store.trail import Entry

SYSTEM = "system"
"""Chain of what belongs to no conversation: pauses, mail that was never threaded."""

LONGEST_REASON = 300
"""Characters of a reason that are kept."""


class Audit:
    """Writes and verifies chains with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def digest(self, content: bytes | str) -> str:
        """A keyed digest of content: proves what it was to whoever has the content, tells nobody else anything."""
        data = content.encode() if isinstance(content, str) else content
        return hmac.new(self._key, b"content\0" + data, hashlib.sha256).hexdigest()

    def _mac(self, before: str, entry: Entry) -> str:
        body = json.dumps(
            [before, entry.chain, entry.n, entry.at.isoformat(), entry.actor, entry.event, entry.mail_id, entry.data],
            sort_keys=True,
            ensure_ascii=True,
        )
        return hmac.new(self._key, b"entry\0" + body.encode(), hashlib.sha256).hexdigest()

    async def add(
        self,
        tx: Tx,
        chain: str,
        event: str,
        *,
        actor: str,
        now: datetime,
        mail_id: str = "",
        data: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> None:
        """Append one row to a chain, in the caller's transaction, which has locked the conversation that it is of.

        The row holds the digest of `reason`; its words, cut at `LONGEST_REASON`, are laid beside it.
        """
        await locks.chain(tx, chain)
        last = await trail.last(tx, chain)
        before, n = (last.mac, last.n + 1) if last else ("", 1)
        words = reason[:LONGEST_REASON]
        said = {"reason": self.digest(words)} if words else {}
        entry = Entry(chain, n, now, actor[:200], event, mail_id, {**(data or {}), **said}, "")
        await trail.append(tx, entry, self._mac(before, entry))
        if words:
            await trail.put_words(tx, entry, words)

    def verify(self, entries: Sequence[Entry]) -> str | None:
        """Say what is wrong with a chain, oldest row first; None where every row holds."""
        before = ""
        for expected, entry in enumerate(entries, start=1):
            if entry.n != expected:
                return f"row {expected} of chain {entry.chain} is missing"
            if not hmac.compare_digest(self._mac(before, entry), entry.mac):
                return f"row {entry.n} of chain {entry.chain} was changed"
            before = entry.mac
        return None
