"""Guarantee 26: a hand on the switch stops every send before its next attempt, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import approval, switch
from agent.states import MailStatus
from agent.store import deliveries
from tests.agent.postroom import HOURS, SALES, SUPPORT, House, configuration, house
from tests.guarantees.attacker import Sink
from tests.outbound.smtp_peers import ScriptedServer, scripted


@pytest.mark.parametrize("scope", ["", SUPPORT])
async def test_what_is_queued_approved_or_new_stays_until_resume(tmp_path: Path, scope: str) -> None:
    """Queued unseen, approved by a person, and mail that comes while it is paused."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        queued = await home.receive(HOURS)
        waiting = await home.receive(HOURS, signed=False)
        await home.service.triager.drain()
        await home.service.runner.drain()
        await switch.pause(home.parts, scope, by="ruth")
        draft = await home.waiting(waiting)
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        fresh = await home.receive(HOURS, author="bob@customer.example")
        for _ in range(5):
            await home.settle()
            home.clock.advance(hours=1)
        assert sink.given == []
        assert (await home.mail(fresh)).status is MailStatus.WAITING, "nothing is let go unseen while it is paused"
        await switch.resume(home.parts, scope, by="ruth")
        await home.settle()
        assert {(await home.mail(one)).status for one in (queued, waiting)} == {MailStatus.ANSWERED}
        assert len(sink.given) == 2


async def pausing(home: House, peer: ScriptedServer, scope: str, step: str) -> str:
    """Let one reply go whose server takes its time at a step, in which somebody pauses; gives the mail's id."""

    async def pause() -> None:
        await switch.pause(home.parts, scope, by="ruth")

    peer.meanwhile = {step: pause}
    mail_id = await home.receive(HOURS)
    await home.settle()
    peer.meanwhile = {}
    return mail_id


@pytest.mark.parametrize("step", ["greeting", "ehlo", "mail", "rcpt"])
@pytest.mark.parametrize("scope", ["", SUPPORT])
async def test_a_mail_that_is_connected_already_stops_before_its_data(tmp_path: Path, scope: str, step: str) -> None:
    """Paused after its attempt began: no DATA is said; after resume it leaves once, and no try was lost by it."""
    async with scripted() as peer:
        courier = {"kind": "smtp", "host": "127.0.0.1", "port": peer.port, "tls": "none"}
        async with house(tmp_path, config=configuration(tmp_path, courier=courier)) as home:
            mail_id = await pausing(home, peer, scope, step)
            assert [one for one in peer.commands if one.startswith("RCPT")]
            assert "DATA" not in peer.commands
            assert peer.mails == []
            for _ in range(3):
                home.clock.advance(hours=1)
                await home.settle()
            assert (await home.mail(mail_id)).status is MailStatus.SENDING
            await switch.resume(home.parts, scope, by="ruth")
            await home.settle()
            assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
            assert len(peer.mails) == 1
            async with home.parts.database.read() as tx:
                (sent,) = await deliveries.of_mail(tx, mail_id)
                assert [one.result for one in await deliveries.attempts(tx, sent.id)] == ["paused", "sent"]


async def test_a_pause_after_data_changes_nothing_for_that_mail(tmp_path: Path) -> None:
    """Its bytes are on their way; the outcome is the server's. So it is with the pause of another mailbox."""
    async with scripted() as peer:
        courier = {"kind": "smtp", "host": "127.0.0.1", "port": peer.port, "tls": "none"}
        async with house(tmp_path, config=configuration(tmp_path, courier=courier)) as home:
            for scope, step in ((SALES, "rcpt"), (SUPPORT, "dot")):
                assert (await home.mail(await pausing(home, peer, scope, step))).status is MailStatus.ANSWERED
        assert len(peer.mails) == 2
