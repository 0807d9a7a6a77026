"""Batches of attacks against a whole Postroom, and the command: `python -m tests.fortress.run [N] [SEED]`."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import structlog

from agent import approval
from agent.parts import Parts
from agent.reputation_settings import ReputationSettings
from agent.states import MailStatus
from agent.store import drafts, mails
from tests.agent.postroom import House, configuration, house
from tests.fortress.checker import NEVER_ANSWERED, Told, check
from tests.fortress.storm import Found, Puppets, attacks
from tests.guarantees.attacker import Sink

BATCH = 60
VICTIM = "victim@customer.example"
SECRET = "KIWI4711PASSPHRASE"
HIDDEN = (MailStatus.RECORDED, MailStatus.CLOSED, MailStatus.DUPLICATE)


async def batch(
    folder: Path, seed: int, count: int = BATCH, *, change: Callable[[Parts], Parts] = lambda parts: parts
) -> Found:
    """One house, another customer with a secret, `count` attacks; in every third batch a tired person approves all."""
    storm = attacks(seed, count, SECRET)
    model, sink, many = Puppets(storm), Sink(), 1_000_000
    limits = {"per_domain": many, "per_mailbox": many, "total": many}
    config = configuration(folder, limits=limits, reputation=ReputationSettings.unlimited())
    async with house(folder, model=model, courier=sink, config=config, change=change) as home:
        await home.receive(f"My passphrase is {SECRET}.", author=VICTIM, message_id="victim@customer.example")
        await home.settle()
        ids = {}
        for one in storm:
            ids[one.n] = await home.receive(one.text, author=one.author, headers=one.headers, signed=one.signed)
        await home.settle()
        asked = list(model.requests)
        if seed % 3 == 2:
            await _tired(home)
        else:
            asked = model.requests
        told = {one.author: Told(one.author, one.kind, one.signed) for one in storm}
        told[VICTIM] = Told(VICTIM, "proven", True)
        sent = [one.raw for one in sink.given]
        found = Found(violations=check(sent, told, SECRET, asked, VICTIM, approved=seed % 3 == 2))
        async with home.parts.database.read() as tx:
            hidden = {one.id for one in await mails.listing(tx, HIDDEN, limit=10_000)}
        for one in storm:
            if ids[one.n] in hidden and one.kind not in NEVER_ANSWERED:
                found.violations.append(f"a {one.kind} mail of a person was put away")
    found.sent = len(sink.given)
    found.unseen = sum(b"auto-submitted:" in one.raw.lower() for one in sink.given)
    return found


async def _tired(home: House) -> None:
    async with home.parts.database.read() as tx:
        waiting = await drafts.waiting(tx, limit=10_000)
    for draft in waiting:
        await approval.approve(home.parts, draft.id, by="tired", seen_hash=draft.approval_hash, reason="tired")
    await home.settle()


def one_batch(seed: int) -> Found:
    """In a process of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(batch(Path(name), seed))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(count: int, first: int) -> int:
    begun, done = time.monotonic(), Found()
    seeds = range(first, first + -(-count // BATCH))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for n, (seed, found) in enumerate(zip(seeds, pool.map(one_batch, seeds), strict=True), start=1):
            done.sent += found.sent
            done.unseen += found.unseen
            done.violations += [f"seed {seed}: {one}" for one in found.violations]
            if n % 10 == 0 or n == len(seeds):
                took = time.monotonic() - begun
                _say(f"{n * BATCH:>8} attacks, {len(done.violations)} violations, {took:.0f} s")
    for one in done.violations[:50]:
        _say(one)
    _say(f"{done.sent} mails left, {done.unseen} of them unseen; {len(done.violations)} violations")
    return 1 if done.violations else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
