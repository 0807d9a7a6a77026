"""From the outbox to the wire: judged again, attempted once, and in doubt where nobody can know."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select, update

from agent import approval, switch
from agent.approval import Decided, NotDecided
from agent.states import JobKind, MailStatus, OutboxState
from agent.store import deliveries, jobs
from agent.store.deliveries import Delivery
from agent.store.tables import outbox
from outbound.contracts import Again, ApprovedEmail, DeliveryResult, InDoubt, Never, Sent
from tests.agent.postroom import CUSTOMER, HOURS, ORDER, SUPPORT, House, configuration, house

pytestmark = pytest.mark.usefixtures("both_databases")


class Told:
    """A courier that answers as it is told and remembers what it was given."""

    name = "told"

    def __init__(self, *answers: DeliveryResult) -> None:
        self.answers = list(answers)
        self.given: list[ApprovedEmail] = []

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        self.given.append(email)
        return self.answers.pop(0) if self.answers else Sent(detail="250 ok")

    async def close(self) -> None:
        """Nothing is open."""


async def delivery_of(home: House, mail_id: str) -> Delivery:
    async with home.parts.database.read() as tx:
        return (await deliveries.of_mail(tx, mail_id))[-1]


async def queued(home: House) -> str:
    """A mail whose reply was decided and has not left."""
    mail_id = await home.receive(HOURS)
    await home.service.triager.drain()
    await home.service.runner.drain()
    assert (await delivery_of(home, mail_id)).state is OutboxState.QUEUED
    return mail_id


CHANGES = [
    ("a header byte", lambda raw: raw.replace(b"To: ", b"Tp: ", 1)),
    ("a recipient", lambda raw: raw.replace(b"ann@customer.example", b"eve@customer.example")),
    ("a body byte", lambda raw: raw.replace(b"from 9 to 18", b"from 8 to 18")),
    ("a header more", lambda raw: b"Bcc: eve@evil.example\r\n" + raw),
    ("a line more", lambda raw: raw + b"Visit evil\r\n"),
]


@pytest.mark.parametrize(("what", "change"), CHANGES, ids=[what for what, _ in CHANGES])
async def test_what_was_changed_in_the_store_does_not_leave(tmp_path: Path, what: str, change: object) -> None:
    """The seal covers every byte; whoever can write rows still cannot make a mail that leaves."""
    courier = Told()
    async with house(tmp_path, courier=courier) as home:
        mail_id = await queued(home)
        async with home.parts.database.write() as tx:
            raw = (await tx.execute(select(outbox.c.raw))).scalar_one()
            other = change(raw)  # type: ignore[operator]  # a function of the table above
            assert other != raw, what
            await tx.execute(update(outbox).values(raw=other))
        await home.settle()
        assert courier.given == []
        assert (await delivery_of(home, mail_id)).state is OutboxState.REFUSED
        assert (await home.mail(mail_id)).status is MailStatus.PERSON


@pytest.mark.parametrize(
    "field", ["recipient", "return_path", "sender", "way", "thread_head", "policy_version", "seal"]
)
async def test_no_field_of_an_approval_can_be_changed(tmp_path: Path, field: str) -> None:
    """Sealed together with the bytes."""
    courier = Told()
    async with house(tmp_path, courier=courier) as home:
        mail_id = await queued(home)
        async with home.parts.database.write() as tx:
            email = dict((await tx.execute(select(outbox.c.email))).scalar_one())
            email[field] = "approved" if field == "way" else "eve@evil.example"
            await tx.execute(update(outbox).values(email=email))
        await home.settle()
        assert courier.given == []
        assert (await delivery_of(home, mail_id)).state is OutboxState.REFUSED


async def test_a_policy_that_changed_after_the_decision_stops_it(tmp_path: Path) -> None:
    """Decided under one policy, due under another: a person looks again."""
    from agent.delivery import StoredOutbox
    from agent.policy import Rules
    from outbound.sender import send_due

    courier = Told()
    async with house(tmp_path, courier=courier) as home:
        mail_id = await queued(home)
        changed = replace(home.parts, rules={address: Rules() for address in home.parts.rules})
        await send_due(StoredOutbox(changed, timedelta(minutes=5)), courier, home.clock, key=home.parts.keys.seal)
        assert courier.given == []
        assert "policy changed" in (await home.mail(mail_id)).status_reason


async def test_a_newer_mail_stops_what_has_not_left(tmp_path: Path) -> None:
    """The reply to the older mail is stopped at the last moment; the newer one gets its own."""
    courier = Told()
    async with house(tmp_path, courier=courier) as home:
        first = await home.receive(HOURS, message_id="h1@customer.example")
        await home.service.triager.drain()
        await home.service.runner.drain()
        second = await home.receive(ORDER, subject="Re: A question", headers={"References": "<h1@customer.example>"})
        await home.service.triager.drain()
        await home.settle()
        assert courier.given == []
        assert (await home.mail(first)).status is MailStatus.JOINED
        assert (await home.mail(second)).status is MailStatus.WAITING


async def test_what_is_too_old_does_not_leave(tmp_path: Path) -> None:
    """Decided, then held back for longer than an approval lives: the same words wait for a person."""
    courier = Told()
    async with house(tmp_path, courier=courier) as home:
        mail_id = await queued(home)
        home.clock.advance(hours=home.parts.config.worker.approval_max_age_hours + 1)
        await home.settle()
        assert courier.given == []
        assert (await home.mail(mail_id)).status is MailStatus.WAITING
        old, fresh = await home.drafts(mail_id)
        assert fresh.proposal.plain_text == old.proposal.plain_text
        assert "more than 3 days" in fresh.reasons[0]
        done = await approval.approve(home.parts, fresh.id, by="ruth", seen_hash=fresh.approval_hash)
        assert isinstance(done, Decided)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
        assert len(courier.given) == 1


async def test_a_temporary_refusal_is_tried_again_and_then_a_persons(tmp_path: Path) -> None:
    """7.5 min doubling, the same bytes and Message-ID each time, then a person; approval age aside."""
    courier = Told(*[Again(reason="451 busy")] * 4)
    async with house(tmp_path, courier=courier) as home:
        mail_id = await queued(home)
        await home.settle()
        assert "not accepted yet" in (await home.mail(mail_id)).status_reason
        await home.settle()
        assert len(courier.given) == 1
        for _ in range(4):
            home.clock.advance(hours=2)
            await home.settle()
        assert len({(one.message_id, one.raw) for one in courier.given}) == 1
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
        assert (await delivery_of(home, mail_id)).attempts == 5


async def test_out_of_tries_a_reply_is_a_persons(tmp_path: Path) -> None:
    """Nine attempts, each twice as long after the one before, a tenth longer at most; the desk is told each time.

    At the end a person is. Nobody else gets a word: no further mail, and no report to the author.
    """
    courier = Told(*[Again(reason="451 busy")] * 20)
    async with house(tmp_path, courier=courier) as home:
        mail_id = await queued(home)
        while (await delivery_of(home, mail_id)).state is OutboxState.QUEUED:
            due = await jobs.next_due(home.parts.database, JobKind.DELIVER)
            assert due is not None
            home.clock.time = max(due, home.clock.time)
            await home.settle()
            reason = (await home.mail(mail_id)).status_reason
            assert "not accepted yet (451 busy); next attempt" in reason or "given up after 9 attempts" in reason
        async with home.parts.database.read() as tx:
            made = await deliveries.attempts(tx, (await delivery_of(home, mail_id)).id)
        gaps = [(after.begun_at - before.begun_at) / timedelta(minutes=1) for before, after in pairwise(made)]
        assert [7.5 * 2**n <= gap <= 7.5 * 2**n * 1.1 for n, gap in enumerate(gaps)] == [True] * 8
        assert (await delivery_of(home, mail_id)).state is OutboxState.FAILED
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
        assert len(courier.given) == 9
        assert {one.recipient for one in courier.given} == {CUSTOMER}
        assert {one.message_id for one in courier.given} == {courier.given[0].message_id}


async def test_a_final_refusal_is_a_persons(tmp_path: Path) -> None:
    """Never tried again; no report goes to a stranger."""
    courier = Told(Never(reason="550 no such user"))
    async with house(tmp_path, courier=courier) as home:
        mail_id = await queued(home)
        await home.settle()
        home.clock.advance(days=1)
        await home.settle()
        assert len(courier.given) == 1
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
        assert (await delivery_of(home, mail_id)).state is OutboxState.FAILED


@pytest.mark.parametrize(("outcome", "sent"), [("sent", 1), ("resend", 2)])
async def test_doubt_is_resolved_by_a_person_alone(tmp_path: Path, outcome: str, sent: int) -> None:
    """In doubt nothing is sent again, for days; then what the person says happens."""
    courier = Told(InDoubt(reason="the connection broke after the final dot"))
    async with house(tmp_path, courier=courier) as home:
        mail_id = await queued(home)
        await home.settle()
        home.clock.advance(days=2)
        await home.settle()
        assert len(courier.given) == 1
        assert (await home.mail(mail_id)).status is MailStatus.IN_DOUBT
        done = await switch.resolve(home.parts, mail_id, "sent" if outcome == "sent" else "resend", by="ruth")
        assert isinstance(done, Decided)
        assert isinstance(await switch.resolve(home.parts, mail_id, "sent", by="otto"), NotDecided)
        await home.settle()
        assert len(courier.given) == sent
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED


async def test_an_attempt_that_nobody_finished_is_in_doubt(tmp_path: Path) -> None:
    """The courier never came back: after the lease somebody else finds the attempt, and does not repeat it."""

    class Hangs(Told):
        called = asyncio.Event()

        async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
            self.given.append(email)
            self.called.set()
            await asyncio.Event().wait()
            raise AssertionError

    courier = Hangs()
    async with house(tmp_path, courier=courier) as home:
        mail_id = await queued(home)
        sending = asyncio.create_task(home.send())
        await courier.called.wait()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        home.clock.advance(hours=1)
        await home.settle()
        assert len(courier.given) == 1
        assert (await home.mail(mail_id)).status is MailStatus.IN_DOUBT


@pytest.mark.parametrize("scope", ["", SUPPORT])
async def test_a_pause_holds_everything_back_and_loses_nothing(tmp_path: Path, scope: str) -> None:
    """Guarantee 26: before the next attempt; after resume it goes on."""
    courier = Told()
    async with house(tmp_path, courier=courier) as home:
        mail_id = await queued(home)
        assert await switch.pause(home.parts, scope, by="ruth")
        await home.settle()
        home.clock.advance(minutes=5)
        await home.settle()
        assert courier.given == []
        assert await switch.resume(home.parts, scope, by="ruth")
        home.clock.advance(minutes=1)
        await home.settle()
        assert len(courier.given) == 1
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED


async def test_a_pause_of_another_mailbox_holds_nothing_back(tmp_path: Path) -> None:
    """One mailbox's trouble is its own."""
    courier = Told()
    async with house(tmp_path, courier=courier) as home:
        await switch.pause(home.parts, "sales@larkspur.example", by="ruth")
        await home.receive(HOURS)
        await home.settle()
        assert len(courier.given) == 1


