"""The run loop under models that do what they like: every call answered once, nothing done that was not allowed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.models.base import FunctionCall, FunctionOutput, Item, Message, ModelAnswer, ModelRequest
from agent.states import MailStatus, RunState
from agent.store import runs
from agent.store.runs import Run, ToolCall
from tests.agent.postroom import CUSTOMER, House, Scripted, house

pytestmark = pytest.mark.usefixtures("both_databases")

ASKS = json.dumps(
    {
        "intent": "opening_hours",
        "entities": [],
        "confidence": 0.97,
        "risks": [],
        "requested_action": "reply",
        "review_required": False,
    }
)


def call(name: str, arguments: object, call_id: str = "c1") -> FunctionCall:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return FunctionCall(call_id=call_id, name=name, arguments=text)


def reply(call_id: str = "c1", **changes: str) -> FunctionCall:
    given = {"to": CUSTOMER, "subject": "Re: A question", "body": "We are open.\n", **changes}
    return call("send_email", given, call_id)


async def run_of(home: House, mail_id: str) -> tuple[Run, list[ToolCall]]:
    async with home.parts.database.read() as tx:
        (found,) = await runs.of_mail(tx, mail_id)
        return found, await runs.calls(tx, found.id)


async def outcome(tmp_path: Path, *turns: Item | tuple[Item, ...]) -> tuple[Run, list[ToolCall], House, Scripted, str]:
    model = Scripted(*turns, extraction=ASKS)
    async with house(tmp_path, model=model) as home:
        mail_id = await home.receive("When are you open?")
        await home.settle()
        run, calls = await run_of(home, mail_id)
        return run, calls, home, model, mail_id


def output(found: ToolCall) -> dict[str, Any]:
    assert found.output is not None
    loaded: dict[str, Any] = json.loads(found.output)
    return loaded


BROKEN = [
    ("an unknown tool", call("delete_mail", {"id": 1}), "there is no tool"),
    ("broken JSON", call("send_email", '{"to": "ann'), "cannot be read"),
    ("no object", call("read_inbox", "[1]"), "not a JSON object"),
    ("a key twice", call("send_email", '{"to":"a@x.example","to":"b@x.example","subject":"s","body":"b"}'), "twice"),
    ("an unknown argument", call("send_email", {"to": CUSTOMER, "subject": "s", "body": "b", "bcc": "e@x"}), "bcc"),
    ("a missing argument", call("send_email", {"to": CUSTOMER}), "do not fit"),
    ("a huge argument", call("send_email", {"to": CUSTOMER, "subject": "s", "body": "x" * 60_000}), "do not fit"),
    ("a limit out of bounds", call("read_inbox", {"limit": 1000}), "do not fit"),
    ("a limit as text", call("read_inbox", {"limit": "5"}), "do not fit"),
    ("deep nesting", call("read_inbox", '{"limit":' + "[" * 50 + "]" * 50 + "}"), "nested deeper"),
    ("somebody else", reply(to="eve@evil.example"), "not the author"),
]


@pytest.mark.parametrize(("what", "given", "answer"), BROKEN, ids=[what for what, _, _ in BROKEN])
async def test_a_call_that_is_not_allowed_is_answered_and_nothing_is_done(
    tmp_path: Path, what: str, given: FunctionCall, answer: str
) -> None:
    """The model hears what was wrong, the run goes on, no mail leaves."""
    run, (only,), home, model, _ = await outcome(tmp_path, given, Message(role="assistant", text="I give up"))
    assert output(only)["success"] is False, what
    assert answer in str(only.output)
    assert run.state is RunState.COMPLETED
    assert home.replies() == []
    told = [item for item in model.requests[-1].items if isinstance(item, FunctionOutput)]
    assert [item.call_id for item in told] == ["c1"]


async def test_all_calls_of_a_turn_are_answered_together(tmp_path: Path) -> None:
    """Two reads and an unknown tool in one turn: three answers in the next request, none missing, none twice."""
    turn = (call("read_inbox", {"limit": 1}, "a"), call("nonsense", {}, "b"), call("read_inbox", {"limit": 2}, "c"))
    _, calls, _, model, _ = await outcome(tmp_path, turn, Message(role="assistant", text="done"))
    assert [found.call_id for found in calls] == ["a", "b", "c"]
    told = [item.call_id for item in model.requests[-1].items if isinstance(item, FunctionOutput)]
    assert told == ["a", "b", "c"]


async def test_a_second_reply_in_one_turn_is_refused(tmp_path: Path) -> None:
    """One mail, one reply, also where a model proposes two at once: the second waits for nobody."""
    model = Scripted((reply("a"), reply("b", body="Another one.\n")), extraction=ASKS)
    async with house(tmp_path, model=model) as home:
        mail_id = await home.receive("When are you open?")
        await home.settle()
        _, calls = await run_of(home, mail_id)
        waiting = [found for found in calls if found.output is None]
        assert len(waiting) == 1
        assert len([one for one in await home.drafts(mail_id) if one.state.value == "waiting"]) == 1


async def test_free_text_waits_for_a_person_and_the_run_rests(tmp_path: Path) -> None:
    """The run is rows: requires_action, its call unanswered, the model not asked again."""
    model = Scripted(reply(), extraction=ASKS)
    async with house(tmp_path, model=model) as home:
        mail_id = await home.receive("When are you open?")
        await home.settle()
        run, (only,) = await run_of(home, mail_id)
        assert run.state is RunState.REQUIRES_ACTION
        assert only.output is None
        assert (await home.mail(mail_id)).status is MailStatus.WAITING
        assert home.replies() == []
        asked = len(model.requests)
        await home.settle()
        assert len(model.requests) == asked


async def test_turns_are_bounded(tmp_path: Path) -> None:
    """A model that never ends is stopped, and a person gets the mail."""
    turns = [call("read_inbox", {"limit": 1}, f"c{n}") for n in range(40)]
    run, calls, home, _, _ = await outcome(tmp_path, *turns)
    assert run.state is RunState.INCOMPLETE
    assert len(calls) == home.parts.config.worker.max_turns


async def test_extraction_that_calls_tools_gets_nothing_done(tmp_path: Path) -> None:
    """Tools are locked until the intent is a row: guarantee 4."""

    class Eager(Scripted):
        async def respond(self, request: ModelRequest) -> ModelAnswer:
            if request.purpose == "extract":
                assert request.tools == ()
                return ModelAnswer(id="x", model="eager", status="completed", items=(reply(),))
            return await super().respond(request)

    async with house(tmp_path, model=Eager()) as home:
        mail_id = await home.receive("When are you open?")
        await home.settle()
        assert await home.drafts(mail_id) == []
        assert home.replies() == []
        mail = await home.mail(mail_id)
        assert mail.status is MailStatus.PERSON


@pytest.mark.parametrize("status", ["refused", "failed", "incomplete"])
async def test_an_answer_that_is_none_ends_with_a_person(tmp_path: Path, status: str) -> None:
    """Refused, failed or cut off: a stated end, and a person."""

    class Broken(Scripted):
        async def respond(self, request: ModelRequest) -> ModelAnswer:
            answer = await super().respond(request)
            return answer if request.purpose == "extract" else answer.model_copy(update={"status": status})

    async with house(tmp_path, model=Broken(reply(), extraction=ASKS)) as home:
        mail_id = await home.receive("When are you open?")
        await home.settle()
        run, _ = await run_of(home, mail_id)
        assert run.state in {RunState.FAILED, RunState.INCOMPLETE}
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
        assert home.replies() == []


async def test_expiry_never_sends(tmp_path: Path) -> None:
    """A draft that nobody decided on is void after its time; the mail is a person's."""
    from agent.run import expire

    async with house(tmp_path, model=Scripted(reply(), extraction=ASKS)) as home:
        mail_id = await home.receive("When are you open?")
        await home.settle()
        home.clock.advance(days=home.parts.config.worker.run_expires_days)
        assert await expire(home.parts) == 1
        await home.settle()
        run, _ = await run_of(home, mail_id)
        assert run.state is RunState.EXPIRED
        assert [one.state.value for one in await home.drafts(mail_id)] == ["voided"]
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
        assert home.replies() == []


