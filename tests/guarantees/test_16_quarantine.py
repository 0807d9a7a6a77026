"""Guarantee 16, the reader's share: what breaks the reader is kept, shown to a person, and holds nobody up."""

from __future__ import annotations

from pathlib import Path

from agent.states import MailStatus
from agent.store import mails
from tests.agent.desk_visitor import visiting
from tests.agent.postroom import CUSTOMER, HOURS
from tests.inbound.test_mime_poison import POISON


async def test_every_poison_has_its_end_and_the_next_mail_is_answered(tmp_path: Path) -> None:
    """All known poison in one queue before an honest question: each mail is quarantined or read, none is lost.

    What is quarantined stands in its list at the desk with the reason, and its bytes are kept.
    """
    async with visiting(tmp_path) as visitor:
        home = visitor.home
        given = {one.name: await home.receive_raw(one.raw, mail_from=CUSTOMER) for one in POISON}
        honest = await home.receive(HOURS)
        await home.settle()
        assert (await home.mail(honest)).status is MailStatus.ANSWERED
        ends = {one.name: await home.mail(given[one.name]) for one in POISON}
        assert not {mail.status for mail in ends.values()} & {
            *(MailStatus.RECEIVED, MailStatus.WORKING, MailStatus.ANSWERED)
        }
        broken = {one.name: one for one in POISON if one.quarantined}
        assert {name for name, mail in ends.items() if mail.status is MailStatus.QUARANTINED} == broken.keys()
        listed = (await visitor.client.get("/?view=quarantined")).text
        assert {name for name in given if f"/mail/{given[name]}" in listed} == broken.keys()
        for name, one in broken.items():
            assert one.quarantined in ends[name].status_reason
            async with home.parts.database.read() as tx:
                assert await mails.raw(tx, given[name]) == one.raw
        assert broken["depth 5,000"].quarantined in (await visitor.page(f"/mail/{given['depth 5,000']}")).text
