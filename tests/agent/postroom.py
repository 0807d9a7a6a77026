"""A whole Postroom in a temporary folder: a real database, playbook, couriers; faked: clock, DNS, model."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from agent.config import Config
from agent.demo_world import DemoKeys, Signature, finish, static_zone
from agent.models.base import Item, Message, Model, ModelAnswer, ModelRequest
from agent.parts import Parts
from agent.serve import Service, assemble, build, opened
from agent.store import drafts, mails
from agent.store.drafts import Draft
from agent.store.mails import Mail
from agent.switch import asked_before_data
from inbound.contracts import Envelope
from inbound.resolver import StaticZone
from outbound.contracts import Courier
from outbound.couriers.registry import open_courier
from outbound.sender import send_due
from tests.agent.stores import STORES, lay_for
from tests.secrecy import SECTIONS

HERE = Path(__file__).parent
SUPPORT = "support@larkspur.example"
SALES = "sales@larkspur.example"
CUSTOMER = "ann@customer.example"
SIGNED = (Signature(domain="customer.example", algorithm="ed25519"),)
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

HOURS = "What are your opening hours on Saturday?"
"""A question that the playbook answers unseen."""
ORDER = "Where is my order LG-48213 right now?"
"""A question whose answer nobody knows: its draft waits."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@cache
def keys() -> DemoKeys:
    return DemoKeys()


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


class Scripted:
    """A model that says what a test wants, in turn; the extraction is a fixed one."""

    name = "scripted"

    def __init__(self, *turns: Item | tuple[Item, ...], extraction: str = "") -> None:
        self.turns = list(turns)
        self.extraction = extraction
        self.requests: list[ModelRequest] = []

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        self.requests.append(request)
        if request.purpose == "extract":
            items: tuple[Item, ...] = (Message(role="assistant", text=self.extraction),)
        else:
            turn = self.turns.pop(0) if self.turns else Message(role="assistant", text="done")
            items = turn if isinstance(turn, tuple) else (turn,)
        return ModelAnswer(id=f"answer-{len(self.requests)}", model=self.name, status="completed", items=items)

    async def close(self) -> None:
        """Nothing is open."""


def configuration(folder: Path, **changes: object) -> Config:
    """Two mailboxes of the demo's shop; `changes` replace whole sections."""
    playbook = HERE / "playbook"
    shared = {
        "name": "Larkspur",
        "playbook": playbook,
        "auto_send": True,
        "allowed_links": ["https://larkspur.example/"],
    }
    sections: dict[str, object] = {
        "postroom": {"tenant_id": "test", "data_dir": folder},
        "store": {"url": STORES.url(folder)},
        "listener": {"port": 0},
        "desk": {"port": 0, "undo_seconds": 0},
        "courier": {"kind": "maildir", "path": folder / "replies"},
        "mailbox": [{"address": SUPPORT, "aliases": ["help@larkspur.example"], **shared}, {"address": SALES, **shared}],
    }
    return Config.model_validate(marked({**sections, **changes}))


def marked(sections: Mapping[str, object]) -> dict[str, object]:
    """The sections with secrets that carry a mark, where none are set: see `tests.secrecy`."""
    found = dict(sections)
    for name, secrets in SECTIONS.items():
        given = found.get(name, {})
        if isinstance(given, dict):
            found[name] = {**_fitting(secrets, given), **given}
    return found


def _fitting(secrets: Mapping[str, object], given: Mapping[str, object]) -> Mapping[str, object]:
    """Those that do not make something else of what a test has set."""
    if given.get("kind") == "smtp" and "username" not in given:
        return {}
    return {name: value for name, value in secrets.items() if name != "kind" or "base_url" not in given}


@dataclass
class House:
    """A Postroom that works only when it is told to."""

    service: Service
    clock: Clock
    sent: int = 0

    @property
    def parts(self) -> Parts:
        return self.service.parts

    async def receive(
        self,
        text: str,
        *,
        subject: str = "A question",
        author: str = CUSTOMER,
        to: tuple[str, ...] = (SUPPORT,),
        signed: bool = True,
        headers: Mapping[str, str] | None = None,
        message_id: str = "",
        peer: str = "127.0.0.1",
    ) -> str:
        """Put one mail through the intake; gives its id."""
        self.sent += 1
        given = {
            "From": f"Ann Example <{author}>",
            "To": to[0],
            "Subject": subject,
            "Date": "@NOW@",
            "Message-ID": f"<{message_id or f'n{self.sent}@customer.example'}>",
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=utf-8",
            **(headers or {}),
        }
        block = "".join(f"{name}: {value}\n" for name, value in given.items())
        raw = finish(f"{block}\n{text}\n".encode(), self.clock(), keys(), SIGNED if signed else ())
        return await self.receive_raw(raw, mail_from=author, to=to, peer=peer)

    async def receive_raw(
        self, raw: bytes, *, mail_from: str, to: tuple[str, ...] = (SUPPORT,), peer: str = "127.0.0.1"
    ) -> str:
        envelope = Envelope(
            door="smtp", mail_from=mail_from, rcpt_to=to, peer=peer, helo="test", received_at=self.clock()
        )
        return (await self.service.intake.accept(raw, envelope)).mail_id

    async def settle(self) -> None:
        """Do all work that is due now, and what follows from it."""
        for _ in range(10_000):
            await self.service.triager.drain()
            await self.service.runner.drain()
            if not await self.send():
                return

    async def send(self) -> bool:
        return await send_due(self.service.outbox, self.service.courier, self.clock, key=self.parts.keys.seal)

    async def mail(self, mail_id: str) -> Mail:
        async with self.parts.database.read() as tx:
            found = await mails.get(tx, mail_id)
        assert found is not None
        return found

    async def drafts(self, mail_id: str) -> list[Draft]:
        async with self.parts.database.read() as tx:
            return await drafts.of_mail(tx, mail_id)

    async def waiting(self, mail_id: str) -> Draft:
        """The one draft of this mail that waits."""
        (found,) = [one for one in await self.drafts(mail_id) if one.state.value == "waiting"]
        return found

    def replies(self) -> list[bytes]:
        """What the courier delivered, in the order of time."""
        folder = self.parts.config.courier.path / "new"
        return [path.read_bytes() for path in sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime_ns)]


@asynccontextmanager
async def house(
    folder: Path,
    *,
    model: Model | None = None,
    courier: Courier | None = None,
    config: Config | None = None,
    zone: StaticZone | None = None,
    change: Callable[[Parts], Parts] = lambda parts: parts,
) -> AsyncIterator[House]:
    """A Postroom with its intake running and nothing else; tests drive the rest."""
    import asyncio

    config = config or configuration(folder)
    clock = Clock()
    zone = zone or StaticZone(static_zone({"customer.example": "reject", "larkspur.example": "reject"}, SIGNED, keys()))
    await lay_for(config)
    async with opened(config) as database:
        parts = change(replace(build(config, database=database, resolver=zone, model=model), now=clock))
        service = assemble(parts, courier or open_courier(config.courier, asked_before_data(database)))
        intake = asyncio.create_task(service.intake.run())
        try:
            yield House(service, clock)
        finally:
            intake.cancel()
            await asyncio.gather(intake, return_exceptions=True)
            for listening in (service.desk, service.hooks):
                if listening is not None:
                    listening.close()
            await service.courier.close()
            await parts.lookups.close()
            await parts.rspamd.close()