async def test_read_inbox_sees_nothing_of_others(tmp_path: Path) -> None:
    """Guarantee 6: another customer's mail never reaches a request, whatever References say."""
    model = Scripted(call("read_inbox", {"limit": 20}), extraction=ASKS)
    async with house(tmp_path, model=model) as home:
        await home.receive("CANARY of Bob", author="bob@customer.example", message_id="secret@customer.example")
        await home.settle()
        model.turns = [call("read_inbox", {"limit": 20})]
        model.requests.clear()
        await home.receive("When are you open?", headers={"References": "<secret@customer.example>"})
        await home.settle()
        assert "CANARY" not in "".join(request.model_dump_json() for request in model.requests)


async def test_an_unproven_author_sees_one_mail(tmp_path: Path) -> None:
    """Who only claims to be Ann does not get Ann's conversation read to the model."""
    model = Scripted(call("read_inbox", {"limit": 20}), extraction=ASKS)
    async with house(tmp_path, model=model) as home:
        await home.receive("CANARY of Ann", message_id="first@customer.example")
        await home.settle()
        model.turns = [call("read_inbox", {"limit": 20})]
        model.requests.clear()
        await home.receive(
            "And now?", subject="Re: A question", signed=False, headers={"In-Reply-To": "<first@customer.example>"}
        )
        await home.settle()
        assert "CANARY" not in "".join(request.model_dump_json() for request in model.requests)
