"""A Postroom on one flow that dies where it is told to: SIGKILL of itself around one fail point.

A child of the nursery lives `live(FOLDER, HOURS, FLOW, KILL)` with KILL `before|after:PLACE:N`, the N-th time that this
place in the code (a name of `failpoints.sites`) is passed; or nothing, to live on to the end. HOURS moves its clock:
leases of a dead process have run out. At its end it prints what became of the mail and every place that it passed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import httpx2

from agent.models.base import FunctionOutput
from agent.models.playbook import PlaybookModel
from agent.states import JobKind, OutboxState
from agent.store import deliveries, drafts, jobs, mails, runs
from agent.store.database import Database, Tx
from agent.story import tell
from inbound.authentication import _Timed
from inbound.resolver import StaticZone
from tests.agent.failpoints import CALLS, ROOT, sites
from tests.agent.flows import Stage
from tests.agent.postroom import House, house
from tests.agent.ways import WAYS
from tests.agent.wire import Wire, delivered
from tests.inbound.webhooks.dressed import Stores

OUTSIDE = (PlaybookModel, Wire, StaticZone, _Timed, Stores, httpx2.AsyncClient)
"""What the program's calls reach here."""


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


class Watched:
    """Stands in front of `Database.write` and of every call out: notes each fail point, and dies at one."""

    def __init__(self, kill: str) -> None:
        self.when, self.place, at = kill.split(":") if kill else ("", "", "0")
        self.at = int(at)
        self.passed: Counter[str] = Counter()
        self.real = Database.write

    def install(self) -> None:
        watched = self

        def write(database: Database, *, aside: bool = False) -> AbstractAsyncContextManager[Tx]:
            place = _place(sys._getframe(1))
            return watched.around(watched.real(database, aside=aside), place)

        setattr(Database, "write", write)  # noqa: B010 (the process is made to be killed here)
        for kind in _with_subclasses(OUTSIDE):
            for name in CALLS.keys() & vars(kind).keys():
                setattr(kind, name, self.noticed(vars(kind)[name]))

    def noticed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            place, found = _place(sys._getframe(1)), method(*given, **named)
            if place not in sites().values():
                return found
            return self.around(found, place) if hasattr(found, "__aenter__") else self.called(found, place)

        return call

    async def called(self, answer: Awaitable[Any], place: str) -> Any:
        """A call dies before it is made, or when its answer is there and nothing was done with it."""
        here = self.at_last(place)
        if here and self.when == "before":
            die()
        try:
            return await answer
        finally:
            if here:
                die()

    @asynccontextmanager
    async def around(self, block: AbstractAsyncContextManager[Any], place: str) -> AsyncIterator[Any]:
        """A transaction dies with all done but its commit, or right after that."""
        async with block as tx:
            yield tx
            here = self.at_last(place)
            if here and self.when == "before":
                die()
        if here:
            die()

    def at_last(self, place: str) -> bool:
        self.passed[place] += 1
        return (place, self.passed[place]) == (self.place, self.at)


def _place(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    return sites().get((name, frame.f_lineno), name)


def _with_subclasses(kinds: tuple[type, ...]) -> Iterator[type]:
    for kind in kinds:
        yield kind
        yield from _with_subclasses(tuple(kind.__subclasses__()))


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
            found += await _done_twice(tx, listed.id)
    return found


async def _done_twice(tx: Tx, mail_id: str) -> list[str]:
    """Tool calls that were answered more than once, and proposals that became more than one draft."""
    found = []
    for run in await runs.of_mail(tx, mail_id):
        told = Counter(item.call_id for item in await runs.items(tx, run.id) if isinstance(item, FunctionOutput))
        found += [f"{run.id}: {call_id} was answered {n} times" for call_id, n in told.items() if n > 1]
    made = Counter(
        (one.run_id, one.call_id) for one in await drafts.of_mail(tx, mail_id) if one.call_id and one.parent_id is None
    )
    return found + [f"{call} became {n} drafts" for call, n in made.items() if n > 1]


async def live(folder: str, hours: str, flow: str, kill: str) -> None:
    watched, place = Watched(kill), Path(folder)
    zone = StaticZone(json.loads((place / "zone.json").read_text()))
    watched.install()
    async with house(place / "house", zone=zone, courier=Wire(place)) as home:
        home.clock.advance(hours=float(hours))
        mail_id = await WAYS[flow].flow(Stage(home, place))
        status = (await home.mail(mail_id)).status
        left = await loose_ends(home, mail_id)
    end = {"status": status, "replies": delivered(place).total(), "left": left, "passed": watched.passed}
    sys.stdout.write(json.dumps(end) + "\n")
