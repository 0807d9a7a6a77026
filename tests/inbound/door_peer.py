"""The door's two neighbours in tests: an intake in memory and a peer on a raw socket."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from inbound.contracts import Envelope, Receipt, Recipient, Seen
from inbound.listener import Door
from inbound.settings import ListenerSettings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SUPPORT = "support@shop.example"
BOUNCE = "bounce+t0ken@shop.example"
MAIL = b"From: a@b.example\r\nSubject: hello\r\n\r\nHow are you?\r\n"
PATIENCE = 5.0


@dataclass
class MemoryIntake:
    """Stands in for the store: keeps what it accepted."""

    ours: dict[str, Recipient] = field(
        default_factory=lambda: {
            SUPPORT: Recipient.MAILBOX,
            "sales@shop.example": Recipient.MAILBOX,
            "postmaster@shop.example": Recipient.MAILBOX,
            "user@xn--bcher-kva.example": Recipient.MAILBOX,
            BOUNCE: Recipient.BOUNCE,
        }
    )
    everything: bool = False
    mails: list[tuple[bytes, Envelope]] = field(default_factory=list)
    fails: Exception | None = None
    gate: asyncio.Event | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)

    def recipient(self, address: str) -> Recipient:
        return Recipient.MAILBOX if self.everything else self.ours.get(address, Recipient.UNKNOWN)

    async def accept(self, data: bytes, envelope: Envelope, seen: Seen | None = None) -> Receipt:
        self.started.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        self.mails.append((data, envelope))
        return Receipt(mail_id=f"m_{len(self.mails)}")


class Peer:
    """A client that sends exactly the bytes it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self) -> str:
        """One reply, all its lines."""
        lines: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while True:
                line = (await self.reader.readline()).decode()
                lines.append(line)
                if not line or line[3:4] != "-":
                    return "".join(lines)

    async def ask(self, command: str | bytes) -> str:
        raw = command.encode() if isinstance(command, str) else command
        self.send(raw + b"\r\n")
        return await self.reply()

    async def code(self, command: str | bytes) -> int:
        return int((await self.ask(command))[:3])

    async def begin(self, *recipients: str, sender: str = "a@b.example", options: str = "") -> None:
        """Everything up to the 354."""
        assert (await self.code(f"MAIL FROM:<{sender}>{options}")) == 250
        for recipient in recipients or (SUPPORT,):
            assert (await self.code(f"RCPT TO:<{recipient}>")) == 250
        assert (await self.code("DATA")) == 354

    async def deliver(self, body: bytes) -> str:
        """One mail; `body` as it goes over the wire, without the end."""
        await self.begin()
        return await self.ask(body + b".")

    async def at_end(self) -> bytes:
        """What comes until the door closes the connection."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await self.writer.wait_closed()
        except (OSError, ssl.SSLError):
            pass


@dataclass
class OpenDoor:
    door: Door
    intake: MemoryIntake
    now: list[datetime]
    peers: list[Peer] = field(default_factory=list)

    async def knock(self, *, greet: bool = True) -> Peer:
        peer = Peer(*await asyncio.open_connection("127.0.0.1", self.door.port))
        self.peers.append(peer)
        if greet:
            assert (await peer.reply()).startswith("220 ")
            assert await peer.code("EHLO client.example") == 250
        return peer


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the door learns a moment after its peer did it (a lost connection, say)."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 (the door has no event for tests)
            await asyncio.sleep(0.005)


@asynccontextmanager
async def open_door(
    intake: MemoryIntake | None = None, tls: ssl.SSLContext | None = None, **settings: object
) -> AsyncIterator[OpenDoor]:
    """A door on a free port of 127.0.0.1, closed again with every peer that knocked."""
    values = {"port": 0, "hostname": "shop.example", "stop_seconds": 0.2, **settings}
    now = [NOW]
    memory = intake or MemoryIntake()
    door = Door(ListenerSettings.model_validate(values), memory, clock=lambda: now[0], tls=tls)
    held = OpenDoor(door, memory, now)
    await held.door.start()
    try:
        yield held
    finally:
        for peer in held.peers:
            await peer.close()
        await held.door.stop()
