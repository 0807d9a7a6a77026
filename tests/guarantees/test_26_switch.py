"""Guarantee 26: a hand on the switch stops every send before its next attempt, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import approval, switch
from agent.states import MailStatus
from tests.agent.postroom import HOURS, SUPPORT, house
from tests.guarantees.attacker import Sink


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
