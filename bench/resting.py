"""Ten thousand runs that rest in `requires_action`: how long a list of them takes, and what they cost a process.

`python -m bench.resting`: on SQLite, and on PostgreSQL where it is installed. One real run is made and its rows copied.
The lists are what the desk's first page and `postroom review list` read; milliseconds, median of 25. Memory is the
resident size of a service that has worked for some seconds, on a database with one such run and with ten thousand.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select, text

from agent.serve import running
from agent.states import MailStatus
from agent.store import drafts, mails, pauses
from agent.store.database import Database, Tx
from agent.store.tables import metadata
from tests.agent.postgres import MISSING, Server, binaries
from tests.agent.postroom import HOURS, house
from tests.agent.stores import STORES

COUNT = 10_000
GROUP = 500
TURNS = 25
IDLE_SECONDS = 4
OURS = re.compile(r"([a-z]-[0-9a-z]{11})([0-9a-z]{5})")


def _copy(table: Table, row: dict[str, Any], number: int) -> dict[str, Any]:
    """The same row of another run: ids and what has to be unique get a number."""
    found = dict(row)
    for name, value in row.items():
        if isinstance(value, str) and OURS.fullmatch(value):
            found[name] = OURS.sub(rf"\g<1>{number:05}", value)
    if table.name in {"mail", "answer_claim"}:
        key = "door_key" if table.name == "mail" else "claim_key"
        found[key] = f"{row[key][:-5]}{number:05}"
    if table.name == "searched":
        del found["n"]  # the database counts
    return found


async def _multiply(database: Database) -> None:
    """Copy all rows of the one run that there is."""
    async with database.write() as tx:
        for table in metadata.sorted_tables:
            rows = [dict(row._mapping) for row in await tx.execute(select(table))]  # noqa: SLF001 (SQLAlchemy's public way)
            if table.name == "keyring":
                continue
            for start in range(1, COUNT, GROUP):
                copies = [_copy(table, row, n) for n in range(start, min(start + GROUP, COUNT)) for row in rows]
                if copies:
                    await tx.execute(table.insert(), copies)
        await tx.execute(text("ANALYZE"))


async def _desk(tx: Tx) -> int:
    found = await mails.listing(tx, (MailStatus.WAITING,), limit=101)
    await mails.counts(tx)
    await pauses.all_(tx)
    return len(found)


async def _review(tx: Tx) -> int:
    found = await drafts.waiting(tx, limit=200)
    await mails.listed(tx, [draft.mail_id for draft in found])
    await drafts.count_waiting(tx)
    return len(found)


async def _timed(database: Database, read: Callable[[Tx], Awaitable[int]]) -> tuple[float, int]:
    found, rows = [], 0
    for _ in range(TURNS):
        start = time.perf_counter()
        async with database.read() as tx:
            rows = await read(tx)
        found.append((time.perf_counter() - start) * 1000)
    return statistics.median(found), rows


async def _idle(folder: Path) -> None:
    """What a process needs that does nothing but be ready; said in kilobytes."""
    async with house(folder) as home, running(home.service):
        await asyncio.sleep(IDLE_SECONDS)
        status = await asyncio.to_thread(Path("/proc/self/status").read_text)
    print(re.search(r"VmRSS:\s+(\d+) kB", status)[1])  # type: ignore[index]  # Linux has it


def _resident(folder: Path) -> float:
    """Megabytes of a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "bench.resting", "--idle", str(folder)],
        env=STORES.environment(folder),
        check=True,
        capture_output=True,
        text=True,
    )
    return int(ended.stdout.split()[-1]) / 1024


async def _one(folder: Path) -> None:
    async with house(folder) as home:
        await home.receive(HOURS, signed=False)
        await home.settle()


async def _lists(folder: Path) -> None:
    database = STORES.open(folder)
    await _multiply(database)
    for name, read in (("desk's first page", _desk), ("review list", _review)):
        milliseconds, rows = await _timed(database, read)
        print(f"  {name:<18} {milliseconds:6.1f} ms  ({rows} rows; to be under 50 ms)")
    await database.close()


def measure(folder: Path) -> None:
    asyncio.run(_one(folder))
    before = _resident(folder)
    asyncio.run(_lists(folder))
    after = _resident(folder)
    print(f"  memory             {before:.0f} MB with one resting run, {after:.0f} MB with {COUNT:,}")


def main() -> None:
    if sys.argv[1:2] == ["--idle"]:
        asyncio.run(_idle(Path(sys.argv[2])))
        return
    found = binaries()
    for kind in ("sqlite", "postgresql"):
        print(f"{kind}, {COUNT:,} resting runs")
        if kind == "postgresql" and found is None:
            print(f"  {MISSING}")
            continue
        server = Server(found) if kind == "postgresql" and found else None
        STORES.use(server)
        try:
            with tempfile.TemporaryDirectory() as folder:
                measure(Path(folder))
        finally:
            STORES.forget()
            if server is not None:
                server.close()


if __name__ == "__main__":
    main()
