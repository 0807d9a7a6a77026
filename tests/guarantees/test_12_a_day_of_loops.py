"""Guarantee 12, over time: whoever answers our answers, and however blindly, an hour later nothing moves by itself.

A little world on one clock: Postrooms, machines that answer mail, and the ways between them, over 24 simulated hours.
The model is gone bad: it answers whatever comes with the entry that may leave unseen, and it is sure. What is
counted is what left unseen; the turns of people are counted by the test that makes them.
"""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from agent.demo_world import Signature, finish, static_zone
from agent.models.base import FunctionCall, Item, ModelAnswer, ModelRequest
from agent.models.base import Message as Said
from agent.states import MailStatus
from agent.store import mails
from inbound.resolver import StaticZone
from tests.agent.postroom import HERE, HOURS, START, SUPPORT, Clock, House, configuration, house, keys
from tests.guarantees.attacker import Sink

THERE = "desk@customer.example"
"""The mailbox of the other Postroom, or the address of the machine."""
DOMAINS = ("customer.example", "larkspur.example")
BODY = "Thank you for asking. We are open Monday to Saturday from 9 to 18.\n\nYour Larkspur team\n"
RIGHT = {
    "intent": "opening_hours",
    "entities": [],
    "confidence": 1.0,
    "risks": [],
    "requested_action": "reply",
    "review_required": False,
}
DAY = timedelta(hours=24)


class Eager:
    """Answers everything at once with the operator's own words."""

    name = "eager"

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        item: Item = Said(role="assistant", text="done")
        if request.purpose == "extract":
            item = Said(role="assistant", text=json.dumps(RIGHT))
        elif not any(one.type == "function_call" for one in request.items):
            given = {"to": request.mail.author, "subject": f"Re: {request.mail.subject}", "body": BODY}
            item = FunctionCall(call_id="c1", name="send_email", arguments=json.dumps(given))
        return ModelAnswer(id="a", model=self.name, status="completed", items=(item,))

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(order=True)
class Event:
    """A mail that arrives."""

    at: datetime
    n: int
    raw: bytes = field(compare=False)
    mail_from: str = field(compare=False)
    to: str = field(compare=False)


Machine = Callable[[bytes, str, "World"], None]
"""What somebody does with a mail that reached them; the second is its return path."""


@dataclass
class World:
    """Who is there, and what is on its way."""

    machines: dict[str, Machine]
    way: Callable[[bytes], bytes] = bytes
    clock: Clock = field(default_factory=Clock)
    queue: list[Event] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    sent: list[tuple[datetime, Message]] = field(default_factory=list)
    """What Postrooms sent, with the time."""
    statuses: dict[str, list[MailStatus]] = field(default_factory=dict)

    def post(self, raw: bytes, mail_from: str, to: str, after: timedelta = timedelta(minutes=1)) -> None:
        heapq.heappush(self.queue, Event(self.clock() + after, next(self.numbers), raw, mail_from, to))

    async def live(self, homes: dict[str, tuple[House, Sink]], until: datetime) -> None:
        """Let everything happen that is due until then."""
        while self.queue and self.queue[0].at <= until:
            event = heapq.heappop(self.queue)
            self.clock.time = max(self.clock.time, event.at)
            if event.to in homes:
                await homes[event.to][0].receive_raw(event.raw, mail_from=event.mail_from, to=(event.to,))
            elif event.to in self.machines:
                self.machines[event.to](event.raw, event.mail_from, self)
            for home, sink in homes.values():
                home.clock.time = self.clock.time
                await home.settle()
                for one in sink.given:
                    self.sent.append((self.clock(), message_from_bytes(one.raw)))
                    self.post(signed(self.way(one.raw), one.sender, self.clock()), one.return_path, one.recipient)
                sink.given.clear()
        self.clock.time = until
        for name, (home, _) in homes.items():
            async with home.parts.database.read() as tx:
                self.statuses[name] = [one.status for one in await mails.listing(tx, limit=1000)]

    @property
    def unseen(self) -> list[datetime]:
        return [at for at, mail in self.sent if mail["Auto-Submitted"]]


def signed(raw: bytes, sender: str, now: datetime) -> bytes:
    """As the border server of the sender's domain signs it."""
    return keys().sign(raw, Signature(domain=sender.rpartition("@")[2], algorithm="ed25519"), now)


