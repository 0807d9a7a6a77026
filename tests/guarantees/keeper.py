"""A door and its store, and nothing else, in a process that is started again in milliseconds whenever it is killed.

Run as `python -m tests.guarantees.keeper FOLDER PORT [FAULT]`: this process imports everything once and forks the one
that serves; it forks another when that one dies of a signal, and ends when that one ends by itself, which it does when
standard input is closed. Each one that serves prints its process id when the door is open.

A fault makes the promise untrue, so that a test can see that it would be noticed: `early` answers before the commit,
`normal` commits without asking the disk.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from agent.intake import DoorIntake
from agent.store import database
from agent.store.database import Database
from inbound.contracts import Envelope, Receipt, Recipient, Seen
from inbound.listener import Door
from inbound.settings import ListenerSettings

MAILBOX = "support@shop.example"


class Addressbook:
    """One mailbox."""

    def mailboxes_of(self, recipients: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for one in recipients if one == MAILBOX)

    def recipient(self, address: str) -> Recipient:
        return Recipient.MAILBOX if address == MAILBOX else Recipient.UNKNOWN


class Early(DoorIntake):
    """The fault `early`: it answers, then it stores."""

    async def accept(self, data: bytes, envelope: Envelope, seen: Seen | None = None) -> Receipt:
        self.later = asyncio.ensure_future(super().accept(data, envelope, seen))
        return Receipt(mail_id="m-early")


def careless(prepare: Any) -> Any:
    """The fault `normal`: SQLite is told afterwards that the disk need not be asked at each commit."""

    def prepared(connection: Any) -> None:
        prepare(connection)
        connection.execute("PRAGMA synchronous = NORMAL")

    return prepared


async def serve(folder: Path, port: int, fault: str) -> None:
    if fault == "normal":
        setattr(database, "_prepare", careless(database._prepare))  # noqa: B010 (the process is made to be faulty here)
    store = Database.sqlite(folder / "postroom.db")
    intake = (Early if fault == "early" else DoorIntake)(store, Addressbook(), lambda: None)
    running = asyncio.ensure_future(intake.run())
    door = Door(
        ListenerSettings(port=port, max_mails_per_minute_per_address=0), intake, clock=lambda: datetime.now(UTC)
    )
    await door.start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, ended.set)
    os.write(1, f"{os.getpid()}\n".encode())
    await ended.wait()
    await door.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()


def main(folder: Path, port: int, fault: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    while True:
        child = os.fork()
        if not child:
            asyncio.run(serve(folder, port, fault))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), (sys.argv[3:] or [""])[0])
