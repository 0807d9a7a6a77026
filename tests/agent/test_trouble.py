"""Trouble of every part ends with a person or another try, never with a send, and nothing is stuck for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.models.base import ModelAnswer, ModelRequest, ModelUnavailableError
from agent.states import JobKind, MailStatus
from agent.store import jobs
from agent.worker import MAX_CLAIMS
from inbound.contracts import ResolverTroubleError
from inbound.resolver import StaticZone
from tests.agent.postroom import HOURS, SIGNED, House, Scripted, house, keys

pytestmark = pytest.mark.usefixtures("both_databases")


class Away(Scripted):
    """A model that gives no answer from its n-th request on."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        if len(self.requests) >= self.after:
            raise ModelUnavailableError("503")
        return await super().respond(request)


async def work_for_hours(home: House) -> None:
    for _ in range(12):
        await home.settle()
        home.clock.advance(hours=1)


@pytest.mark.parametrize(("after", "status"), [(0, MailStatus.PERSON), (1, MailStatus.PERSON)])
async def test_a_model_that_stays_away_ends_with_a_person(tmp_path: Path, after: int, status: MailStatus) -> None:
    """Tried again some times, then given up; the mail stands in a list that people see."""
    async with house(tmp_path, model=Away(after)) as home:
        mail_id = await home.receive(HOURS)
        await work_for_hours(home)
        assert (await home.mail(mail_id)).status is status
        assert home.replies() == []
        assert await jobs.next_due(home.parts.database, JobKind.TRIAGE) is None
        assert await jobs.next_due(home.parts.database, JobKind.RUN) is None


async def test_dns_that_comes_back_is_waited_for(tmp_path: Path) -> None:
    """A hiccup of DNS does not make a proven author an unproven one."""

    class Hiccup(StaticZone):
        away = True

        async def txt(self, name: str) -> list[str]:
            if self.away:
                raise ResolverTroubleError(name)
            return await super().txt(name)

    from agent.demo_world import static_zone

    zone = Hiccup(static_zone({"customer.example": "reject"}, SIGNED, keys()))
    async with house(tmp_path, zone=zone) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.RECEIVED
        zone.away = False
        home.clock.advance(minutes=10)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED


async def test_dns_that_stays_away_is_no_pass(tmp_path: Path) -> None:
    """After a while the author counts as unproven: a draft, and a person."""

    class Gone(StaticZone):
        async def txt(self, name: str) -> list[str]:
            raise ResolverTroubleError(name)

    async with house(tmp_path, zone=Gone({})) as home:
        mail_id = await home.receive(HOURS)
        await work_for_hours(home)
        assert (await home.mail(mail_id)).status is MailStatus.WAITING
        assert home.replies() == []


async def test_a_mailbox_that_left_the_configuration_stops_its_drafts(tmp_path: Path) -> None:
    """Nobody can approve, and nothing leaves, for a mailbox that is not ours any more."""
    from agent import approval
    from agent.approval import NotDecided
    from agent.delivery import StoredOutbox
    from outbound.sender import send_due

    async with house(tmp_path) as home:
        waiting = await home.receive(HOURS, signed=False)
        await home.settle()
        draft = await home.waiting(waiting)
        sent = await home.receive(HOURS, author="bob@customer.example")
        await home.service.triager.drain()
        await home.service.runner.drain()
        gone = replace(home.parts, rules={}, playbooks={})
        done = await approval.approve(gone, draft.id, by="ruth", seen_hash=draft.approval_hash)
        assert isinstance(done, NotDecided)
        outbox = StoredOutbox(gone, timedelta(minutes=5))
        await send_due(outbox, home.service.courier, home.clock, key=home.parts.keys.seal)
        assert home.replies() == []
        assert (await home.mail(sent)).status is MailStatus.PERSON


async def test_giving_up_is_bounded(tmp_path: Path) -> None:
    """A job that dies each time is claimed a known number of times, then buried."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        for _ in range(MAX_CLAIMS + 1):
            (held,) = await jobs.claim(
                home.parts.database, JobKind.TRIAGE, now=home.clock(), lease=timedelta(minutes=1), limit=1
            )
            home.clock.advance(minutes=2)
        assert held.attempts == MAX_CLAIMS + 1
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.QUARANTINED


async def test_raw_mail_never_reaches_the_model(tmp_path: Path) -> None:
    """Headers, MIME and attachments stay outside: the model sees normalised text and a few facts."""
    model = Scripted(extraction='{"intent": "none"}')
    async with house(tmp_path, model=model) as home:
        await home.receive(HOURS, headers={"X-Canary": "CANARY", "Received": "from CANARY by us"})
        await home.settle()
        told = "".join(request.model_dump_json() for request in model.requests)
        assert "CANARY" not in told
        assert "DKIM-Signature" not in told
        assert HOURS in told


async def test_a_model_that_comes_back_within_the_hour_goes_on(tmp_path: Path) -> None:
    """An outage in the middle of a run costs time and nothing else."""
    model = Away(1)
    async with house(tmp_path, model=model) as home:
        mail_id = await home.receive(HOURS)
        for _ in range(30):
            await home.settle()
            home.clock.advance(minutes=2)
        assert (await home.mail(mail_id)).status is MailStatus.WORKING
        model.after = 99
        await home.settle()
        assert len(model.requests) > 1
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
        assert "no entry" in (await home.mail(mail_id)).status_reason
