"""LISTEN and NOTIFY: processes on one PostgreSQL wake each other.

Rules:
- A bell only saves waiting. Who does not hear it finds the work by polling, so every fault here is logged and passed.
- It is rung after the commit and at most every `PAUSE_SECONDS`: PostgreSQL lets transactions with NOTIFY commit one
  after the other, so ours are few and hold nothing else.
- A process does not hear itself. When its line was cut it hears everything once: something may have been missed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable

import structlog
from sqlalchemy import func, select

from agent.store.database import Database
from agent.store.postgres import listening_arguments

CHANNEL = "postroom"
PAUSE_SECONDS = 0.05
AGAIN_SECONDS = 2.0
"""Before a line that was cut is tried anew."""

log = structlog.get_logger()


class Bell:
    """One process's end of the line."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._name = secrets.token_hex(8)

    async def ring(self, words: Iterable[str]) -> None:
        """Tell the others; lost where the database is away."""
        try:
            async with self._database.write() as tx:
                await tx.execute(select(func.pg_notify(CHANNEL, " ".join([self._name, *words]))))
        except Exception as error:  # noqa: BLE001 (they poll)
            log.warning("bell.not_rung", error=type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS)

    async def listen(self, heard: Callable[[list[str]], None]) -> None:
        """Tell what others rang, until cancelled; an empty list: something may have been missed."""
        while True:
            try:
                await self._listen(heard)
            except Exception as error:  # noqa: BLE001 (polling goes on; the line is tried again)
                log.warning("bell.line_cut", error=type(error).__name__)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self, heard: Callable[[list[str]], None]) -> None:
        from psycopg import AsyncConnection  # of the extra `postgres`

        arguments = listening_arguments(self._database.url, self._database.password)
        async with await AsyncConnection.connect(**arguments) as line:
            await line.execute(f"LISTEN {CHANNEL}")
            heard([])
            async for notice in line.notifies():
                who, *words = notice.payload.split()
                if who != self._name and words:
                    heard(words)
