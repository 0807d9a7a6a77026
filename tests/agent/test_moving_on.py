"""Yesterday's decisions under today's facts: conversations that go on, switches that were turned, time that passed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent import approval, switch
from agent.approval import NotDecided
from agent.delivery import StoredOutbox
from agent.run import expire
from agent.states import DraftState, MailStatus, RunState
from agent.store import runs
from outbound.contracts import Again, InDoubt
from outbound.sender import send_due
from tests.agent.postroom import HERE, HOURS, ORDER, SUPPORT, configuration, house
from tests.agent.test_delivery import Told

pytestmark = pytest.mark.usefixtures("both_databases")

FOLLOWS = {"In-Reply-To": "<first@customer.example>"}


async def test_an_easy_follow_up_does_not_swallow_what_waits(tmp_path: Path) -> None:
    """A question that waits for a person is taken along by the next mail, and then that one waits for a person too."""
    async with house(tmp_path) as home:
        first = await home.receive(ORDER, message_id="first@customer.example")
        await home.settle()
        second = await home.receive(HOURS, subject="Re: A question", headers=FOLLOWS)
        await home.settle()
        assert (await home.mail(first)).status is MailStatus.JOINED
        draft = await home.waiting(second)
        assert any("earlier mail" in reason for reason in draft.reasons)
        assert home.replies() == []


async def test_after_an_answer_the_next_question_is_its_own(tmp_path: Path) -> None:
    """Only what has no answer yet holds the next reply back."""
    async with house(tmp_path) as home:
        await home.receive(HOURS, message_id="first@customer.example")
        await home.settle()
        second = await home.receive(HOURS, subject="Re: A question", headers=FOLLOWS)
        await home.settle()
        assert (await home.mail(second)).status is MailStatus.ANSWERED


async def test_a_newsletter_voids_nothing(tmp_path: Path) -> None:
    """Bulk mail that asks nothing is recorded before any conversation is touched."""
    async with house(tmp_path) as home:
        first = await home.receive(ORDER, message_id="first@customer.example")
        await home.settle()
        bulk = {**FOLLOWS, "List-Unsubscribe": "<https://customer.example/u>", "Precedence": "bulk"}
        second = await home.receive("Our new catalogue is here.", subject="Re: A question", headers=bulk)
        await home.settle()
        assert (await home.mail(second)).status is MailStatus.RECORDED
        assert (await home.waiting(first)).state is DraftState.WAITING


async def test_a_switch_that_was_turned_off_stops_what_is_queued(tmp_path: Path) -> None:
    """auto_send = false holds for replies that the gate let go before, too."""
    courier = Told()
    async with house(tmp_path, courier=courier) as home:
        mail_id = await home.receive(HOURS)
        await home.service.triager.drain()
        await home.service.runner.drain()
        off = {"address": SUPPORT, "playbook": HERE / "playbook", "allowed_links": ["https://larkspur.example/"]}
        turned = replace(home.parts, config=configuration(tmp_path, mailbox=[off]))
        outbox = StoredOutbox(turned, timedelta(minutes=5))
        await send_due(outbox, courier, home.clock, key=home.parts.keys.seal)
        assert courier.given == []
        assert (await home.mail(mail_id)).status is MailStatus.WAITING


async def test_expiry_leaves_what_was_decided_alone(tmp_path: Path) -> None:
    """Approved and paused for weeks: the clock of the run does not hand the mail to somebody else meanwhile."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        draft = await home.waiting(mail_id)
        await switch.pause(home.parts, "", by="ruth")
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        home.clock.advance(days=home.parts.config.worker.run_expires_days + 1)
        assert await expire(home.parts) >= 0
        assert (await home.mail(mail_id)).status is MailStatus.SENDING


async def test_a_resend_that_cannot_go_says_so(tmp_path: Path) -> None:
    """In doubt for longer than an approval lives: nothing is queued, and the person hears why."""
    courier = Told(InDoubt(reason="broken after the final dot"))
    async with house(tmp_path, courier=courier) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        home.clock.advance(hours=home.parts.config.worker.approval_max_age_hours + 1)
        done = await switch.resolve(home.parts, mail_id, "resend", by="ruth")
        assert isinstance(done, NotDecided)
        assert (await home.mail(mail_id)).status is MailStatus.IN_DOUBT
        assert len(courier.given) == 1


async def test_a_reply_on_its_way_gets_its_outcome_beside_a_newer_mail(tmp_path: Path) -> None:
    """The next mail came while the courier had the reply in hand: that run hears of it, the new one starts its own."""
    courier = Told(Again(reason="451 busy"))
    async with house(tmp_path, courier=courier) as home:
        first = await home.receive(HOURS, message_id="first@customer.example")
        await home.service.triager.drain()
        await home.service.runner.drain()
        second = await home.receive(HOURS, subject="Re: A question", headers=FOLLOWS)
        await home.service.triager.drain()
        async with home.parts.database.read() as tx:
            (run,) = await runs.of_mail(tx, first)
        assert run.state is RunState.REQUIRES_ACTION, "its reply may be with the courier at this moment"
        await home.settle()
        assert (await home.mail(first)).status is MailStatus.JOINED
        assert (await home.mail(second)).status is not MailStatus.JOINED
