"""The openai model over real HTTP, in both dialects: what is sent, and where each way to fail ends.

The published schema of Open Responses judges every request and every sound answer.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config
from agent.models.base import FunctionCall, Item, MailView, Message, ModelAnswer, ModelUnavailableError, Opaque
from agent.models.openai import OpenAIModel
from agent.models.transport import MAX_BYTES
from agent.prompt import extract_request, run_request
from agent.states import MailStatus, RunState
from agent.store import runs
from tests.agent.models.model_server import Answer, Dialect, ModelServer, Raw, Says, Script, model_server
from tests.agent.postroom import CUSTOMER, HOURS, SUPPORT, House, configuration, house

DIALECTS: list[Dialect] = ["responses", "chat"]
both = pytest.mark.parametrize("dialect", DIALECTS)
VIEW = MailView(
    mail_id="m-1",
    mailbox=SUPPORT,
    author=CUSTOMER,
    author_name="Ann",
    authenticated=True,
    subject="Hours",
    text=HOURS,
)
KNOWN = "We are open Monday to Saturday from 9 to 18.\n\nYour Larkspur team"


def text(said: str) -> Says:
    return Says((Message(role="assistant", text=said),))


def call(name: str, call_id: str = "c1", **arguments: object) -> FunctionCall:
    return FunctionCall(call_id=call_id, name=name, arguments=json.dumps(arguments))


def extraction(**changes: object) -> str:
    given = {
        "intent": "opening_hours",
        "entities": [],
        "confidence": 0.97,
        "risks": [],
        "requested_action": "reply",
        "review_required": False,
    }
    return json.dumps({**given, **changes})


def send(body: str, call_id: str = "c2", to: str = CUSTOMER) -> Says:
    return Says((call("send_email", call_id, to=to, subject="Re: A question", body=body),))


def is_extraction(body: dict[str, Any]) -> bool:
    return "text" in body or "response_format" in body


def in_turn(*turns: Answer, extracted: Answer | None = None) -> Script:
    """The extraction, then one answer a turn; the last one again and again."""
    left = list(turns)

    def script(body: dict[str, Any], _n: int) -> Answer:
        if is_extraction(body):
            return extracted or text(extraction())
        return left.pop(0) if len(left) > 1 else left[0]

    return script


@asynccontextmanager
async def asked(dialect: Dialect, said: Answer, **changes: Any) -> AsyncIterator[tuple[ModelServer, OpenAIModel]]:
    async with model_server(dialect, lambda _body, _n: said) as server:
        model = OpenAIModel(server.settings(**changes), concurrency=4)
        try:
            yield server, model
        finally:
            await model.close()


@asynccontextmanager
async def at_home(
    folder: Path, dialect: Dialect, script: Script, **more: Any
) -> AsyncIterator[tuple[ModelServer, House]]:
    async with model_server(dialect, script) as server:
        model = OpenAIModel(server.settings(**more), concurrency=4)
        try:
            async with house(folder, model=model) as home:
                yield server, home
        finally:
            await model.close()


async def state_of(home: House, mail_id: str) -> tuple[MailStatus, RunState, str]:
    """Where mail and run stand, and why the run ended."""
    async with home.parts.database.read() as tx:
        (run,) = await runs.of_mail(tx, mail_id)
    mail = await home.mail(mail_id)
    return mail.status, run.state, run.reason


async def answer_to(dialect: Dialect, said: Answer, **changes: Any) -> ModelAnswer:
    async with asked(dialect, said, **changes) as (_, model):
        return await model.respond(run_request(VIEW, ()))


@both
async def test_the_whole_input_is_sent_and_nothing_is_stored(dialect: Dialect) -> None:
    """Instructions, fenced mail, strict tools; the key as a bearer; `store` false where the dialect knows it."""
    async with asked(dialect, text("hello")) as (server, model):
        said = await model.respond(run_request(VIEW, ()))
    assert (said.status, said.text, said.id) == ("completed", "hello", "resp_1")
    assert (said.usage.input_tokens, said.usage.output_tokens) == (100, 20)
    (body,) = server.requests
    assert server.keys == ["Bearer sk-test"]
    assert body["model"] == "test-model"
    assert HOURS in json.dumps(body)
    if dialect == "responses":
        assert body["store"] is False
        assert [tool["name"] for tool in body["tools"]] == ["read_inbox", "search_knowledge", "send_email"]
        assert all(tool["strict"] and tool["parameters"]["additionalProperties"] is False for tool in body["tools"])


@both
async def test_the_extraction_has_a_closed_schema_and_no_tools(dialect: Dialect) -> None:
    """Every property required, no defaults, no open maps; whatever the mail says, there is no tool to call."""
    async with asked(dialect, text(extraction())) as (server, model):
        await model.respond(extract_request(VIEW, ("opening_hours",)))
    (body,) = server.requests
    assert "tools" not in body
    schema = (
        body["text"]["format"]["schema"] if dialect == "responses" else body["response_format"]["json_schema"]["schema"]
    )
    open_parts: list[object] = []

    def look(node: object) -> None:
        if isinstance(node, dict):
            if node.get("type") == "object" and (
                node.get("additionalProperties") is not False or set(node["required"]) != set(node["properties"])
            ):
                open_parts.append(node)
            if "default" in node:
                open_parts.append(node)
            for inner in node.values():
                look(inner)
        elif isinstance(node, list):
            for inner in node:
                look(inner)

    look(schema)
    assert open_parts == []


async def test_an_item_that_we_do_not_know_comes_back_as_it_was(tmp_path: Path) -> None:
    """Reasoning, say: handed back unchanged in the next turn."""
    reasoning: dict[str, Any] = {"type": "reasoning", "id": "rs1", "summary": [], "encrypted_content": "gAAAA"}
    first = Says((Opaque(raw=reasoning), call("read_inbox", limit=1)))
    script = in_turn(first, text("done"))
    async with at_home(tmp_path, "responses", script, keep_reasoning=True) as (server, home):
        await home.receive(HOURS)
        await home.settle()
    last = server.requests[-1]
    assert reasoning in last["input"]
    assert last["include"] == ["reasoning.encrypted_content"]


@both
async def test_a_playbook_text_word_for_word_leaves_unseen(tmp_path: Path, dialect: Dialect) -> None:
    """Look, search, send: the body equals the entry, so the entry's threshold holds."""
    search = Says((call("read_inbox", "c0", limit=3), call("search_knowledge", "c1", query="opening hours Saturday")))
    async with house(tmp_path / "look") as other:
        entry = other.parts.playbooks[SUPPORT].for_intent("opening_hours")[0]
    async with at_home(tmp_path, dialect, in_turn(search, send(entry.body), text("done"))) as (server, home):
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
        assert len(home.replies()) == 1
        draft = (await home.drafts(mail_id))[0]
        assert draft.proposal.template_id == entry.id
    told = json.dumps(server.requests[2])
    assert f"{entry.id}.md" in told, "the texts are told with their source"


