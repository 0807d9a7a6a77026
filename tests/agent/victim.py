"""A Postroom process that dies where it is told to: SIGKILL of itself before or after its n-th commit.

A child of the nursery lives `live(FOLDER, HOURS, KILL)`: takes the mail in, does all work, approves what waits, does
the rest, and prints one JSON line at each milestone. HOURS moves its clock: leases of a dead process have run out.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from agent import approval
from agent.states import MailStatus
from agent.store.database import Database, Tx
from inbound.resolver import StaticZone
from tests.agent.postroom import CUSTOMER, House, house
from tests.agent.wire import Wire, delivered


def say(**fact: object) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


class Counted:
    """Stands in front of `Database.write` and counts commits that changed something or could have."""

    def __init__(self, when: str, at: int) -> None:
        self.when = when
        self.at = at
        self.commits = 0
        self.real = Database.write

    def install(self) -> None:
        counted = self

        @asynccontextmanager
        async def write(database: Database, *, aside: bool = False) -> AsyncIterator[Tx]:
            async with counted.real(database, aside=aside) as tx:
                yield tx
                counted.commits += 1
                if (counted.when, counted.at) == ("before", counted.commits):
                    die()
            if (counted.when, counted.at) == ("after", counted.commits):
                die()

        setattr(Database, "write", write)  # noqa: B010 (the process is made to be killed here)


async def approve_what_waits(home: House, mail_id: str) -> None:
    if (await home.mail(mail_id)).status is MailStatus.WAITING:
        draft = await home.waiting(mail_id)
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await home.settle()


async def live(name: str, hours: str, kill: str) -> None:
    """The folder holds mail.eml and zone.json, the DNS in which its signature verifies."""
    folder = Path(name)
    when, _, at = kill.partition(":")
    counted = Counted(when, int(at or 0))
    raw = (folder / "mail.eml").read_bytes()
    zone = StaticZone(json.loads((folder / "zone.json").read_text()))
    async with house(folder / "house", zone=zone, courier=Wire(folder)) as home:
        counted.install()
        home.clock.advance(hours=float(hours))
        mail_id = await home.receive_raw(raw, mail_from=CUSTOMER)
        say(accepted=mail_id)
        await home.settle()
        await approve_what_waits(home, mail_id)
        mail = await home.mail(mail_id)
        say(status=mail.status, replies=delivered(folder).total(), commits=counted.commits)
