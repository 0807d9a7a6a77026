"""Who bounced or complained gets nothing any more; who merely saw a Message-ID can do nothing about it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from agent import approval, suppress_commands
from agent.reported import reported
from agent.states import DraftState, MailStatus
from agent.store import deliveries, reputation, suppression, trail
from agent.store.deliveries import Delivery
from inbound.contracts import DeliveryEvent
from outbound import tokens
from outbound.couriers.smtp import SmtpCourier
from outbound.settings import CourierSettings
from tests.agent.postroom import CUSTOMER, HOURS, SUPPORT, House, configuration, house
from tests.outbound.smtp_peers import scripted


async def answered(home: House) -> Delivery:
    mail_id = await home.receive(HOURS)
    await home.settle()
    async with home.parts.database.read() as tx:
        (sent,) = await deliveries.of_mail(tx, mail_id)
    return sent


async def suppressed(home: House, address: str = CUSTOMER) -> bool:
    async with home.parts.database.read() as tx:
        return await suppression.covers(tx, "test", address)


def report(sent: Delivery, *, to: str, status: str = "5.1.1", recipient: str = CUSTOMER) -> bytes:
    """A delivery report as RFC 3464 has it."""
    return (
        f"From: MAILER-DAEMON@mx.customer.example\r\nTo: {to}\r\nSubject: Undelivered\r\nMessage-ID: <dsn@mx>\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.customer.example\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 {status} no such user\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{sent.message_id}>\r\nSubject: Re\r\n\r\nx\r\n"
        "--b--\r\n"
    ).encode()


def return_path(home: House, sent: Delivery) -> str:
    return tokens.verp(home.parts.keys.token, sent.id, "larkspur.example")


async def test_a_bounce_for_good_suppresses_at_once(tmp_path: Path) -> None:
    """By our signed return path; the next mail of that author gets no reply, and a person is told why."""
    async with house(tmp_path) as home:
        sent = await answered(home)
        path = return_path(home, sent)
        report_id = await home.receive_raw(report(sent, to=path), mail_from="", to=(path,))
        await home.settle()
        assert await suppressed(home)
        async with home.parts.database.read() as tx:
            assert "suppressed" in [one.event for one in await trail.of_mail(tx, report_id)]
        again = await home.receive(HOURS, headers={"Subject": "Another"})
        await home.settle()
        assert len(home.replies()) == 1
        assert (await home.mail(again)).status is MailStatus.PERSON


@pytest.mark.parametrize(
    ("answer", "ends"),
    [("550 5.1.1 no such user", True), ("550 5.7.1 blocked for spam", False), ("450 4.1.1 unknown for now", False)],
)
async def test_a_server_that_knows_no_such_user_is_believed_at_once(tmp_path: Path, answer: str, *, ends: bool) -> None:
    """Refused at RCPT: as good as a bounce for good, with its row and its audit entry; a block is our own matter."""
    async with scripted(rcpt=answer) as peer:
        courier = SmtpCourier(CourierSettings(kind="smtp", host="127.0.0.1", port=peer.port, tls="none"))
        async with house(tmp_path, courier=courier) as home:
            sent = await answered(home)
            assert await suppressed(home) == ends
            async with home.parts.database.read() as tx:
                rows = await suppression.listing(tx, "test")
                assert ("suppressed" in [one.event for one in await trail.of_mail(tx, sent.mail_id)]) == ends
                assert await reputation.reports_since(tx, "test", home.clock() - timedelta(hours=1)) == {}
        await courier.close()
    assert [(one.address, one.reason, one.by) for one in rows] == ([(CUSTOMER, "hard", "courier")] if ends else [])
    assert peer.mails == []


async def test_a_bounce_by_message_id_alone_changes_nothing(tmp_path: Path) -> None:
    """Everybody in a conversation has seen it."""
    async with house(tmp_path) as home:
        sent = await answered(home)
        await home.receive_raw(report(sent, to=SUPPORT), mail_from="")
        await home.settle()
        assert not await suppressed(home)


async def test_the_report_does_not_say_who_is_suppressed(tmp_path: Path) -> None:
    """It is whom our mail went to; another address in the report is only a claim."""
    async with house(tmp_path) as home:
        sent = await answered(home)
        path = return_path(home, sent)
        await home.receive_raw(report(sent, to=path, recipient="victim@other.example"), mail_from="", to=(path,))
        await home.settle()
        assert not await suppressed(home, "victim@other.example")
        assert await suppressed(home)


async def test_bounces_that_are_not_for_good_suppress_when_they_are_many(tmp_path: Path) -> None:
    """Three, each within seven days of the one before; an old one is forgotten."""
    async with house(tmp_path) as home:
        sent = await answered(home)
        soft = DeliveryEvent(kind="bounced", recipient=CUSTOMER, original_message_id=sent.message_id)

        async def bounce() -> bool:
            async with home.parts.database.write() as tx:
                return await suppression.soft(
                    home.parts.database, tx, "test", CUSTOMER, detail=soft.diagnostic, by="report",
                    now=home.clock(), limit=3, window=timedelta(days=7),
                )  # fmt: skip

        assert [await bounce(), await bounce()] == [False, False]
        home.clock.advance(days=8)
        assert [await bounce(), await bounce()] == [False, False]
        assert not await suppressed(home)
        home.clock.advance(days=6)
        assert await bounce()
        assert await suppressed(home)


@pytest.mark.parametrize(
    ("kind", "permanent", "ends"),
    [("bounced", True, True), ("complained", False, True), ("delayed", False, False), ("delivered", False, False)],
)
async def test_what_a_provider_reports_counts(tmp_path: Path, kind: str, *, permanent: bool, ends: bool) -> None:
    """It proved that it posted it."""
    async with house(tmp_path) as home:
        sent = await answered(home)
        event = DeliveryEvent.model_validate(
            {"kind": kind, "recipient": CUSTOMER, "permanent": permanent, "original_message_id": sent.message_id}
        )
        await reported(home.parts, [event, event])
        assert await suppressed(home) is ends


async def test_a_draft_that_was_approved_does_not_leave_to_who_bounced_meanwhile(tmp_path: Path) -> None:
    """Looked up again before the attempt; no person can pass over it, but the list can be changed."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        draft = await home.waiting(mail_id)
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await suppress_commands.put(home.parts, [(CUSTOMER, "manual", "")], "ruth")
        await home.settle()
        assert home.replies() == []
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
        assert (await home.drafts(mail_id))[0].state is DraftState.VOIDED


