"""Guarantee 22: at most one reply to a mail, by whatever ways it came and however often it is tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import switch
from agent.states import MailStatus
from outbound.contracts import Again, DeliveryResult, InDoubt, Never
from tests.agent.postroom import HOURS, SALES, SUPPORT, house
from tests.agent.test_delivery import Told
from tests.guarantees.attacker import Sink


async def test_copies_of_a_mail_get_one_reply(tmp_path: Path) -> None:
    """To two mailboxes at once, again by another way, again with other trace headers, again from the same peer."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        await home.receive(HOURS, to=(SUPPORT, SALES), message_id="one@customer.example")
        async with home.parts.database.read() as tx:
            from agent.store import mails

            (listed,) = await mails.listing(tx, limit=10)
            raw = await mails.raw(tx, listed.id)
        assert raw is not None
        for n, to in enumerate([(SUPPORT,), (SALES,), (SALES, SUPPORT)]):
            await home.receive_raw(b"Received: by hop%d.example\r\n" % n + raw, mail_from="ann@customer.example", to=to)
        await home.receive_raw(raw, mail_from="ann@customer.example", to=(SUPPORT, SALES))
        await home.settle()
    assert len(sink.given) == 1


@pytest.mark.parametrize(
    ("answers", "given", "status"),
    [
        ([InDoubt(reason="lost after the final dot")], 1, MailStatus.IN_DOUBT),
        ([Never(reason="550 no")], 1, MailStatus.PERSON),
        ([Again(reason="451 later")] * 3, 4, MailStatus.ANSWERED),
        ([Again(reason="451 later"), InDoubt(reason="lost")], 2, MailStatus.IN_DOUBT),
    ],
)
async def test_only_what_surely_did_not_arrive_is_tried_again(
    tmp_path: Path, answers: list[DeliveryResult], given: int, status: MailStatus
) -> None:
    """And then with the same bytes under the same Message-ID."""
    courier = Told(*answers)
    async with house(tmp_path, courier=courier) as home:
        mail_id = await home.receive(HOURS)
        for _ in range(60):
            await home.settle()
            home.clock.advance(hours=1)
        assert (await home.mail(mail_id)).status is status
    assert len(courier.given) == given
    assert len({(one.message_id, one.raw) for one in courier.given}) == 1


async def test_doubt_is_left_by_a_person_alone(tmp_path: Path) -> None:
    """Once; a second word changes nothing."""
    courier = Told(InDoubt(reason="lost"))
    async with house(tmp_path, courier=courier) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        await switch.resolve(home.parts, mail_id, "sent", by="ruth")
        await switch.resolve(home.parts, mail_id, "resend", by="paul")
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
    assert len(courier.given) == 1
