"""Guarantee 5: of a run nothing comes but what its two doors allow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.states import MailStatus, RunState
from agent.store import runs
from tests.agent.postroom import HOURS, house
from tests.guarantees.attacker import ODD_ARGUMENTS, Attacker, Sink, approve_all, call, send


@pytest.mark.parametrize("arguments", ODD_ARGUMENTS, ids=range(len(ODD_ARGUMENTS)))
async def test_arguments_that_are_none_do_nothing(tmp_path: Path, arguments: str) -> None:
    """Each is answered with an error; no draft, no mail, and the turns end."""
    sink = Sink()
    async with house(tmp_path, model=Attacker([(call("send_email", arguments),)]), courier=sink) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        await approve_all(home)
        async with home.parts.database.read() as tx:
            (run,) = await runs.of_mail(tx, mail_id)
            outputs = [json.loads(one.output or "{}") for one in await runs.calls(tx, run.id)]
        assert outputs
        assert all(one["success"] is False and one["error"] for one in outputs)
        assert (run.state, run.turns) == (RunState.INCOMPLETE, home.parts.config.worker.max_turns)
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
    assert sink.given == []


@pytest.mark.parametrize("name", ["delete_mail", "forward", "SEND_EMAIL", "send_email ", "", "look_up", "x" * 5000])
async def test_there_is_no_other_tool(tmp_path: Path, name: str) -> None:
    """Nor one whose name is nearly that of a tool."""
    sink = Sink()
    async with house(tmp_path, model=Attacker([(call(name, "{}"),)]), courier=sink) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
    assert sink.given == []


async def test_one_mail_gets_one_reply_however_often_it_is_sent(tmp_path: Path) -> None:
    """Many sends in a turn, in every turn, with a person who approves all: one mail leaves."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as look:
        entry = look.parts.playbooks["support@larkspur.example"].for_intent("opening_hours")[0]
    several = tuple(send(n, body=entry.body) for n in range(5))
    async with house(tmp_path / "run", model=Attacker([several]), courier=sink) as home:
        await home.receive(HOURS)
        await home.settle()
        await approve_all(home)
    assert len(sink.given) == 1
