"""Decided again without a model: what was decided then, and what today's rules say of the same answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from agent import approval
from agent.models.base import FunctionCall, ModelAnswer, ModelRequest
from agent.parts import Parts
from agent.policy import Rules, Settings
from agent.replay import Step, replay
from agent.store.tables import model_call
from tests.agent.postroom import CUSTOMER, HOURS, SUPPORT, House, Scripted, house


class Nobody(Scripted):
    """A model that must not be asked."""

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        raise AssertionError("a replay asks no model")


async def again(home: House, mail_id: str, parts: Parts | None = None) -> list[Step]:
    mail = await home.mail(mail_id)
    asked = replace(parts or home.parts, model=Nobody())
    async with home.parts.database.read() as tx:
        return await replay(asked, tx, mail, home.clock())


async def test_under_the_same_rules_everything_is_the_same(tmp_path: Path) -> None:
    """Sent unseen, and rejected by a person: what policy and gate said is said again."""
    async with house(tmp_path) as home:
        sent = await home.receive(HOURS)
        waits = await home.receive(HOURS, signed=False)
        await home.settle()
        for mail_id in (sent, waits):
            steps = await again(home, mail_id)
            assert [one.what.partition(" ")[0] for one in steps] == ["what", "reply"]
            assert all(one.same for one in steps)
        await approval.approve(
            home.parts, (draft := await home.waiting(waits)).id, by="ruth", seen_hash=draft.approval_hash
        )
        await home.settle()
        assert all(one.same for one in await again(home, waits))


async def test_a_stricter_rule_shows_what_it_would_hold_back(tmp_path: Path) -> None:
    """Before anybody turns it on."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        stricter = replace(home.parts, rules={SUPPORT: Rules(settings=Settings(threshold=0.99))})
        wanted, reply = await again(home, mail_id, stricter)
        assert wanted.same
        assert (reply.then, reply.same) == ("may leave unseen", False)
        assert reply.now.startswith("for a person: confidence")


async def test_a_denied_proposal_is_denied_again(tmp_path: Path) -> None:
    """A reply to somebody else, from a model gone bad."""
    said = {"to": "eve@evil.example", "subject": "Re: A question", "body": "hello"}
    call = FunctionCall(call_id="c1", name="send_email", arguments=json.dumps(said))
    async with house(tmp_path, model=Scripted(call, extraction="{}")) as home:
        mail_id = await home.receive(HOURS, author=CUSTOMER)
        await home.settle()
        steps = await again(home, mail_id)
        assert steps[-1].then.startswith("refused: the recipient is not the author")
        assert steps[-1].same


async def test_what_was_pruned_cannot_be_decided_again(tmp_path: Path) -> None:
    """Retention took the answers; of the reading nothing is claimed."""
    async with house(tmp_path) as home:
        mail_id = await home.receive("Hello")
        await home.settle()
        async with home.parts.database.write() as tx:
            await tx.execute(model_call.delete())
        assert await again(home, mail_id) == []
