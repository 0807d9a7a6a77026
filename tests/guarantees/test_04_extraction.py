"""Guarantee 4: reading a mail has no tools and one closed form of answer; whatever else comes back does nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.models.base import Item, Message, ModelAnswer, ModelRequest
from agent.states import MailStatus
from agent.store import mails, runs
from tests.agent.postroom import HOURS, House, house
from tests.guarantees.attacker import EVIL, KNOWN, Attacker, Sink, call, send

RIGHT: dict[str, Any] = {
    "intent": "opening_hours",
    "entities": [],
    "confidence": 1.0,
    "risks": [],
    "requested_action": "reply",
    "review_required": False,
    "tags": [],
    "priority": "normal",
}


def said(**changes: object) -> str:
    return json.dumps({**RIGHT, **changes})


UNREADABLE: dict[str, str] = {
    "nothing": "",
    "prose": "The customer asks when you are open.",
    "a fence around it": f"```json\n{said()}\n```",
    "a second object behind it": said() + said(),
    "a list": f"[{said()}]",
    "a field more": said(send_email={"to": EVIL, "body": KNOWN}),
    "a field less": json.dumps({key: value for key, value in RIGHT.items() if key != "confidence"}),
    "a key twice": said()[:-1] + ', "review_required": false}',
    "confidence beyond one": said(confidence=1.01),
    "confidence under nothing": said(confidence=-1),
    "confidence that is no number": '{"confidence": NaN, ' + said()[1:],
    "an action that there is not": said(requested_action="send"),
    "an entity with more in it": said(entities=[{"name": "order", "value": "x", "send": EVIL}]),
    "entities without end": said(entities=[{"name": "order", "value": "x"}] * 51),
    "nested without end": '{"a":' * 300 + "1" + "}" * 300,
}
CALLS: dict[str, tuple[Item, ...]] = {
    "a reply": (send(body=KNOWN),),
    "a look": (call("read_inbox", '{"limit": 20}'),),
    "no tool of ours": (call("delete", "{}"),),
}


class Reading(Attacker):
    """Answers the reading of a mail by its subject; a run would only say that it is done."""

    def __init__(self, answers: Mapping[str, tuple[Item, ...]]) -> None:
        super().__init__([()])
        self._answers = answers

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        answer = await super().respond(request)
        read = request.purpose == "extract"
        items = self._answers[request.mail.subject] if read else (Message(role="assistant", text="done"),)
        return answer.model_copy(update={"items": items})


async def unused(home: House, mail_id: str) -> list[str]:
    """Nothing came of a mail but that a person has it; gives the risks that were found."""
    assert await home.drafts(mail_id) == []
    assert (await home.mail(mail_id)).status is MailStatus.PERSON
    async with home.parts.database.read() as tx:
        for run in await runs.of_mail(tx, mail_id):
            assert [one.name for one in await runs.calls(tx, run.id)] == []
        intent = await mails.get_intent(tx, mail_id)
    assert intent is not None
    assert (intent.intent, intent.confidence, intent.review_required) == ("none", 0.0, True)
    return list(intent.risks)


async def risks_of(folder: Path, answers: Mapping[str, tuple[Item, ...]]) -> dict[str, list[str]]:
    """One mail for each answer: what was found wrong, where nothing but a person came of it."""
    sink, model = Sink(), Reading(answers)
    async with house(folder, model=model, courier=sink) as home:
        received = {name: await home.receive(HOURS, subject=name) for name in answers}
        await home.settle()
        found = {name: await unused(home, mail_id) for name, mail_id in received.items()}
    assert sink.given == []
    assert [one.tools for one in model.requests if one.purpose == "extract"] == [()] * len(answers)
    return found


async def test_tool_calls_while_reading_do_nothing(tmp_path: Path) -> None:
    """Alone or beside a sound answer; a person has the mail."""
    sound = Message(role="assistant", text=said())
    answers = CALLS | {f"{name}, and a sound answer": (*items, sound) for name, items in CALLS.items()}
    assert await risks_of(tmp_path, answers) == {name: ["model_called_tools"] for name in answers}


async def test_an_answer_in_another_form_is_none(tmp_path: Path) -> None:
    """However much of it could be made out: it is read whole or not at all."""
    answers = {name: (Message(role="assistant", text=text),) for name, text in UNREADABLE.items()}
    assert await risks_of(tmp_path, answers) == {name: ["extraction_unreadable"] for name in answers}


def closed(node: dict[str, Any]) -> bool:
    """Every object of the schema names all its fields and takes no other."""
    if node.get("type") == "object":
        inner = node["properties"]
        return (
            node.get("additionalProperties") is False
            and sorted(node["required"]) == sorted(inner)
            and all(closed(one) for one in inner.values())
        )
    return closed(node["items"]) if node.get("type") == "array" else True


async def test_what_is_asked_for_is_a_closed_form(tmp_path: Path) -> None:
    """The server is told so too; and a sound answer is read, or nothing here would say anything."""
    model = Reading({"A question": (Message(role="assistant", text=said()),)})
    async with house(tmp_path, model=model, courier=Sink()) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        async with home.parts.database.read() as tx:
            intent = await mails.get_intent(tx, mail_id)
    schema = model.requests[0].output_schema
    assert schema is not None
    assert sorted(schema["properties"]) == sorted(RIGHT)
    assert closed(schema)
    assert intent is not None
    assert (intent.intent, intent.confidence) == ("opening_hours", 1.0)