def written(world: World, author: str, text: str, *, subject: str = "A question", **headers: str) -> bytes:
    """A mail of somebody with a mail program, proven."""
    given = {
        "From": f"Somebody <{author}>",
        "To": SUPPORT,
        "Subject": subject,
        "Date": "@NOW@",
        "Message-ID": f"<n{next(world.numbers)}@customer.example>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    block = "".join(f"{name}: {value}\n" for name, value in given.items() if value)
    signature = Signature(domain=author.rpartition("@")[2], algorithm="ed25519")
    return finish(f"{block}\n{text}\n".encode(), world.clock(), keys(), (signature,))


def vacation(raw: bytes, return_path: str, world: World) -> None:
    """As RFC 3834 wants it: to the return path, from nobody, and it says what it is."""
    asked = message_from_bytes(raw)
    reply = written(
        world, THERE, "I am away.", subject=f"Re: {asked['Subject']}", Auto_Submitted="auto-replied",
        In_Reply_To=str(asked["Message-ID"]),
    )  # fmt: skip
    world.post(reply, "", return_path)


def bad_vacation(raw: bytes, _return_path: str, world: World) -> None:
    """Answers every mail to its author, with what it was asked, and with no sign of a machine."""
    asked = message_from_bytes(raw)
    reply = written(
        world, THERE, f"I am away. {HOURS}", subject=f"Re: {asked['Subject']}", In_Reply_To=str(asked["Message-ID"]),
        References=str(asked["Message-ID"]),
    )  # fmt: skip
    world.post(reply, THERE, SUPPORT)


def forgetful(_raw: bytes, _return_path: str, world: World) -> None:
    """The same, and each time as if it were a new matter."""
    n = next(world.numbers)
    world.post(written(world, THERE, f"Ticket {n} was opened. {HOURS}", subject=f"Ticket {n}"), THERE, SUPPORT)


def expander(raw: bytes, _return_path: str, world: World) -> None:
    """A list that we are on: what comes is sent to all, us too, in the list's name, by its rules."""
    asked = message_from_bytes(raw)
    for to in (SUPPORT, "bob@customer.example", "eve@customer.example"):
        copy = written(world, THERE, HOURS, subject=str(asked["Subject"]), List_Id="<talk.customer.example>")
        world.post(copy, "bounces@customer.example", to)


def bad_expander(raw: bytes, _return_path: str, world: World) -> None:
    """A list without a sign of one, in its own name: what we answer comes back to us as a mail of the list."""
    asked = message_from_bytes(raw)
    for to in (SUPPORT, "bob@customer.example"):
        world.post(written(world, THERE, HOURS, subject=f"[talk] {asked['Subject']}"), THERE, to)


def stripped(raw: bytes) -> bytes:
    """A relay that takes every sign of a machine away, and our Message-ID with it."""
    head, _, body = raw.partition(b"\r\n\r\n")
    wanted = (b"auto-submitted", b"message-id", b"in-reply-to", b"references", b"dkim-signature")
    lines: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in b" \t" and lines:
            lines[-1] += b"\r\n" + line
        else:
            lines.append(line)
    return b"\r\n".join(one for one in lines if one.partition(b":")[0].lower() not in wanted) + b"\r\n\r\n" + body


QUIET: dict[str, tuple[dict[str, Machine], bool]] = {
    "another Postroom": ({}, True),
    "a vacation responder": ({THERE: vacation}, False),
    "a list that says so": ({THERE: expander, "bob@customer.example": vacation}, False),
}
LOUD: dict[str, tuple[dict[str, Machine], bool]] = {
    "another Postroom, behind a relay that strips": ({}, True),
    "a responder without a sign": ({THERE: bad_vacation}, False),
    "a responder that begins anew": ({THERE: forgetful}, False),
    "a list without a sign": ({THERE: bad_expander}, False),
}


async def opened(stack: AsyncExitStack, folder: Path, world: World, *, two: bool) -> dict[str, tuple[House, Sink]]:
    """The Postrooms, as processes that begin now on what lies in their folders."""
    names = [SUPPORT, THERE] if two else [SUPPORT]
    homes = {}
    for name in names:
        shared = {"address": name, "playbook": HERE / "playbook", "auto_send": True}
        config = configuration(folder / name.partition("@")[0], mailbox=[shared])
        signatures = [Signature(domain=domain, algorithm="ed25519") for domain in DOMAINS]
        zone = StaticZone(static_zone(dict.fromkeys(DOMAINS, "reject"), signatures, keys()))
        sink = Sink()
        home = await stack.enter_async_context(
            house(config.postroom.data_dir, model=Eager(), courier=sink, config=config, zone=zone)
        )
        home.clock.time = world.clock()
        homes[name] = (home, sink)
    return homes


async def a_day(folder: Path, world: World, turns: int, *, two: bool) -> None:
    """A person at the other side writes `turns` times, six hours apart; all is restarted every two hours."""
    for n in range(turns):
        author = THERE
        mail = written(world, author, HOURS, subject=f"Question {n}")
        world.post(mail, author, SUPPORT, after=timedelta(hours=6 * n))
    for hour in range(2, 25, 2):
        if not world.queue or world.queue[0].at > START + timedelta(hours=hour):
            continue
        async with AsyncExitStack() as stack:
            homes = await opened(stack, folder, world, two=two)
            await world.live(homes, START + timedelta(hours=hour))


@pytest.mark.parametrize("who", QUIET)
async def test_machines_that_say_so_are_never_answered(tmp_path: Path, who: str) -> None:
    """One automatic mail for each turn of a person, and that is all there is in a day."""
    machines, two = QUIET[who]
    world = World(machines)
    await a_day(tmp_path, world, turns=3, two=two)
    assert len(world.unseen) == len(world.sent) == 3
    assert world.queue == []
    assert set(world.statuses[SUPPORT]) <= {MailStatus.ANSWERED, MailStatus.RECORDED, MailStatus.WAITING}
    assert world.statuses[SUPPORT].count(MailStatus.ANSWERED) == 3


@pytest.mark.parametrize("who", LOUD)
async def test_machines_without_a_sign_are_stopped_and_seen(tmp_path: Path, who: str) -> None:
    """By the caps, which outlive every restart: then a draft waits for a person, and nothing moves by itself."""
    machines, two = LOUD[who]
    world = World(machines, way=stripped if two else bytes)
    await a_day(tmp_path, world, turns=1, two=two)
    by_sender = [mail["From"] for _, mail in world.sent]
    assert all(by_sender.count(one) <= 10 for one in set(by_sender))
    assert len(world.unseen) == len(world.sent) >= 2, "it did go round, or this would prove nothing"
    assert max(world.unseen) - START < timedelta(hours=1)
    assert world.queue == []
    assert sum(found.count(MailStatus.WAITING) for found in world.statuses.values()) >= 1
