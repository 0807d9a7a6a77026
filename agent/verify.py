"""The whole audit, verified: every chain, what it speaks of, and the heads that were anchored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from agent import anchors
from agent.audit import SYSTEM
from agent.evidence import false_reasons
from agent.parts import Parts
from agent.store import mails, trail
from agent.story import tell

MAILS_AT_ONCE = 200
SLACK = timedelta(hours=1)
"""How far back rows are looked for again: clocks of several machines differ, and long work is dated at its start."""


@dataclass(frozen=True)
class Verified:
    chains: int
    rows: int
    mails: int
    anchored: int
    problems: tuple[str, ...]


class Anchoring:
    """Writes the heads that grew, whenever it is asked; the log is read and verified once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._log: anchors.Log | None = None

    async def work(self) -> int:
        """Anchor what grew; gives how many heads. Raises AnchorError where the log was changed: a person looks."""
        if self._log is None:
            self._log = await asyncio.to_thread(_open, self._parts)
        now = self._parts.now()
        since = self._log.until - SLACK if self._log.until else None
        async with self._parts.database.read() as tx:
            heads = await trail.heads(tx, since)
        return await asyncio.to_thread(self._log.append, heads, now)


def _open(parts: Parts) -> anchors.Log:
    return anchors.Log(parts.config.postroom.data_dir / anchors.FILE, parts.keys.audit)


async def verify_all(parts: Parts) -> Verified:
    """Look at everything. Takes its time: each mail's story is read."""
    problems: list[str] = []
    try:
        anchored = (await asyncio.to_thread(_open, parts)).heads
    except anchors.AnchorError as error:
        anchored = {}
        problems.append(str(error))
    async with parts.database.read() as tx:
        heads = await trail.heads(tx)
        rows = 0
        for name in heads:
            chain = await trail.chain_of(tx, name)
            rows += len(chain)
            if problem := parts.audit.verify(chain):
                problems.append(problem)
            n, mac = anchored.get(name, (0, ""))
            if n and (len(chain) < n or chain[n - 1].mac != mac):
                problems.append(f"chain {name} was cut or written anew: row {n} is not the one that was anchored")
        problems += false_reasons(parts.audit, await trail.chain_of(tx, SYSTEM), await trail.words_of(tx, ""))
    problems += [f"chain {name} is gone; it had {n} rows" for name, (n, _) in anchored.items() if name not in heads]
    looked, more = await _stories(parts)
    return Verified(len(heads), rows, looked, len(anchored), (*problems, *more))


async def _stories(parts: Parts) -> tuple[int, list[str]]:
    """How many mails there are, and what differs from what the audit says of them."""
    looked, problems, before = 0, list[str](), None
    while True:
        async with parts.database.read() as tx:
            page = await mails.listing(tx, limit=MAILS_AT_ONCE, before=before)
            for listed in page:
                story = await tell(tx, parts.audit, listed.id)
                if story is not None and story.broken:
                    problems.append(f"{listed.id}: {story.broken}")
        looked += len(page)
        if len(page) < MAILS_AT_ONCE:
            return looked, problems
        before = (page[-1].received_at, page[-1].id)
