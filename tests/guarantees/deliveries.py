"""Peers that deliver to a `keeper` as mail servers do: what was not acknowledged is sent again until it is."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.store.database import Database
from agent.store.migrate import migrate
from tests.agent.postroom import free_port
from tests.guarantees.keeper import MAILBOX

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30.0
Ids = dict[int, list[str]]


def letter(number: int, lines: int) -> bytes:
    """A mail whose every line names it."""
    body = b"".join(b"mail %06d line %06d\r\n" % (number, line) for line in range(lines))
    return b"From: a@customer.example\r\nSubject: %d\r\n\r\n%b" % (number, body)


@dataclass
class Ledger:
    """What the peers know."""

    acknowledged: dict[int, str] = field(default_factory=dict)
    """The id that the 250 named, by the number of the mail."""
    refused: list[str] = field(default_factory=list)
    cut: int = 0
    """Deliveries that ended without an answer to the mail."""


class Line:
    """One connection to the door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Line:
        line = cls(*await asyncio.open_connection("127.0.0.1", port))
        try:
            await line._answer()
            await line._ask(b"EHLO peer.example\r\n")
        except OSError:
            line.close()
            raise
        return line

    async def deliver(self, raw: bytes) -> str:
        """The last answer: to the mail, or to the command that was refused."""
        wire = b"MAIL FROM:<a@customer.example>\r\nRCPT TO:<" + MAILBOX.encode() + b">\r\nDATA\r\n"
        self._writer.write(wire)
        for _ in range(3):
            answer = await self._answer()
        return answer if not answer.startswith("354") else await self._ask(raw + b".\r\n")

    async def _ask(self, wire: bytes) -> str:
        self._writer.write(wire)
        return await self._answer()

    async def _answer(self) -> str:
        while True:
            line = await self._reader.readline()
            if not line.endswith(b"\n"):
                raise ConnectionResetError
            if line[3:4] != b"-":
                return line.decode().strip()

    def close(self) -> None:
        self._writer.transport.abort()


async def keep_delivering(port: int, numbers: Iterator[int], ledger: Ledger, lines: Sequence[int] = (3,)) -> None:
    """Deliver mail after mail; each one again until it is acknowledged."""
    line: Line | None = None
    try:
        for number in numbers:
            raw = letter(number, lines[number % len(lines)])
            while number not in ledger.acknowledged:
                begun = False
                try:
                    line = line or await Line.open(port)
                    begun = True
                    answer = await line.deliver(raw)
                except OSError:
                    ledger.cut += begun
                    if line is not None:
                        line.close()
                    line = None
                    await asyncio.sleep(0.002)
                    continue
                if answer.startswith("250 "):
                    ledger.acknowledged[number] = answer.split()[-1]
                else:
                    ledger.refused.append(answer)
    finally:
        if line is not None:
            line.close()


async def new_store(folder: Path) -> None:
    """An empty database at the newest schema."""
    database = Database.sqlite(folder / "postroom.db")
    await migrate(database)
    await database.close()


def stored(folder: Path) -> Ids:
    """Ids by number of every mail that is there whole, with the one job that reads it. Raises where one is not."""
    with contextlib.closing(sqlite3.connect(folder / "postroom.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute(
            "SELECT mail.id, raw_mail.data, (SELECT count(*) FROM job WHERE job.ref = mail.id) FROM mail"
            " LEFT JOIN raw_mail ON raw_mail.mail_id = mail.id"
        ).fetchall()
    found: Ids = {}
    for mail_id, data, jobs in rows:
        number = int(data.partition(b"Subject: ")[2].partition(b"\r\n")[0])
        assert data == letter(number, data.count(b" line "))
        assert jobs == 1
        found.setdefault(number, []).append(mail_id)
    return found


@dataclass
class Kept:
    """A keeper that runs."""

    port: int
    process: asyncio.subprocess.Process

    async def born(self) -> int:
        """The process id of the next one that serves, once its door is open."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return int(await self.process.stdout.readline())


@asynccontextmanager
async def keeping(folder: Path, fault: str = "", *, under: Sequence[str] = ()) -> AsyncIterator[Kept]:
    """A keeper over the store in `folder`, run by the command `under` where one is given."""
    port = free_port()
    command = [*under, sys.executable, "-m", "tests.guarantees.keeper", str(folder), str(port), fault]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    try:
        yield Kept(port, process)
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
