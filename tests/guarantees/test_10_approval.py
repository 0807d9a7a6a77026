"""Guarantee 10: an approval is for what the person saw; anything else voids it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from agent import approval
from agent.approval import Decided, NotDecided
from agent.parts import Parts
from agent.policy import Rules, Settings
from tests.agent.postroom import HOURS, SALES, SUPPORT, House, configuration, house
from tests.guarantees.attacker import Attacker, Sink, Turn, send

IN_STORE = {
    "text": "UPDATE draft SET proposal = json_set(proposal, '$.plain_text', 'Pay 500 to my account.')",
    "subject": "UPDATE draft SET proposal = json_set(proposal, '$.subject', 'Pay')",
    "recipient": "UPDATE mail SET author = 'eve@evil.example'",
    "thread head": "UPDATE draft SET thread_head = 'm-other'",
}
FREE: list[Turn] = [(send(body="Thank you for writing.\n"),)]
"""What a person may let go."""


@pytest.mark.parametrize("what", IN_STORE)
async def test_what_changed_since_it_was_seen_is_not_approved(tmp_path: Path, what: str) -> None:
    """By somebody with the database in hand, between the look and the click."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        draft = await home.waiting(mail_id)
        with closing(sqlite3.connect(tmp_path / "postroom.db")) as file, file:
            assert file.execute(IN_STORE[what]).rowcount
        done = await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        assert isinstance(done, NotDecided)
        await home.settle()
    assert sink.given == []


def other_policy(parts: Parts) -> Parts:
    return replace(parts, rules={SUPPORT: Rules(settings=Settings(threshold=0.5)), SALES: Rules()})


def other_sender(parts: Parts) -> Parts:
    config = configuration(parts.config.postroom.data_dir)
    renamed = config.mailboxes[0].model_copy(update={"address": "desk@larkspur.example", "aliases": (SUPPORT,)})
    return replace(parts, config=config.model_copy(update={"mailboxes": (renamed, *config.mailboxes[1:])}))


@pytest.mark.parametrize("change", [other_policy, other_sender])
async def test_another_policy_or_sender_voids_what_was_seen(tmp_path: Path, change: Callable[[Parts], Parts]) -> None:
    """The hash of what counts now is another one."""
    async with house(tmp_path, courier=Sink()) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        draft = await home.waiting(mail_id)
        done = await approval.approve(change(home.parts), draft.id, by="ruth", seen_hash=draft.approval_hash)
        assert isinstance(done, NotDecided)


async def test_a_newer_mail_voids_what_waits(tmp_path: Path) -> None:
    """The reply starts over with both mails; what was seen before cannot be approved."""
    async with house(tmp_path, model=Attacker(FREE), courier=Sink()) as home:
        old = await home.waiting(await _asked(home))
        newer = await home.receive(HOURS, subject="Re: A question")
        await home.settle()
        done = await approval.approve(home.parts, old.id, by="ruth", seen_hash=old.approval_hash)
        assert isinstance(done, NotDecided)
        assert (await home.waiting(newer)).conversation_id == old.conversation_id


async def test_a_newer_mail_stops_what_was_approved(tmp_path: Path) -> None:
    """It is read after the approval and before the reply leaves: a person looks at both."""
    sink = Sink()
    async with house(tmp_path, model=Attacker(FREE), courier=sink) as home:
        first = await _asked(home)
        old = await home.waiting(first)
        done = await approval.approve(home.parts, old.id, by="ruth", seen_hash=old.approval_hash)
        assert isinstance(done, Decided)
        newer = await home.receive(HOURS, subject="Re: A question")
        await home.service.triager.drain()
        await home.settle()
        assert sink.given == []
        assert (await home.mail(newer)).conversation_id == old.conversation_id


async def _asked(home: House) -> str:
    mail_id = await home.receive(HOURS)
    await home.settle()
    return mail_id


async def test_an_edit_and_age_void_it(tmp_path: Path) -> None:
    """Each leaves the old draft where nobody can approve it any more."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        first = await home.receive(HOURS, signed=False)
        await home.settle()
        old = await home.waiting(first)
        seen = old.approval_hash
        await approval.edit(home.parts, old.id, by="ruth", subject="Re: x", plain_text="Closed.", seen_hash=seen)
        assert isinstance(await approval.approve(home.parts, old.id, by="ruth", seen_hash=seen), NotDecided)
        fresh = await home.waiting(first)
        assert isinstance(await approval.approve(home.parts, fresh.id, by="ruth", seen_hash=seen), NotDecided)
        done = await approval.approve(home.parts, fresh.id, by="ruth", seen_hash=fresh.approval_hash)
        assert isinstance(done, Decided)
        home.clock.advance(hours=home.parts.config.worker.approval_max_age_hours + 1)
        await home.settle()
        assert sink.given == [], "too old by now: it waits again"
        again = await home.waiting(first)
        assert "more than" in again.reasons[0]
