"""A person closes a mail, or has it begun again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent import approval, closing
from agent.approval import Decided, NotDecided
from agent.models.base import FunctionCall
from agent.states import DraftState, JobKind, MailStatus, RunState
from agent.store import jobs, runs, trail
from agent.store.tables import mail as mail_table
from outbound.contracts import InDoubt
from tests.agent.postroom import HOURS, ORDER, Scripted, house
from tests.agent.test_delivery import Told

pytestmark = pytest.mark.usefixtures("both_databases")

FOLLOWS = {"In-Reply-To": "<first@customer.example>"}
BROKEN = b"From: ann@customer.example\r\n" + b"X-Pad: x\r\n" * 60_000 + b"\r\nhello\r\n"


async def test_a_waiting_mail_can_be_closed(tmp_path: Path) -> None:
    """Its draft is rejected, its run cancelled, and the audit says who wanted that and why."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(ORDER)
        await home.settle()
        assert isinstance(await closing.close(home.parts, mail_id, by="ruth", reason="answered by phone"), Decided)
        await home.settle()
        mail = await home.mail(mail_id)
        assert (mail.status, mail.status_reason) == (MailStatus.CLOSED, "closed by ruth: answered by phone")
        assert [one.state for one in await home.drafts(mail_id)] == [DraftState.REJECTED]
        async with home.parts.database.read() as tx:
            assert [one.state for one in await runs.of_mail(tx, mail_id)] == [RunState.CANCELLED]
            told = [(one.event, one.actor) for one in await trail.of_mail(tx, mail_id)]
        assert told[-2:] == [("run_cancelled", "postroom"), ("closed", "ruth")]


async def test_a_closed_draft_cannot_be_approved(tmp_path: Path) -> None:
    """The first decision wins."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(ORDER)
        await home.settle()
        draft = await home.waiting(mail_id)
        await closing.close(home.parts, mail_id, by="ruth", reason="spam")
        late = await approval.approve(home.parts, draft.id, by="paul", seen_hash=draft.approval_hash)
        assert isinstance(late, NotDecided)
        assert home.replies() == []


@pytest.mark.parametrize("verb", ["close", "retry"])
async def test_what_was_answered_or_is_in_doubt_stays(tmp_path: Path, verb: str) -> None:
    """Neither closed nor begun again: a second reply could follow from it."""
    async with house(tmp_path, courier=Told(InDoubt(reason="broken"))) as home:
        for text in (HOURS, f"Hello there! {HOURS}"):
            mail_id = await home.receive(text)
            await home.settle()
            done = (
                await closing.close(home.parts, mail_id, by="ruth", reason="x")
                if verb == "close"
                else await closing.retry(home.parts, mail_id, by="ruth")
            )
            assert isinstance(done, NotDecided)


async def test_a_quarantined_mail_can_be_begun_again_and_closed(tmp_path: Path) -> None:
    """It is read anew from its bytes; what is still unreadable is quarantined again, once in the audit."""
    async with house(tmp_path) as home:
        mail_id = await home.receive_raw(BROKEN, mail_from="ann@customer.example")
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.QUARANTINED
        assert isinstance(await closing.retry(home.parts, mail_id, by="ruth"), Decided)
        assert (await home.mail(mail_id)).status is MailStatus.RECEIVED
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.QUARANTINED
        assert isinstance(await closing.close(home.parts, mail_id, by="ruth", reason="junk"), Decided)
        async with home.parts.database.read() as tx:
            told = [one.event for one in await trail.of_mail(tx, mail_id)]
        assert told == ["received", "quarantined", "begun_again", "quarantined", "closed"]


async def test_a_closed_mail_begun_again_waits_for_a_person(tmp_path: Path) -> None:
    """Somebody said no to its draft once: even a sure answer is seen before it leaves."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        await closing.close(home.parts, mail_id, by="ruth", reason="by mistake")
        assert isinstance(await closing.retry(home.parts, mail_id, by="ruth"), Decided)
        await home.settle()
        draft = await home.waiting(mail_id)
        assert "a person rejected an earlier draft of this mail" in draft.reasons
        done = await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        assert isinstance(done, Decided)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
        assert len(home.replies()) == 1


async def test_only_the_newest_mail_is_begun_again(tmp_path: Path) -> None:
    """One reply answers the whole conversation."""
    async with house(tmp_path) as home:
        first = await home.receive(ORDER, message_id="first@customer.example")
        await home.settle()
        await closing.close(home.parts, first, by="ruth", reason="later")
        second = await home.receive(ORDER, subject="Re: A question", headers=FOLLOWS)
        await home.settle()
        refused = await closing.retry(home.parts, first, by="ruth")
        assert isinstance(refused, NotDecided)
        assert second in refused.reason


async def test_a_newer_mail_that_is_faster_takes_it_along(tmp_path: Path) -> None:
    """Begun again, and before it was read the conversation went on."""
    async with house(tmp_path) as home:
        first = await home.receive(ORDER, message_id="first@customer.example")
        await home.settle()
        draft = await home.waiting(first)
        await approval.reject(home.parts, draft.id, by="ruth", reason="no")
        await home.settle()
        second = await home.receive(ORDER, subject="Re: A question", headers=FOLLOWS)
        await home.service.triager.drain()
        async with home.parts.database.write() as tx:  # as if it had been begun again a moment before
            await tx.execute(mail_table.update().where(mail_table.c.id == first).values(status=MailStatus.RECEIVED))
            await jobs.schedule(home.parts.database, tx, JobKind.TRIAGE, first, due_at=home.clock(), now=home.clock())
        await home.settle()
        assert (await home.mail(first)).status is MailStatus.JOINED
        assert (await home.waiting(second)).mail_id == second


async def test_after_a_rejection_nothing_leaves_unseen(tmp_path: Path) -> None:
    """A model that proposes again after a person's no, word for word from the playbook, gets a person."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        draft = await home.waiting(mail_id)
        said = {"to": "ann@customer.example", "subject": "Re: A question", "body": draft.proposal.plain_text}
        again = FunctionCall(call_id="again", name="send_email", arguments=json.dumps(said))
        object.__setattr__(home.parts, "model", Scripted(again))
        await approval.reject(home.parts, draft.id, by="ruth", reason="not now")
        await home.settle()
        assert "a person rejected an earlier draft of this mail" in (await home.waiting(mail_id)).reasons


@pytest.mark.parametrize("reason", ["", " \n"])
async def test_every_no_needs_a_reason(tmp_path: Path, reason: str) -> None:
    """By whatever way it comes: desk, command line or code."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(ORDER)
        await home.settle()
        draft = await home.waiting(mail_id)
        for done in (
            await approval.reject(home.parts, draft.id, by="ruth", reason=reason),
            await closing.close(home.parts, mail_id, by="ruth", reason=reason),
            await closing.cancel_run(home.parts, mail_id, by="ruth", reason=reason),
        ):
            assert isinstance(done, NotDecided)
        assert (await home.mail(mail_id)).status is MailStatus.WAITING
