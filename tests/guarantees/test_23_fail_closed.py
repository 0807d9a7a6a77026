"""Guarantee 23: whatever fails, nothing leaves by it; a person has the mail, or it is tried again."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import structlog.testing

from agent.keys import KeyFileError
from agent.playbook import PlaybookError
from agent.states import MailStatus
from tests.agent.postroom import HOURS, House, configuration, house
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
    "reading the mail breaks": "agent.triage.normalize_bounded",
    "DNS breaks": "inbound.resolver.StaticZone.txt",
    "the conversation cannot be found": "agent.conversations.find",
    "the intent cannot be stored": "agent.store.mails.put_intent",
    "the answer cannot be claimed": "agent.store.mails.claim_answer",
    "the draft cannot be stored": "agent.store.drafts.put",
    "the caps cannot be counted": "agent.store.deliveries.sends_since",
    "the suppression cannot be looked up": "agent.store.suppression.covers",
    "the pauses cannot be looked up": "agent.store.pauses.covering",
}
EXCEPTIONS = (RuntimeError, sqlite3.OperationalError, TimeoutError, ValueError, KeyError)
"""What a fault may raise: some of them mean, to who catches them, that it is worth to wait."""


def raising(kind: type[Exception]) -> Callable[..., object]:
    def broken(*_given: object, **_more: object) -> object:
        raise kind("a fault")

    return broken


@pytest.fixture(autouse=True)
def _unprinted() -> Iterator[None]:
    """Tracebacks of faults that are meant take longer to draw than all else here."""
    with structlog.testing.capture_logs():
        yield


async def hours(home: House, work: Callable[[], Awaitable[None]], count: int) -> None:
    for _ in range(count):
        with contextlib.suppress(*EXCEPTIONS):  # the service's own loops log it and go on
            await work()
        home.clock.advance(hours=1)


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_leaves_through_a_fault(tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over ten hours of trying; and where the fault goes away in time, the mail has its answer, once."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        with monkeypatch.context() as patch:
            patch.setattr(FAULTS[fault], raising(EXCEPTIONS[sorted(FAULTS).index(fault) % len(EXCEPTIONS)]))
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


@pytest.mark.parametrize("when", ["from the first", "in the middle", "at the last"])
async def test_nothing_leaves_while_the_database_is_away(
    tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction begins: nothing is decided, nothing is sent; when it is back there is one answer."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        mail_id = await home.receive(HOURS)
        if when != "from the first":
            await home.service.triager.drain()
        if when == "at the last":
            await home.service.runner.drain()
        with monkeypatch.context() as patch:
            patch.setattr("agent.store.database.Database.write", raising(sqlite3.OperationalError))
            await hours(home, home.settle, 3)
            assert sink.given == []
        await hours(home, home.settle, 3)
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
    assert len(sink.given) == 1


@pytest.mark.parametrize("missing", ["playbook", "keys"])
async def test_what_decides_and_cannot_be_loaded_stops_the_start(tmp_path: Path, missing: str) -> None:
    """A playbook that breaks, a key that is none: no Postroom that would decide without them."""
    config = configuration(tmp_path)
    folder = tmp_path / "playbook"
    shutil.copytree(config.mailboxes[0].playbook, folder)
    shared = {"address": "support@larkspur.example", "playbook": folder, "auto_send": True}
    config = configuration(tmp_path, mailbox=[shared])
    async with house(tmp_path, config=config, courier=Sink()):
        pass
    if missing == "playbook":
        (folder / "hours.md").write_text("+++\nintent = [\n+++\nWe are open.\n")
    else:
        for path in (tmp_path / "keys").iterdir():
            path.write_bytes(b"x")
    with pytest.raises((ValueError, OSError, KeyFileError, PlaybookError)):
        async with house(tmp_path, config=config, courier=Sink()):
            pass