async def test_what_a_person_put_there_stays_as_it_is(tmp_path: Path) -> None:
    """A later report changes neither the reason nor who did it; twice is once."""
    async with house(tmp_path) as home:
        sent = await answered(home)
        assert await suppress_commands.put(home.parts, [(CUSTOMER, "manual", "asked for it")], "ruth") == 1
        assert await suppress_commands.put(home.parts, [(CUSTOMER, "manual", "again")], "otto") == 0
        event = DeliveryEvent(kind="complained", recipient=CUSTOMER, original_message_id=sent.message_id)
        await reported(home.parts, [event])
        async with home.parts.database.read() as tx:
            (found,) = await suppression.listing(tx, "test")
        assert (found.reason, found.by, found.detail) == ("manual", "ruth", "asked for it")
        assert await suppress_commands.take_out(home.parts, CUSTOMER, "ruth")
        assert not await suppressed(home)


async def test_the_list_of_a_tenant_is_its_own(tmp_path: Path) -> None:
    """Another tenant on the same database does not see it."""
    async with house(tmp_path) as home:
        await suppress_commands.put(home.parts, [(CUSTOMER, "manual", "")], "ruth")
        async with home.parts.database.read() as tx:
            assert not await suppression.covers(tx, "another", CUSTOMER)


async def test_a_list_goes_out_and_in_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As CSV that no spreadsheet takes for formulas; what is no address is told and left out."""
    config = configuration(tmp_path)
    async with house(tmp_path, config=config) as home:
        rows = [(f"p{n}@other.example", "hard", "=1+1") for n in range(3)]
        await suppress_commands.put(home.parts, [*rows, ("-odd@other.example", "manual", "")], "ruth")
    assert await suppress_commands.export(config) == 0
    out = capsys.readouterr().out
    assert "'=1+1" in out
    assert "'-odd@other.example" in out
    (tmp_path / "list.csv").write_text(out + "nobody\n\nnew@other.example\n")
    other = configuration(tmp_path / "other")
    assert await suppress_commands.import_(other, tmp_path / "list.csv", "ruth") == 1
    said = capsys.readouterr().out
    assert "5 suppressed, 0 were already, 1 left out" in said
    assert "line 6: nobody is no address" in said
    assert await suppress_commands.listed(other) == 0
    said = capsys.readouterr().out
    assert "-odd@other.example  by a person" in said
    assert "p0@other.example  bounced for good" in said
