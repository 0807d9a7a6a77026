"""Servers whose tool calls have no id, a number, or the same one in each answer are understood all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.models.base import FunctionCall, Item, Message, ModelAnswer
from agent.models.callids import distinct
from agent.states import MailStatus, RunState
from agent.store import runs
from tests.agent.models.model_server import Answer, Dialect, Raw
from tests.agent.models.scripts import at_home, extraction, is_extraction, text
from tests.agent.postroom import CUSTOMER, HOURS

ODD: dict[str, tuple[Dialect, dict[str, Any]]] = {
    "chat, the same": ("chat", {"id": "call_0"}),
    "chat, a number": ("chat", {"id": 0}),
    "chat, empty": ("chat", {"id": ""}),
    "chat, null": ("chat", {"id": None}),
    "chat, none": ("chat", {}),
    "responses, the same": ("responses", {"call_id": "call_0"}),
    "responses, empty": ("responses", {"call_id": ""}),
}
TURNS = (
    (("read_inbox", {"limit": 1}), ("search_knowledge", {"query": "hours"})),
    (("send_email", {"to": CUSTOMER, "subject": "Re: A question", "body": "We are open.\n"}),),
)


def told(body: dict[str, Any]) -> list[str]:
    """By which ids our outputs went back, calls first."""
    if "messages" in body:
        asked = [call["id"] for one in body["messages"] for call in one.get("tool_calls") or ()]
        return asked + [one["tool_call_id"] for one in body["messages"] if one["role"] == "tool"]
    asked = [one["call_id"] for one in body["input"] if one["type"] == "function_call"]
    return asked + [one["call_id"] for one in body["input"] if one["type"] == "function_call_output"]


@pytest.mark.parametrize("kind", ODD)
async def test_an_id_that_names_no_call_is_replaced(tmp_path: Path, kind: str) -> None:
    """Each call is answered by an id of its own, and the reply of the second turn waits for a person."""
    dialect, odd = ODD[kind]

    def script(body: dict[str, Any], _n: int) -> Answer:
        if is_extraction(body):
            return text(extraction())
        done = len(told(body)) // 2
        calls = [{"name": name, "arguments": json.dumps(given)} for name, given in TURNS[1 if done else 0]]
        message = {"content": None, "tool_calls": [{**odd, "type": "function", "function": call} for call in calls]}
        output = [{"type": "function_call", **odd, **call} for call in calls]
        data = {"id": "r", "status": "completed", "output": output, "choices": [{"message": message}]}
        return Raw(body=json.dumps(data).encode())

    async with at_home(tmp_path, dialect, script) as (server, home):
        mail_id = await home.receive(HOURS)
        await home.settle()
        async with home.parts.database.read() as tx:
            (run,) = await runs.of_mail(tx, mail_id)
            names = [call.name for call in await runs.calls(tx, run.id)]
        assert ((await home.mail(mail_id)).status, run.state) == (MailStatus.WAITING, RunState.REQUIRES_ACTION)
    assert names == ["read_inbox", "search_knowledge", "send_email"]
    ids = told(server.requests[-1])
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2


def test_sound_ids_stay_and_new_ones_are_in_nobodys_way() -> None:
    """Whatever the server calls its own: none of ours equals one of them, before or in the same answer."""

    def named(*ids: str) -> tuple[Item, ...]:
        return tuple(FunctionCall(call_id=one, name="read_inbox", arguments="{}") for one in ids)

    first = ModelAnswer(id="1", model="m", status="completed", items=(Message(role="assistant", text="x"), *named("a")))
    assert distinct(first, ()) == first
    (ours,) = distinct(first.model_copy(update={"items": named("")}), ()).calls
    again = distinct(first.model_copy(update={"items": named("", "a", "a", "")}), named(ours.call_id)).calls
    assert again[1].call_id == "a"
    assert len({ours.call_id, *(call.call_id for call in again)}) == 5
    assert all(call.call_id.isalnum() and len(call.call_id) == 9 for call in again if call.call_id != "a")