async def test_approved_after_a_pause_waits_too(tmp_path: Path) -> None:
    """A person's approval does not pass the switch either."""
    courier = Told()
    async with house(tmp_path, courier=courier) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        draft = await home.waiting(mail_id)
        await switch.pause(home.parts, "", by="ruth")
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await home.settle()
        assert courier.given == []


async def test_caps_hold_across_conversations(tmp_path: Path) -> None:
    """Over the cap a reply waits for a person; it is not lost."""
    courier = Told()
    async with house(tmp_path, courier=courier) as home:
        limit = home.parts.config.limits.per_sender
        ids = []
        for _ in range(limit + 2):
            ids.append(await home.receive(HOURS))
            await home.settle()
        assert len(courier.given) == limit
        for mail_id in ids[limit:]:
            assert any("cap" in reason for reason in (await home.waiting(mail_id)).reasons)


async def test_a_paused_mailbox_does_not_slow_the_others(tmp_path: Path) -> None:
    """What a pause keeps back is not claimed at all; the next one due is somebody else's and leaves at once."""
    courier = Told()
    async with house(tmp_path, courier=courier) as home:
        held = [await queued(home)]
        await switch.pause(home.parts, SUPPORT, by="ruth")
        other = await home.receive(HOURS, to=("sales@larkspur.example",), author="bob@customer.example")
        await home.service.triager.drain()
        await home.service.runner.drain()
        assert await home.send()
        assert [one.sender for one in courier.given] == ["sales@larkspur.example"]
        assert (await home.mail(other)).status is MailStatus.ANSWERED
        assert not await home.send()
        assert (await delivery_of(home, held[0])).state is OutboxState.QUEUED
        await switch.resume(home.parts, SUPPORT, by="ruth")
        assert await home.send()
        assert (await home.mail(held[0])).status is MailStatus.ANSWERED


