"""The openai model over real HTTP, in both dialects: what is sent, and what a sound answer leads to.

The published schemas of both dialects judge every request and every sound answer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config
from agent.models.base import Opaque
from agent.prompt import extract_request, run_request
from agent.states import MailStatus
from tests.agent.models.model_server import Dialect, Says, wrong
from tests.agent.models.scripts import (
    VIEW,
    asked,
    at_home,
    both,
    call,
    extraction,
    in_turn,
    send,
    text,
)
from tests.agent.postroom import HOURS, SUPPORT, configuration, house

KNOWN = "We are open Monday to Saturday from 9 to 18.\n\nYour Larkspur team"


@both
def test_the_published_schema_can_find_fault(dialect: Dialect) -> None:
    """A judge that lets everything pass would say nothing about what passes."""
    sound = {"model": "m", "input": "hello", "messages": [{"role": "user", "content": "hello"}]}
    assert wrong(dialect, "request", sound) == []
    for bad in (
        {**sound, "temperature": "hot"},
        {**sound, "tools": [{"type": "function"}]},
        {**sound, "input": [{"type": "message", "role": "robot", "content": 7}], "messages": [{"role": "robot"}]},
    ):
        assert wrong(dialect, "request", bad), bad
    assert wrong(dialect, "answer", {"id": "r"})


@both
@pytest.mark.parametrize("temperature", [None, 0.0, 1.5])
async def test_a_temperature_is_sent_where_one_is_set(dialect: Dialect, temperature: float | None) -> None:
    """Reasoning models refuse it, so that nobody gets one unasked."""
    async with asked(dialect, text("hello"), temperature=temperature) as (server, model):
        await model.respond(run_request(VIEW, ()))
    assert server.requests[0].get("temperature") == temperature


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
    assert body.get("store") is (False if dialect == "responses" else None)
    tools = body["tools"] if dialect == "responses" else [tool["function"] for tool in body["tools"]]
    assert [tool["name"] for tool in tools] == ["read_inbox", "search_knowledge", "send_email"]
    assert all(tool["strict"] and tool["parameters"]["additionalProperties"] is False for tool in tools)


@both
async def test_the_extraction_has_a_closed_schema_and_no_tools(dialect: Dialect) -> None:
    """Every property required, no defaults, no open maps; whatever the mail says, there is no tool to call."""
    async with asked(dialect, text(extraction())) as (server, model):
        await model.respond(extract_request(VIEW, ("opening_hours",)))
    (body,) = server.requests
    assert "tools" not in body
    form = body["text"]["format"] if dialect == "responses" else body["response_format"]["json_schema"]
    assert form["strict"] is True
    schema = form["schema"]
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


def test_auto_takes_the_server_where_one_is_named(tmp_path: Path) -> None:
    """A key or a base_url; else the playbook, and nothing travels."""

    def chosen(**model: object) -> str:
        config: Config = configuration(tmp_path, model={"kind": "auto", "api_key": "", **model})
        return config.model.chosen

    assert chosen() == "playbook"
    assert chosen(api_key="sk-x") == "openai"
    assert chosen(base_url="http://localhost:11434/v1") == "openai"
    assert chosen(kind="playbook", api_key="sk-x") == "playbook"
    with pytest.raises(ValueError, match="set OPENAI_API_KEY"):
        chosen(kind="openai")
    for odd in ("localhost:11434", "http://user:pw@host/v1", "http://host/v1?x=1", "file:///etc"):
        with pytest.raises(ValueError, match="not the address of a model server"):
            chosen(base_url=odd)
    with pytest.raises(ValueError, match="Port out of range"):
        chosen(base_url="http://localhost:99999/v1")
    with pytest.raises(ValueError, match="letters that no key has"):
        chosen(api_key="sk-é")
