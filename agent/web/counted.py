"""How many mails each view holds, asked anew when something changed: most pages are read while nothing does.

Rules:
- Every change that counts leaves an audit row, so the newest one says whether there was any (as for `live`).
- What changes by time alone, rests and escalations, may be `SECONDS` late.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta

from agent.store import queue, trail
from agent.store.database import Tx
from agent.store.queue import View

SECONDS = 10
MOST_KEPT = 200
"""People whose counts are kept; then all are asked anew."""


class Counts:
    """The counts of one desk."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[datetime, object, dict[str, int]]] = {}

    async def of(self, tx: Tx, who: Hashable, views: Mapping[str, View], *, now: datetime) -> dict[str, int]:
        """The counts for who sees these views: a person, and their mailboxes."""
        newest = await trail.newest(tx)
        at, seen, found = self._kept.get(who, (now, None, {}))
        if seen == newest and now - at < timedelta(seconds=SECONDS):
            return found
        found = await queue.counts(tx, views, now=now)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[who] = (now, newest, found)
        return found
