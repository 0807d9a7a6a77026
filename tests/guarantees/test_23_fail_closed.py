"""Guarantee 23: whatever fails, nothing leaves by it; a person has the mail, or it is tried again."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.states import MailStatus
from tests.agent.postroom import HOURS, House, house
from tests.guarantees.attacker import Sink

FAULTS = {
    "the model breaks": "agent.models.playbook.PlaybookModel.respond",
    "policy breaks": "agent.policy.evaluate",
    "policy breaks where it is asked": "agent.proposing.evaluate",
    "facts cannot be had": "agent.proposing.gather",
    "the gate breaks": "agent.gate.decide",
    "composing breaks": "agent.dispatch.compose",
    "signing breaks": "agent.dispatch.sign",
    "sealing breaks": "agent.dispatch.authorize",
    "the last look breaks": "agent.delivery.final_check",
    "reading the bytes again breaks": "agent.finalcheck.inspect",
    "identity breaks": "agent.triage.check",
    "screening breaks": "agent.triage.screen",
    "the audit breaks": "agent.audit.Audit.add",
    "the outbox breaks": "agent.store.deliveries.put",
    "the attempt cannot be noted": "agent.store.deliveries.begin",
}


def broken(*_given: object, **_more: object) -> object:
    raise RuntimeError("a fault")


async def hours(home: House, work: Callable[[], Awaitable[None]], count: int) -> None:
    for _ in range(count):
        with contextlib.suppress(RuntimeError):  # the service's own loops log it and go on
            await work()
        home.clock.advance(hours=1)


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_leaves_through_a_fault(tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over ten hours of trying; and where the fault goes away in time, the mail has its answer, once."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        with monkeypatch.context() as patch:
            patch.setattr(FAULTS[fault], broken)
            mail_id = await home.receive(HOURS)
            await hours(home, home.settle, 10)
            assert sink.given == []
            status = (await home.mail(mail_id)).status
            assert status is not MailStatus.ANSWERED
        await hours(home, home.settle, 3)
        left = (await home.mail(mail_id)).status
        assert left in {
            MailStatus.ANSWERED,
            MailStatus.PERSON,
            MailStatus.QUARANTINED,
            MailStatus.WAITING,
            MailStatus.RECEIVED,
            MailStatus.WORKING,
        }
        assert len(sink.given) == (1 if left is MailStatus.ANSWERED else 0)
