"""A server that is against us: whatever JSON it sends, an answer comes of it, in bounds, that both databases take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.lexicon import word_set
from agent.models import answered, chat, responses
from agent.models.base import FunctionCall, FunctionOutput, Message, ModelAnswer, Opaque
from agent.models.bounds import MAX_ITEMS, bounded
from agent.models.settings import ModelSettings
from agent.prompt import run_request
from agent.states import MailStatus, RunState
from tests.agent.models.model_server import Dialect, Raw
from tests.agent.models.scripts import VIEW, at_home, both, in_turn, state_of
from tests.agent.postroom import HOURS

SETTINGS = ModelSettings(keep_reasoning=True, base_url="http://127.0.0.1/v1")
KEYS = st.sampled_from(
    sorted(
        word_set(
            """
            id model status output usage type message content text output_text refusal function_call call_id name
            arguments choices finish_reason tool_calls function role error incomplete_details reason reasoning length
            stop completed incomplete input_tokens prompt_tokens chat_message
            """
        )
    )
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | KEYS
ANY = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=40,
)
ITEM = st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "function_call", "reasoning", "x"]) | ANY}, optional={"content": ANY}
) | st.dictionaries(KEYS, ANY)
PARTS = st.lists(st.dictionaries(KEYS, ANY) | ANY, max_size=3)
RESPONSE = st.fixed_dictionaries(
    {
        "status": st.just("completed") | ANY,
        "output": st.lists(ITEM | st.fixed_dictionaries({"type": st.just("message"), "content": PARTS}), max_size=4),
    },
    optional={"id": ANY, "model": ANY, "usage": ANY},
)
CHAT = st.fixed_dictionaries(
    {"choices": st.lists(st.fixed_dictionaries({"message": st.dictionaries(KEYS, ANY) | ANY}) | ANY, max_size=2)},
    optional={"id": ANY, "usage": ANY},
)


def storable(said: ModelAnswer) -> None:
    """What the store does with it."""
    json.dumps(said.model_dump(mode="json"), allow_nan=False, ensure_ascii=False).encode()
    assert len(said.id) <= 200
    assert len(said.model) <= 100
    assert len(said.detail) <= 500
    assert (said.id + said.model + said.detail).isprintable()
    assert said.status == "completed" or said.items == ()


@given(st.one_of(RESPONSE, CHAT, st.dictionaries(KEYS, ANY)))
def test_whatever_a_server_says_is_an_answer(data: dict[str, Any]) -> None:
    """Neither dialect raises, and what they give can be stored and sent again."""
    read = answered.read(json.dumps(data).encode())
    if read is None:
        return
    for dialect in (chat, responses):
        said = bounded(dialect.answer(read, SETTINGS))
        storable(said)
        json.dumps(dialect.body(run_request(VIEW, said.items), SETTINGS), allow_nan=False)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": "\xff"}',
        b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a": ' + b"[" * 100_000,
        b'{"a": 1} {"b": 2}',
    ],
    ids=range(12),
)
def test_what_is_not_one_sound_object_is_no_answer(body: bytes) -> None:
    """No JSON, no object, no finite number, no text, too deep."""
    assert answered.read(body) is None


@pytest.mark.parametrize(
    "output",
    [
        [{"type": "message", "content": [1]}],
        [{"type": "message", "content": "hello"}],
        [{"type": "message"}],
        [{"type": "message", "content": [{"type": "output_text", "text": 7}]}],
        [{"type": "function_call", "call_id": "c", "name": "send_email", "arguments": {"to": "x"}}],
        [{"type": "function_call", "call_id": "c", "name": None, "arguments": "{}"}],
        [{"type": 7}],
        [{}],
        ["message"],
        {"type": "message"},
        [{"type": "x"}] * (MAX_ITEMS + 1),
    ],
    ids=range(11),
)
def test_an_item_of_a_wrong_form_fails_the_answer(output: object) -> None:
    """Id and usage stay; nothing of the answer is done."""
    data = {"id": "r", "status": "completed", "output": output, "usage": {"input_tokens": 7, "output_tokens": 3}}
    said = responses.answer(data, SETTINGS)
    assert (said.status, said.id, said.usage.input_tokens, said.items) == ("failed", "r", 7, ())


def test_a_message_with_parts_that_we_do_not_know_is_handed_back_whole() -> None:
    """It is no text of ours to read, and none to lose either."""
    item = {"type": "message", "id": "m", "content": [{"type": "output_audio", "data": "x"}]}
    said = responses.answer({"id": "r", "status": "completed", "output": [item]}, SETTINGS)
    assert said.items == (Opaque(raw=item),)
    assert item in responses.body(run_request(VIEW, said.items), SETTINGS)["input"]


def test_a_reasoning_item_that_is_an_id_alone_is_left_out() -> None:
    """Nothing is stored at the vendor, so nobody knows the id: OpenAI would answer 404."""
    empty = {"type": "reasoning", "id": "rs_1", "summary": []}
    full = {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    sent = responses.body(run_request(VIEW, (Opaque(raw=empty), Opaque(raw=full))), SETTINGS)["input"]
    assert full in sent
    assert empty not in sent


def test_chat_hands_back_what_a_server_added_where_it_is_wanted() -> None:
    """Reasoning stands in the same assistant message as the calls that followed from it; elsewhere it is dropped."""
    message = {
        "role": "assistant",
        "content": "Let me look.",
        "reasoning_content": "They ask for the hours.",
        "annotations": [],
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "read_inbox", "arguments": "{}"}}],
    }
    data = {"id": "r", "choices": [{"message": message, "finish_reason": "tool_calls"}]}
    kept = chat.answer(data, SETTINGS).items
    sent = chat.body(run_request(VIEW, (*kept, FunctionOutput(call_id="c", output="{}"))), SETTINGS)["messages"]
    del message["annotations"]
    assert sent[2:] == [message, {"role": "tool", "tool_call_id": "c", "content": "{}"}]
    plain = ModelSettings(base_url="http://127.0.0.1/v1")
    assert [type(item) for item in chat.answer(data, plain).items] == [Message, FunctionCall]
    assert "reasoning_content" not in str(chat.body(run_request(VIEW, kept), plain))
    assert "They ask" not in str(responses.body(run_request(VIEW, kept), SETTINGS)), "another dialect's item"


def test_openai_itself_is_told_the_bound_by_its_new_name() -> None:
    """Its reasoning models refuse `max_tokens`; other servers know no other name."""
    own, other = (chat.body(run_request(VIEW, ()), ModelSettings(base_url=url)) for url in ("", "http://x/v1"))
    assert (own["max_completion_tokens"], own["store"], "max_tokens" in own) == (4000, False, False)
    assert (other["max_tokens"], "max_completion_tokens" in other, "store" in other) == (4000, False, False)


HOSTILE_CALLS = {
    "a NUL in the id": ({"call_id": "a\0", "name": "read_inbox", "arguments": "{}"}, RunState.FAILED),
    "a name without end": ({"call_id": "a", "name": "x" * 5000, "arguments": "{}"}, RunState.FAILED),
    "a NUL in the arguments": (
        {"call_id": "a", "name": "read_inbox", "arguments": '{"limit": 1}\0'},
        RunState.INCOMPLETE,
    ),
    "a NUL in the name": ({"call_id": "a", "name": "read\0inbox", "arguments": "{}"}, RunState.INCOMPLETE),
}


@pytest.mark.usefixtures("both_databases")
@both
@pytest.mark.parametrize("kind", HOSTILE_CALLS)
async def test_a_call_that_a_database_would_stumble_over_does_no_harm(
    tmp_path: Path, dialect: Dialect, kind: str
) -> None:
    """The run ends by its rules, not by an error of the store, and a person has the mail."""
    call, end = HOSTILE_CALLS[kind]
    function = {"name": call["name"], "arguments": call["arguments"]}
    body = {
        "id": "r\0",
        "status": "completed",
        "output": [{"type": "function_call", **call}, {"type": "odd", "text": "\0"}],
        "choices": [{"message": {"content": "\0", "tool_calls": [{"id": call["call_id"], "function": function}]}}],
    }
    async with at_home(tmp_path, dialect, in_turn(Raw(body=json.dumps(body).encode()))) as (server, home):
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert (await state_of(home, mail_id))[:2] == (MailStatus.PERSON, end)
        assert home.replies() == []
        server.faults.clear()  # what it said is in no schema, and it got it back unchanged