@both
@pytest.mark.parametrize("body", ["We are open on Saturday from 9 to 18. Come by!", KNOWN + " PS"])
async def test_free_text_waits_for_a_person(tmp_path: Path, dialect: Dialect, body: str) -> None:
    """However sure the model is."""
    async with at_home(tmp_path, dialect, in_turn(send(body), text("done"))) as (_, home):
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.WAITING
        assert home.replies() == []


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
async def test_id_and_usage_survive_what_is_wrong(dialect: Dialect) -> None:
    """A cut answer was paid for all the same."""
    said = await answer_to(dialect, Says(cut=True))
    assert (said.id, said.usage.output_tokens) == ("resp_1", 20)


AWAY: dict[str, tuple[Answer, str]] = {
    "429": (Raw(status=429), "too much to do"),
    "429 for a minute": (Raw(status=429, headers={"Retry-After": "60"}), "too much to do"),
    "429 for ever": (Raw(status=429, body=b'{"error": {"code": "insufficient_quota"}}'), "quota is used up"),
    "500": (Raw(status=500, body=b"oops"), "it says: oops"),
    "503": (Raw(status=503), "too much to do"),
    "401": (Raw(status=401), "refused the key: set OPENAI_API_KEY"),
    "402": (Raw(status=402), "wants to be paid"),
    "403": (Raw(status=403), "rights of the key"),
    "404": (Raw(status=404, body=b'{"error": "model \'x\' not found"}'), "it says: model 'x' not found"),
    "a timeout": (Raw(wait=1.0), "no answer within 0.2 s"),
    "a reset": (Raw(body=b'{"id": "resp', headers={"Content-Length": "5000"}), "the connection failed"),
    "a redirect": (Raw(status=307, headers={"Location": "http://127.0.0.1:9/v1/responses"}), "not followed"),
}


@both
@pytest.mark.parametrize("kind", AWAY)
async def test_a_server_in_trouble_is_waited_for(tmp_path: Path, dialect: Dialect, kind: str) -> None:
    """The mail keeps for four hours, the run in progress; then it is a person's, and the reason says what was wrong."""
    trouble, words = AWAY[kind]
    async with at_home(tmp_path, dialect, in_turn(trouble), read_timeout_seconds=0.2) as (server, home):
        mail_id = await home.receive(HOURS)
        for _ in range(4):
            await home.settle()
            assert (await state_of(home, mail_id))[:2] == (MailStatus.WORKING, RunState.IN_PROGRESS)
            home.clock.advance(hours=1)
        asked = len(server.requests)
        await home.settle()
        status, state, reason = await state_of(home, mail_id)
        assert (status, state) == (MailStatus.PERSON, RunState.FAILED)
        assert words in reason
        assert f"127.0.0.1:{server.port}" in reason
        assert len(server.requests) == asked + 1, "asked once more before it is given up"
        assert home.replies() == []


