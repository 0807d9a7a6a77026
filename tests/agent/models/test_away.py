"""A model server that gives no answer: how long it is waited for, what an operator reads, where it ends."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agent import closing
from agent.approval import Decided
from agent.models.base import ModelUnavailableError
from agent.models.openai import OpenAIModel
from agent.printing import print_story
from agent.prompt import run_request
from agent.states import MailStatus, RunState
from agent.story import tell
from tests.agent.desk_visitor import visited
from tests.agent.models.model_server import Answer, Dialect, ModelServer, Raw, Says, Script, model_server
from tests.agent.models.scripts import (
    VIEW,
    Naps,
    answer_to,
    at_home,
    both,
    extraction,
    in_turn,
    is_extraction,
    state_of,
    text,
)
from tests.agent.postroom import HOURS, House

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
    "a timeout": (Raw(wait=1.5), "no answer within 0.5 s"),
    "a reset": (Raw(body=b'{"id": "resp', headers={"Content-Length": "5000"}), "the connection failed"),
    "a redirect": (Raw(status=307, headers={"Location": "http://127.0.0.1:9/v1/responses"}), "not followed"),
}


@both
@pytest.mark.parametrize("kind", AWAY)
async def test_a_server_in_trouble_is_waited_for(tmp_path: Path, dialect: Dialect, kind: str) -> None:
    """The mail keeps for four hours, the run in progress; then it is a person's, and the reason says what was wrong."""
    trouble, words = AWAY[kind]
    patience = 0.5 if kind == "a timeout" else 5
    async with at_home(tmp_path, dialect, in_turn(trouble), read_timeout_seconds=patience) as (server, home):
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


@both
async def test_a_server_that_is_never_there_costs_time_alone(tmp_path: Path, dialect: Dialect) -> None:
    """From the first question on: four hours in all, then a person's with the reason; nothing is sent."""
    async with at_home(tmp_path, dialect, lambda _body, _n: Raw(status=503)) as (_, home):
        mail_id = await home.receive(HOURS)
        for _ in range(3):
            await home.settle()
            assert (await home.mail(mail_id)).status is MailStatus.RECEIVED
            home.clock.advance(hours=1.9)
        await home.settle()
        mail = await home.mail(mail_id)
        assert mail.status is MailStatus.PERSON
        assert "the model gave no answer" in mail.status_reason
        assert home.replies() == []


@pytest.mark.parametrize("while_reading", [True, False])
async def test_explain_says_why_a_mail_waits_for_a_model(tmp_path: Path, while_reading: bool) -> None:
    """And when it is asked again, at the desk too; once it answers nothing of that is left."""
    busy = [True]

    def script(body: dict[str, Any], _n: int) -> Answer:
        if busy[0] and is_extraction(body) is while_reading:
            return Raw(status=404, body=b'{"error": "model not found"}')
        return text(extraction()) if is_extraction(body) else text("done")

    async def told(home: House, mail_id: str) -> str:
        async with home.parts.database.read() as tx:
            story = await tell(tx, home.parts.audit, mail_id)
        assert story is not None
        said = StringIO()
        print_story(Console(file=said, soft_wrap=True), story, whole=True)
        return said.getvalue()

    async with at_home(tmp_path, "responses", script) as (_, home), visited(home) as visitor:
        mail_id = await home.receive(HOURS)
        await home.settle()
        page = await visitor.page(f"/mail/{mail_id}")
        assert re.search(
            r"Again at 20\d\d-.* UTC: the model server at .* look at model.name.*model not found", page.text
        )
        said = await told(home, mail_id)
        assert re.search(r"again +at 20\d\d-.* UTC; the model server at .* look at model.name.*model not found", said)
        busy[0] = False
        home.clock.advance(minutes=2)
        await home.settle()
        assert "again  " not in await told(home, mail_id)
        assert "Again at" not in (await visitor.page(f"/mail/{mail_id}")).text


async def test_a_backlog_is_not_lost_to_a_hiccup(tmp_path: Path) -> None:
    """Mail that nobody got round to for a day: patience begins with the first question in vain."""
    script: Script = lambda body, n: (  # noqa: E731 (it has a type)
        Raw(status=503) if n == 0 else text(extraction()) if is_extraction(body) else text("done")
    )
    async with at_home(tmp_path, "responses", script) as (_, home):
        mail_id = await home.receive(HOURS)
        home.clock.advance(hours=24)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.RECEIVED
        home.clock.advance(minutes=1)
        await home.settle()
        mail = await home.mail(mail_id)
        assert (mail.status, "gave no answer" in mail.status_reason) == (MailStatus.PERSON, False)


async def test_mail_that_is_begun_again_waits_anew(tmp_path: Path) -> None:
    """A person wants it read once more; the model is away still."""
    async with at_home(tmp_path, "responses", lambda _body, _n: Raw(status=503)) as (_, home):
        mail_id = await home.receive(HOURS)
        await home.settle()
        home.clock.advance(hours=4)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
        assert isinstance(await closing.retry(home.parts, mail_id, by="ruth"), Decided)
        await home.settle()
        home.clock.advance(hours=3.9)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.RECEIVED
        home.clock.advance(hours=0.2)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.PERSON


async def test_a_newsletter_that_no_model_read_is_a_persons(tmp_path: Path) -> None:
    """It is not taken for one that asks nothing."""
    async with at_home(tmp_path, "responses", lambda _body, _n: Raw(status=503)) as (_, home):
        mail_id = await home.receive(HOURS, headers={"List-Id": "<news.customer.example>"})
        await home.settle()
        home.clock.advance(hours=4)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.PERSON


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
