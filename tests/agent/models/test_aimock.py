"""Against an independent server, npm's @copilotkit/aimock: what we and our own fake agree on, others understand too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from agent.models.base import ModelUnavailableError
from agent.models.openai import OpenAIModel
from agent.models.settings import ModelSettings
from agent.playbook import load
from agent.prompt import run_request
from agent.states import MailStatus, RunState
from tests.agent.models.model_server import Dialect
from tests.agent.models.scripts import VIEW, both, extraction, state_of
from tests.agent.postroom import CUSTOMER, HERE, HOURS, house
from tests.peers_node import PEERS, node

SERVER = PEERS / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
MISSING = "aimock is not installed: run `npm ci` in tests/peers (needs npm; with an old Node it brings its own)"


@dataclass(frozen=True)
class Aimock:
    address: str
    dialect: Dialect

    def model(self, **changes: object) -> OpenAIModel:
        given = {"base_url": f"{self.address}/v1", "dialect": self.dialect, "max_retries": 0, "name": "gpt-5-mini"}
        return OpenAIModel(ModelSettings.model_validate({**given, **changes}), concurrency=4)

    async def journal(self) -> list[dict[str, Any]]:
        """The requests that it got, as it understood them."""
        async with httpx2.AsyncClient(trust_env=False) as client:
            found: list[dict[str, Any]] = (await client.get(f"{self.address}/__aimock/journal")).json()
        return found


@asynccontextmanager
async def aimock(folder: Path, dialect: Dialect, *fixtures: dict[str, Any]) -> AsyncIterator[Aimock]:
    """The server as a process of its own, on a free port, with these fixtures: the first that matches answers."""
    if not node() or not SERVER.exists():
        pytest.skip(MISSING)
    path = folder / "aimock.json"
    path.write_text(json.dumps({"fixtures": fixtures}))
    process = await asyncio.create_subprocess_exec(
        node(),
        *(str(SERVER), "-p", "0", "-f", str(path), "--strict", "--validate-on-load"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(30):
            while b"listening on " not in said:
                said = await process.stdout.readline()
                assert said, "aimock ended before it listened"
        yield Aimock(said.decode().rpartition("listening on ")[2].strip(), dialect)
    finally:
        process.terminate()
        await process.communicate()


def says(content: str, **match: object) -> dict[str, Any]:
    return {"match": match, "response": {"content": content}}


def calls(*named: tuple[str, dict[str, object]], **match: object) -> dict[str, Any]:
    given = [{"name": name, "arguments": json.dumps(arguments)} for name, arguments in named]
    return {"match": match, "response": {"toolCalls": given}}


READS = says(extraction(), systemMessage="describe it as JSON")
SEND = {"to": CUSTOMER, "subject": "Re: A question"}


@both
async def test_a_mail_is_read_looked_up_answered_and_concluded(tmp_path: Path, dialect: Dialect) -> None:
    """The whole loop: extraction, read_inbox, send_email with the playbook's text, its outcome, final text."""
    entry = load(HERE / "playbook").for_intent("opening_hours")[0]
    script = (
        READS,
        calls(("read_inbox", {"limit": 5}), hasToolResult=False),
        calls(("send_email", {**SEND, "body": entry.body}), toolResultContains='"mails"'),
        says("The reply left.", toolResultContains='"success": true'),
    )
    async with aimock(tmp_path, dialect, *script) as server:
        model = server.model()
        async with house(tmp_path, model=model) as home:
            mail_id = await home.receive(HOURS)
            await home.settle()
            assert (await state_of(home, mail_id))[:2] == (MailStatus.ANSWERED, RunState.COMPLETED)
            assert len(home.replies()) == 1
        await model.close()
        journal = await server.journal()
    assert [one["response"]["status"] for one in journal] == [200] * 4
    assert [bool(one["body"].get("tools")) for one in journal] == [False, True, True, True]


@both
async def test_two_calls_at_once_are_both_answered(tmp_path: Path, dialect: Dialect) -> None:
    """In one turn: the other side finds an answer to each of its calls in the next request."""
    script = (
        READS,
        calls(("read_inbox", {"limit": 1}), ("search_knowledge", {"query": "opening hours"}), hasToolResult=False),
        calls(("send_email", {**SEND, "body": "We are open on Saturday.\n"}), toolResultContains='"found"'),
    )
    async with aimock(tmp_path, dialect, *script) as server:
        model = server.model()
        async with house(tmp_path, model=model) as home:
            mail_id = await home.receive(HOURS)
            await home.settle()
            assert (await state_of(home, mail_id))[:2] == (MailStatus.WAITING, RunState.REQUIRES_ACTION)
            assert home.replies() == [], "free text waits for a person"
        await model.close()
        last = (await server.journal())[-1]["body"]
    asked = [call["id"] for one in last["messages"] for call in one.get("tool_calls") or ()]
    told = [one["tool_call_id"] for one in last["messages"] if one["role"] == "tool"]
    assert len(asked) == 2
    assert sorted(asked) == sorted(told)


@both
@pytest.mark.parametrize(
    ("status", "words"), [(429, "too much to do"), (500, "trouble"), (401, "refused the key"), (404, "no such model")]
)
async def test_an_error_in_its_words_is_understood(tmp_path: Path, dialect: Dialect, status: int, words: str) -> None:
    """Waited for, with the reason."""
    error = {"match": {}, "response": {"error": {"message": "hm", "type": "t"}, "status": status}}
    async with aimock(tmp_path, dialect, error) as server:
        model = server.model()
        with pytest.raises(ModelUnavailableError, match=rf"answered {status}: .*{words}.*it says: hm"):
            await model.respond(run_request(VIEW, ()))
        await model.close()


@both
async def test_a_request_that_fits_no_fixture_says_so(tmp_path: Path, dialect: Dialect) -> None:
    """Its strict mode: nothing that we send goes past it unread."""
    async with aimock(tmp_path, dialect, says("x", userMessage="never said")) as server:
        model = server.model()
        with pytest.raises(ModelUnavailableError, match="answered 503"):
            await model.respond(run_request(VIEW, ()))
        await model.close()
