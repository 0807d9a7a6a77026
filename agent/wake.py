"""Wakes the workers of this process as soon as there is work, and tells what others should hear of it.

Other processes hear of it by the bell where the database has one (PostgreSQL), and else by polling.
"""

from __future__ import annotations

import asyncio
import contextlib

from agent.states import JobKind


class Wake:
    """One event for each kind of job."""

    def __init__(self) -> None:
        self._events = {kind: asyncio.Event() for kind in JobKind}
        self._news: set[JobKind] = set()
        self._told = asyncio.Event()

    def set(self, *kinds: JobKind) -> None:
        """Work was made here."""
        self.heard(*kinds)
        self._news.update(kinds)
        self._told.set()

    def heard(self, *kinds: JobKind) -> None:
        """Work was made elsewhere."""
        for kind in kinds:
            self._events[kind].set()

    async def news(self) -> frozenset[JobKind]:
        """Wait until work was made here; gives what was made since the last time."""
        await self._told.wait()
        self._told.clear()
        found = frozenset(self._news)
        self._news.clear()
        return found

    async def wait(self, kind: JobKind, seconds: float) -> None:
        """Return when work of this kind was announced, or after `seconds`."""
        event = self._events[kind]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
        event.clear()
