"""One mail's way through all rooms, with the playbook."""

from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

import pytest

from agent.states import DraftState, MailStatus
from agent.store import mails
from outbound import tokens
from tests.agent.postroom import CUSTOMER, HOURS, ORDER, SALES, SUPPORT, house

pytestmark = pytest.mark.usefixtures("both_databases")


async def test_a_known_question_of_a_proven_author_is_answered_unseen(tmp_path: Path) -> None:
    """The reply goes to the author, from the mailbox, marked as automatic, in the thread."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, message_id="q1@customer.example")
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
        (raw,) = home.replies()
        reply = message_from_bytes(raw)
        assert CUSTOMER in str(reply["To"])
        assert SUPPORT in str(reply["From"])
        assert reply["Auto-Submitted"] == "auto-replied"
        assert reply["In-Reply-To"] == "<q1@customer.example>"
        assert reply["Subject"] == "Re: A question"
        assert tokens.is_ours(home.parts.keys.token, str(reply["Message-ID"]))


async def test_the_same_mail_unsigned_waits(tmp_path: Path) -> None:
    """Nobody proved who wrote it: a draft at most, and a person sends it."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.WAITING
        draft = await home.waiting(mail_id)
        assert any("who wrote" in reason for reason in draft.reasons)
        assert home.replies() == []


async def test_the_intent_is_stored_before_any_tool_ran(tmp_path: Path) -> None:
    """Exactly the contract's fields; mailbox, sender and Message-ID come from code."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, message_id="q2@customer.example")
        await home.service.triager.drain()
        async with home.parts.database.read() as tx:
            found = await mails.get_intent(tx, mail_id)
        assert found is not None
        assert (found.mailbox, found.sender, found.message_id) == (SUPPORT, CUSTOMER, "q2@customer.example")
        assert found.intent == "opening_hours"


async def test_what_no_source_knows_waits_with_its_values_filled_in(tmp_path: Path) -> None:
    """The order's number stands in the draft; the gap is marked, and approving is refused until it is filled."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(ORDER)
        await home.settle()
        draft = await home.waiting(mail_id)
        assert "LG-48213" in draft.proposal.plain_text
        assert "{{status}}" in draft.proposal.plain_text
        assert draft.judgement["policy"]["decision"] == "deny"


async def test_one_mail_to_two_mailboxes_gets_one_reply(tmp_path: Path) -> None:
    """The first in the configuration's order answers, in whichever order the envelope names them."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, to=(SALES, SUPPORT))
        await home.settle()
        (raw,) = home.replies()
        assert SUPPORT in str(message_from_bytes(raw)["From"])
        async with home.parts.database.read() as tx:
            assert await mails.routes(tx, mail_id) == [SUPPORT, SALES]


async def test_the_same_bytes_twice_are_one_mail(tmp_path: Path) -> None:
    """A peer that repeats itself gets the same answer, and the mail is there once."""
    async with house(tmp_path) as home:
        raw = b"From: a@customer.example\r\nSubject: x\r\n\r\nHello\r\n"
        first = await home.receive_raw(raw, mail_from=CUSTOMER)
        assert await home.receive_raw(raw, mail_from=CUSTOMER) == first
        async with home.parts.database.read() as tx:
            assert len(await mails.listing(tx, limit=10)) == 1


async def test_the_same_mail_by_another_way_is_answered_once(tmp_path: Path) -> None:
    """Other trace headers and another envelope, the same content: recorded as a copy."""
    async with house(tmp_path) as home:
        first = await home.receive(HOURS, message_id="same@customer.example")
        await home.settle()
        again = await home.receive(HOURS, message_id="same@customer.example", to=(SALES,))
        await home.settle()
        assert (await home.mail(first)).status is MailStatus.ANSWERED
        assert (await home.mail(again)).status is MailStatus.DUPLICATE
        assert len(home.replies()) == 1


async def test_a_forged_early_copy_takes_nothing_away(tmp_path: Path) -> None:
    """An unsigned copy that came first does not keep the true mail from its answer."""
    async with house(tmp_path) as home:
        forged = await home.receive(HOURS, message_id="same@customer.example", signed=False)
        await home.settle()
        true = await home.receive(HOURS, message_id="same@customer.example")
        await home.settle()
        assert (await home.mail(forged)).status is MailStatus.WAITING
        assert (await home.mail(true)).status is MailStatus.ANSWERED


async def test_automatic_mail_is_recorded_and_never_answered(tmp_path: Path) -> None:
    """RFC 3834: no run, no draft, no reply."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, headers={"Auto-Submitted": "auto-replied"})
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.RECORDED
        assert await home.drafts(mail_id) == []
        assert home.replies() == []


async def test_a_newer_mail_voids_the_draft_and_starts_over_with_both(tmp_path: Path) -> None:
    """The older draft cannot be approved any more; one run answers both mails."""
    async with house(tmp_path) as home:
        first = await home.receive(ORDER, message_id="o1@customer.example")
        await home.settle()
        old = await home.waiting(first)
        second = await home.receive(
            "Where is my order LG-48214 right now?",
            subject="Re: A question",
            headers={"In-Reply-To": "<o1@customer.example>"},
        )
        await home.settle()
        (voided,) = await home.drafts(first)
        assert (voided.id, voided.state) == (old.id, DraftState.VOIDED)
        assert (await home.mail(first)).status is MailStatus.JOINED
        assert (await home.mail(second)).status is MailStatus.WAITING
        assert (await home.mail(first)).conversation_id == (await home.mail(second)).conversation_id


async def test_a_bounce_to_our_return_path_is_matched_to_its_send(tmp_path: Path) -> None:
    """The door takes mail to a return path that we signed; it is recorded with the send that it is about."""
    from sqlalchemy import select

    from agent.store.tables import delivery_event, outbox

    async with house(tmp_path) as home:
        await home.receive(HOURS)
        await home.settle()
        async with home.parts.database.read() as tx:
            sent = (await tx.execute(select(outbox.c.id, outbox.c.email))).one()
        address = sent.email["return_path"]
        assert home.service.intake.recipient(address).value == "bounce"
        report = (
            b"From: MAILER-DAEMON@customer.example\r\nTo: " + address.encode() + b"\r\nSubject: Undelivered\r\n"
            b"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
            b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
            b"--b\r\nContent-Type: text/plain\r\n\r\nIt failed.\r\n"
            b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.customer.example\r\n\r\n"
            b"Final-Recipient: rfc822; ann@customer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
        )
        mail_id = await home.receive_raw(report, mail_from="", to=(address,))
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.RECORDED
        async with home.parts.database.read() as tx:
            event = (await tx.execute(select(delivery_event.c.outbox_id, delivery_event.c.event))).one()
        assert event.outbox_id == sent.id
        assert (event.event["kind"], event.event["permanent"]) == ("bounced", True)


async def test_an_unreadable_mail_is_quarantined_and_the_next_one_proceeds(tmp_path: Path) -> None:
    """Its bytes are kept, a person sees it, nobody else waits for it."""
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(5000))
    raw = b"From: a@customer.example\r\nSubject: deep\r\nMIME-Version: 1.0\r\n" + nested
    async with house(tmp_path) as home:
        poison = await home.receive_raw(raw, mail_from=CUSTOMER)
        next_one = await home.receive(HOURS)
        await home.settle()
        assert (await home.mail(poison)).status is MailStatus.QUARANTINED
        assert (await home.mail(next_one)).status is MailStatus.ANSWERED
        async with home.parts.database.read() as tx:
            assert await mails.raw(tx, poison) == raw
