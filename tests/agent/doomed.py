"""A Postroom process on one flow that dies where it is told to: SIGKILL of itself around one transaction.

Run as `python -m tests.agent.doomed FOLDER HOURS FLOW [KILL]` with KILL `before|after:PLACE:N`, the N-th time that this
place in the code (a name of `flows.sites`) begins a transaction. Prints one JSON line at its end, with every place that
it passed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NoReturn

from agent.states import JobKind, OutboxState
from agent.store import deliveries, jobs, mails
from agent.store.database import Database, Tx
from agent.story import tell
from inbound.resolver import StaticZone
from tests.agent.flows import ROOT, WAYS, Stage, sites
from tests.agent.postroom import House, house
from tests.agent.wire import Wire, delivered


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


class Watched:
    """Stands in front of `Database.write`: notes each place that begins a transaction, and dies at one."""

    def __init__(self, kill: str) -> None:
        self.when, self.place, at = kill.split(":") if kill else ("", "", "0")
        self.at = int(at)
        self.passed: Counter[str] = Counter()
        self.sites = sites()
        self.real = Database.write

    def install(self) -> None:
        watched = self

        def write(database: Database, *, aside: bool = False) -> AbstractAsyncContextManager[Tx]:
            frame = sys._getframe(1)
            path = Path(frame.f_code.co_filename).relative_to(ROOT).as_posix()
            return watched.around(database, watched.sites.get((path, frame.f_lineno), path), aside=aside)

        setattr(Database, "write", write)  # noqa: B010 (the process is made to be killed here)

    @asynccontextmanager
    async def around(self, database: Database, place: str, *, aside: bool) -> AsyncIterator[Tx]:
        async with self.real(database, aside=aside) as tx:
            yield tx
            self.passed[place] += 1
            here = (place, self.passed[place]) == (self.place, self.at)
            if here and self.when == "before":
                die()
        if here and self.when == "after":
            die()


async def loose_ends(home: House, mail_id: str) -> list[str]:
    """What should not be left when all work is done."""
    found = []
    for kind in JobKind:
        due = await jobs.next_due(home.parts.database, kind)
        if due is not None and due <= home.clock():
            found.append(f"a {kind} job is due")
    async with home.parts.database.read() as tx:
        if await deliveries.in_state(tx, OutboxState.ATTEMPTING, limit=1):
            found.append("an attempt has no outcome")
        for listed in await mails.listing(tx, limit=10):
            story = await tell(tx, home.parts.audit, listed.id)
            if story is not None and story.broken and listed.id == mail_id:
                found.append(story.broken)
    return found


async def live(folder: Path, hours: float, flow: str, kill: str) -> None:
    watched = Watched(kill)
    zone = StaticZone(json.loads((folder / "zone.json").read_text()))
    watched.install()
    async with house(folder / "house", zone=zone, courier=Wire(folder)) as home:
        home.clock.advance(hours=hours)
        mail_id = await WAYS[flow].flow(Stage(home, folder))
        status = (await home.mail(mail_id)).status
        left = await loose_ends(home, mail_id)
    end = {"status": status, "replies": delivered(folder).total(), "left": left, "passed": watched.passed}
    sys.stdout.write(json.dumps(end) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3], (sys.argv[4:] or [""])[0]))
