"""What tests let a model server say, and the openai model that hears it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.models.base import FunctionCall, MailView, Message, ModelAnswer
from agent.models.openai import OpenAIModel
from agent.prompt import run_request
from agent.states import MailStatus, RunState
from agent.store import runs
from tests.agent.models.model_server import Answer, Dialect, ModelServer, Says, Script, model_server
from tests.agent.postroom import CUSTOMER, HOURS, SUPPORT, House, house

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


class Naps:
    """Stands in for sleeping; keeps how long it would have taken."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
