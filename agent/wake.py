"""Wakes the workers of this process as soon as there is work; other processes find it by polling."""

from __future__ import annotations

import asyncio
import contextlib

from agent.states import JobKind


class Wake:
    """One event for each kind of job."""

    def __init__(self) -> None:
        self._events = {kind: asyncio.Event() for kind in JobKind}

    def set(self, *kinds: JobKind) -> None:
        for kind in kinds:
            self._events[kind].set()

    async def wait(self, kind: JobKind, seconds: float) -> None:
        """Return when work of this kind was announced, or after `seconds`."""
        event = self._events[kind]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
        event.clear()
