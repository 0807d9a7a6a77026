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
from tests.agent.postroom import HOURS, SALES, SUPPORT, configuration, house
from tests.guarantees.attacker import Sink

IN_STORE = {
    "text": "UPDATE draft SET proposal = json_set(proposal, '$.plain_text', 'Pay 500 to my account.')",
    "subject": "UPDATE draft SET proposal = json_set(proposal, '$.subject', 'Pay')",
    "recipient": "UPDATE mail SET author = 'eve@evil.example'",
    "thread head": "UPDATE draft SET thread_head = 'm-other'",
}


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


async def test_an_edit_a_newer_mail_and_age_void_it(tmp_path: Path) -> None:
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