async def test_an_outcome_waits_for_a_store_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail is out: a locked database for a moment does not make it a doubt."""
    from agent import delivery
    from agent.store.database import DatabaseError

    monkeypatch.setattr(delivery, "STORE_PAUSE_SECONDS", 0.0)
    async with house(tmp_path, courier=Told()) as home:
        mail_id = await queued(home)
        real, tries = home.service.outbox._finish, []

        async def away(*given: object) -> bool:
            tries.append(given)
            if len(tries) < 3:
                raise DatabaseError("away")
            return await real(*given)  # type: ignore[arg-type]  # handed on as they came

        monkeypatch.setattr(home.service.outbox, "_finish", away)
        await home.settle()
        assert len(tries) == 3
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED


async def test_a_later_reply_does_not_stop_an_earlier_one(tmp_path: Path) -> None:
    """Two were decided under a cap of two; both leave, and the third waits."""
    courier = Told()
    limits = {"per_sender": 2}
    async with house(tmp_path, courier=courier, config=configuration(tmp_path, limits=limits)) as home:
        given = [await home.receive(HOURS) for _ in range(3)]
        await home.service.triager.drain()
        await home.service.runner.drain()
        await home.settle()
        found = [(await home.mail(one)).status for one in given]
        assert sorted(found) == sorted([MailStatus.ANSWERED, MailStatus.ANSWERED, MailStatus.WAITING])
