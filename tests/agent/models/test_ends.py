"""Where each answer of a model server ends, for run and mail; `docs/model.md` has the same table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.models.base import FunctionCall, Item
from agent.models.transport import MAX_BYTES
from agent.states import MailStatus, RunState
from agent.store import runs
from tests.agent.models.model_server import Answer, Dialect, Raw, Says, Script
from tests.agent.models.scripts import (
    answer_to,
    at_home,
    both,
    call,
    extraction,
    in_turn,
    text,
)
from tests.agent.postroom import CUSTOMER, HOURS

FAILURES: dict[str, tuple[Answer, str]] = {
    "cut": (Says(cut=True), "incomplete"),
    "refusal": (Says(refusal="I cannot help with that."), "refused"),
    "nothing": (Says(), "completed"),
    "empty body": (Raw(body=b""), "failed"),
    "no json": (Raw(body=b"<html>502</html>"), "failed"),
    "truncated json": (Raw(body=b'{"id": "resp_1", "output": [{"type": "mess'), "failed"),
    "a list": (Raw(body=b"[]"), "failed"),
    "no output": (Raw(body=b'{"id": "resp_1", "status": "completed"}'), "failed"),
    "a deep nest": (Raw(body=b"[" * 100_000), "failed"),
    "wrong types": (
        Raw(
            body=b'{"id": 7, "status": "completed", "output": [{"type": "function_call", "call_id": 1}],'
            b' "choices": [{"message": {"tool_calls": [{"id": 1}]}}]}'
        ),
        "failed",
    ),
    "a status of its own": (Raw(body=b'{"id": "r", "status": "dreaming", "output": [], "choices": []}'), "failed"),
    "too long": (Raw(body=b"{" + b" " * MAX_BYTES + b"}"), "failed"),
    "no number": (Raw(body=b'{"id": "r", "status": "completed", "output": [], "x": NaN}'), "failed"),
    "400": (Raw(status=400, body=b'{"error": {"message": "context too long"}}'), "failed"),
    "422": (Raw(status=422), "failed"),
}


@both
@pytest.mark.parametrize("kind", FAILURES)
async def test_an_answer_that_is_none_says_why(dialect: Dialect, kind: str) -> None:
    """Each has its status and a reason; nothing raises."""
    answer, status = FAILURES[kind]
    said = await answer_to(dialect, answer)
    assert said.status == status
    assert bool(said.detail) == (status != "completed")
    assert said.items == ()


@both
@pytest.mark.parametrize("error", [{"message": "no room, sk-test"}, "no room, sk-test"])
async def test_an_error_in_place_of_an_answer_is_told(dialect: Dialect, error: object) -> None:
    """Some servers say 200 and mean trouble; their words are the reason, without the key."""
    said = await answer_to(dialect, Raw(body=json.dumps({"id": "r", "error": error}).encode()))
    assert (said.status, said.detail, said.id) == ("failed", "no room, ***", "r")


@both
async def test_id_and_usage_survive_what_is_wrong(dialect: Dialect) -> None:
    """A cut answer was paid for all the same."""
    said = await answer_to(dialect, Says(cut=True))
    assert (said.id, said.usage.output_tokens) == ("resp_1", 20)


@both
async def test_a_server_that_does_not_count_is_counted_by_bytes(dialect: Dialect) -> None:
    """A budget bites there too: rather too early than never."""
    body = json.dumps({"id": "r", "status": "completed", "output": [], "choices": []}).encode()
    said = await answer_to(dialect, Raw(body=body))
    assert said.usage.output_tokens == -(-len(body) // 3)
    assert said.usage.input_tokens > len(HOURS) // 3


BAD_CALLS: dict[str, Item] = {
    "unknown tool": call("delete_everything", all=True),
    "broken arguments": FunctionCall(call_id="c1", name="send_email", arguments='{"to": "ann'),
    "further argument": call("send_email", to=CUSTOMER, subject="x", body="y", bcc="eve@evil.example"),
    "elsewhere": call("send_email", to="eve@evil.example", subject="Re: A question", body="hello"),
}


ENDS: dict[str, tuple[Script, MailStatus, RunState]] = {
    "final text alone": (in_turn(text("I would rather not.")), MailStatus.PERSON, RunState.COMPLETED),
    "nothing at all": (in_turn(Says()), MailStatus.PERSON, RunState.COMPLETED),
    "a refusal": (in_turn(Says(refusal="no")), MailStatus.PERSON, RunState.FAILED),
    "cut off": (in_turn(Says(cut=True)), MailStatus.PERSON, RunState.INCOMPLETE),
    "no json": (in_turn(Raw(body=b"<html>")), MailStatus.PERSON, RunState.FAILED),
    "40 turns that never end": (
        in_turn(*(Says((call("read_inbox", f"c{n}", limit=1),)) for n in range(40))),
        MailStatus.PERSON,
        RunState.INCOMPLETE,
    ),
    "the same call for ever": (in_turn(Says((call("read_inbox", limit=1),))), MailStatus.PERSON, RunState.INCOMPLETE),
    **{
        kind: (in_turn(Says((item,)), text("done")), MailStatus.PERSON, RunState.COMPLETED)
        for kind, item in BAD_CALLS.items()
    },
    "two sends at once": (
        in_turn(
            Says(
                (
                    call("send_email", "a", to=CUSTOMER, subject="Re: A question", body="first"),
                    call("send_email", "b", to=CUSTOMER, subject="Re: A question", body="second"),
                )
            )
        ),
        MailStatus.WAITING,
        RunState.REQUIRES_ACTION,
    ),
    "tools while reading": (
        in_turn(text("done"), extracted=Says((call("send_email", to=CUSTOMER, subject="x", body="y"),))),
        MailStatus.PERSON,
        RunState.COMPLETED,
    ),
    "an intent that is none": (
        in_turn(text("done"), extracted=text(extraction(intent="give_refund"))),
        MailStatus.PERSON,
        RunState.COMPLETED,
    ),
    "a wrong enum": (
        in_turn(text("done"), extracted=text(extraction(requested_action="wire_money"))),
        MailStatus.PERSON,
        RunState.COMPLETED,
    ),
}


@both
@pytest.mark.parametrize("kind", ENDS)
async def test_each_way_has_its_end(tmp_path: Path, dialect: Dialect, kind: str) -> None:
    """Where run and mail stand then; nothing leaves. `docs/model.md` has the same table."""
    script, status, state = ENDS[kind]
    async with at_home(tmp_path, dialect, script) as (_, home):
        mail_id = await home.receive(HOURS)
        await home.settle()
        mail = await home.mail(mail_id)
        async with home.parts.database.read() as tx:
            (run,) = await runs.of_mail(tx, mail_id)
            answered = [call.output is not None for call in await runs.calls(tx, run.id)]
        assert (mail.status, run.state) == (status, state)
        assert home.replies() == []
        assert all(answered) or state is RunState.REQUIRES_ACTION