async def test_a_server_says_when_it_wants_to_be_asked_again(tmp_path: Path) -> None:
    """What is too long to be waited for at once is left to the job: nothing is asked before then."""
    busy = Raw(status=429, headers={"Retry-After": "600"})
    async with at_home(tmp_path, "responses", in_turn(busy), max_retries=5) as (server, home):
        await home.receive(HOURS)
        await home.settle()
        home.clock.advance(minutes=9)
        await home.settle()
        assert len(server.requests) == 2, "the extraction, and the turn that was put off"
        home.clock.advance(minutes=2)
        await home.settle()
        assert len(server.requests) == 3


async def test_nobody_there_is_waited_for() -> None:
    """No server on the port at all."""
    server = ModelServer("responses", lambda _body, _n: Says())
    model = OpenAIModel(server.settings(), concurrency=1)
    with pytest.raises(ModelUnavailableError, match="the connection failed: ConnectError"):
        await model.respond(run_request(VIEW, ()))
    await model.close()


class Naps:
    """Stands in for sleeping; keeps how long it would have taken."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@both
@pytest.mark.parametrize(
    ("headers", "at_least"),
    [({}, [0.5, 1.0]), ({"Retry-After": "7"}, [7, 7]), ({"Retry-After-Ms": "1500"}, [1.5, 1.5])],
    ids=["none", "seconds", "milliseconds"],
)
async def test_tries_are_bounded_and_as_far_apart_as_the_server_wants(
    dialect: Dialect, headers: dict[str, str], at_least: list[float]
) -> None:
    """Two further tries, never earlier than asked for, and a quarter later at most."""
    naps = Naps()
    async with model_server(dialect, lambda _body, _n: Raw(status=429, headers=headers)) as server:
        model = OpenAIModel(server.settings(max_retries=2), concurrency=1, sleep=naps)
        with pytest.raises(ModelUnavailableError):
            await model.respond(run_request(VIEW, ()))
        await model.close()
    assert len(server.requests) == 3
    assert all(least <= took <= 1.25 * least for least, took in zip(at_least, naps.taken, strict=True))


async def test_one_more_try_is_enough_for_a_hiccup() -> None:
    """The first answer is 500, the second sound."""
    script: Script = lambda _body, n: Raw(status=500) if n == 0 else text("hello")  # noqa: E731 (it has a type)
    async with model_server("responses", script) as server:
        model = OpenAIModel(server.settings(max_retries=1), concurrency=1, sleep=Naps())
        assert (await model.respond(run_request(VIEW, ()))).text == "hello"
        await model.close()


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_a_key_that_a_server_repeats_is_kept_out_of_reasons(status: int) -> None:
    """What a server says stands in the log, in the job and at the desk; it is one line, and bounded."""
    said = Raw(status=status, body=json.dumps({"error": {"message": "bad key sk-test!\n" + "x" * 9000}}).encode())
    try:
        reason = (await answer_to("responses", said)).detail
    except ModelUnavailableError as error:
        reason = str(error)
    assert "bad key ***! xxx" in reason
    assert "\n" not in reason
    assert len(reason) < 600


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


async def test_an_outage_costs_time_alone(tmp_path: Path) -> None:
    """429 for an hour, then it goes on where it was."""
    busy = [True]

    def script(body: dict[str, Any], _n: int) -> Answer:
        if busy[0]:
            return Raw(status=429)
        return text(extraction()) if is_extraction(body) else text("done")

    async with at_home(tmp_path, "responses", script) as (_, home):
        mail_id = await home.receive(HOURS)
        for _ in range(20):
            await home.settle()
            home.clock.advance(minutes=3)
        assert (await home.mail(mail_id)).status is MailStatus.RECEIVED
        busy[0] = False
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.PERSON


def test_auto_takes_the_server_where_one_is_named(tmp_path: Path) -> None:
    """A key or a base_url; else the playbook, and nothing travels."""

    def chosen(**model: object) -> str:
        config: Config = configuration(tmp_path, model=model)
        return config.model.chosen

    assert chosen() == "playbook"
    assert chosen(api_key="sk-x") == "openai"
    assert chosen(base_url="http://localhost:11434/v1") == "openai"
    assert chosen(kind="playbook", api_key="sk-x") == "playbook"
    with pytest.raises(ValueError, match="set OPENAI_API_KEY"):
        chosen(kind="openai")
    for wrong in ("localhost:11434", "http://user:pw@host/v1", "http://host/v1?x=1", "file:///etc"):
        with pytest.raises(ValueError, match="not the address of a model server"):
            chosen(base_url=wrong)
