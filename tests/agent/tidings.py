"""Ways on which somebody is told: the team of what waits or stands still, and we of what became of a reply."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

from agent import (
    answering,
    breaker,
    canary,
    noticing,
)
from agent.config import Config
from agent.reported import reported
from agent.states import MailStatus
from agent.store import deliveries, notices
from inbound.contracts import DeliveryEvent
from outbound import tokens
from outbound.contracts import ApprovedEmail, DeliveryResult, Sent
from tests.agent.flows import Stage, resolved
from tests.agent.postroom import CUSTOMER, SUPPORT
from tests.agent.wire import Wire


async def told(stage: Stage) -> str:
    """A provider reports that the reply was delivered, as often as it likes."""
    mail_id = await stage.mail("known")
    await stage.home.settle()
    async with stage.home.parts.database.read() as tx:
        sent = [one.message_id for one in await deliveries.of_mail(tx, mail_id)]
    event = DeliveryEvent(kind="delivered", recipient=CUSTOMER, original_message_id=sent[0] if sent else "")
    await reported(stage.home.parts, [event, event])
    return await resolved(stage, mail_id)


async def tripped(stage: Stage) -> str:
    """The breaker opened by a person while a reply is on its way: it waits, the team is told; then it is closed."""
    object.__setattr__(stage.home.parts, "config", watched(stage.home.parts.config))
    parts = stage.home.parts
    mail_id = await stage.mail("known")
    await stage.home.service.triager.drain()
    await stage.home.service.runner.drain()
    if await stage.status(mail_id) is not MailStatus.WAITING:
        await breaker.trip(parts, by="ruth", reason="a blocklist names us")
    await stage.home.settle()
    await noticing.tell_breaker(parts)
    async with parts.database.read() as tx:
        told = [one for one in await notices.last(tx, "notice", 10) if one.key.startswith("breaker:")]
    assert len(told) == 1, told
    await breaker.close(parts, by="ruth")
    return mail_id


class Told(Wire):
    """Keeps each mail under its Message-ID: the same one twice is one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(exist_ok=True)
        self.folder = folder

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        (self.folder / email.message_id).write_bytes(email.raw)
        return Sent(detail="250 ok")


def watched(config: Config) -> Config:
    """The same with a team that is told and a door that is tried."""
    values = config.model_dump(by_alias=True)
    values["notices"] = {"team": ["team@people.example"]}
    values["canary"] = [{"to": SUPPORT, "every_minutes": 600}]
    return Config.model_validate(values)


async def escalated(stage: Stage) -> str:
    """A draft that nobody looks at, and a canary that does not come in: the team is told of both."""
    object.__setattr__(stage.home.parts, "config", watched(stage.home.parts.config))
    parts, courier = stage.home.parts, Told(stage.folder / "told")
    mail_id = await stage.mail("unproven")
    for hours in (1, 1, 1, 21, 1, 1, 1):
        stage.home.clock.advance(hours=hours)
        await stage.home.settle()
        await noticing.look(parts)
        await canary.watch(parts)
        while await noticing.send(parts, courier, timedelta(minutes=10)):
            pass
    subjects = {message_from_bytes(one.read_bytes())["Subject"] for one in courier.folder.iterdir()}
    # What waits, what waits too long, the canary itself and that it is silent.
    assert len(subjects) == 4, subjects
    return mail_id


async def answered_by_mail(stage: Stage) -> str:
    """A colleague gets the mail forwarded and answers it by mail."""
    values = stage.home.parts.config.model_dump(by_alias=True)
    values["answering"] = {"people": ["ruth@customer.example"]}
    object.__setattr__(stage.home.parts, "config", Config.model_validate(values))
    parts, courier = stage.home.parts, Told(stage.folder / "told")
    mail_id = await stage.mail("strange")
    await stage.home.settle()
    await noticing.look(parts)
    while await noticing.send(parts, courier, timedelta(minutes=10)):
        pass
    async with parts.database.read() as tx:
        (forward,) = await notices.last(tx, answering.FORWARD)
    to = tokens.answer_to(parts.keys.token, forward.id, SUPPORT.partition("@")[2])
    raw = (stage.folder / "colleague.eml").read_bytes()
    await stage.home.receive_raw(raw, mail_from="ruth@customer.example", to=(to,))
    await stage.home.settle()
    return await resolved(stage, mail_id)
