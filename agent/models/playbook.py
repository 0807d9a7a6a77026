"""The model that needs no network: it matches mail with the playbook and answers with its entries.

Rules:
- It speaks the protocol of any other model, and its answers are checked like those of any other.
- Its state is the items alone: a run that was restarted goes on.
- It reads the mail as facts (`MailView`), not the prompt.
- What it does not know it asks the author for, where the entry says how, or leaves as a gap for a person; it never
  makes anything up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from agent.looked import read_output
from agent.matching import match
from agent.models.base import FunctionCall, FunctionOutput, Item, MailView, Message, ModelAnswer, ModelRequest
from agent.playbook import Entry, Playbook, looked_values, render, values_of, variables_in

NAME = "playbook"
LOOK_UP = "look_up"


class PlaybookModel:
    """One playbook a mailbox."""

    name = NAME

    def __init__(self, playbooks: Mapping[str, Playbook]) -> None:
        self._playbooks = playbooks

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        playbook = self._playbooks[request.mail.mailbox]
        item = _described(request.mail, playbook) if request.purpose == "extract" else _next(request, playbook)
        seed = f"{request.purpose}\0{request.mail.mail_id}\0{len(request.items)}\0{playbook.version}"
        return ModelAnswer(
            id="playbook-" + hashlib.sha256(seed.encode()).hexdigest()[:16],
            model=f"{NAME} {playbook.version}",
            status="completed",
            items=(item,),
        )

    async def close(self) -> None:
        """Nothing is open."""


def _described(mail: MailView, playbook: Playbook) -> Message:
    """The answer to an extraction, as JSON."""
    found = match(mail.subject, mail.text, playbook)
    risks = [
        code
        for code, stands in (("several_questions", found.several), ("instructions_to_machine", found.orders_to_machine))
        if stands
    ]
    entry = found.entry
    values = variables_in(entry, f"{mail.subject}\n{mail.text}") if entry else {}
    return Message(
        role="assistant",
        text=json.dumps(
            {
                "intent": entry.intent if entry else "none",
                "entities": [{"name": name, "value": value} for name, value in values.items()],
                "confidence": found.confidence,
                "risks": risks,
                "requested_action": _action(entry, values),
                "review_required": bool(risks) or entry is None,
            }
        ),
    )


def _action(entry: Entry | None, values: Mapping[str, str]) -> str:
    if entry is None:
        return "person"
    return "ask" if entry.requested_action == "reply" and entry.ask and entry.lacks(values) else entry.requested_action


def _next(request: ModelRequest, playbook: Playbook) -> Item:
    """The next step of a run: look, ask, propose, conclude."""
    asked = [item.name for item in request.items if isinstance(item, FunctionCall)]
    outputs = [item.output for item in request.items if isinstance(item, FunctionOutput)]
    entry = _entry(request.mail, playbook)
    if "read_inbox" not in asked:
        return _call(request, "read_inbox", {"limit": 5})
    if "send_email" in asked:
        return Message(role="assistant", text=f"The reply was proposed; the outcome was: {outputs[-1]}")
    if entry is None or not request.mail.author:
        return Message(role="assistant", text="No entry of the playbook answers this mail; a person is needed.")
    values = values_of(entry, request.mail.intent) if request.mail.intent else {}
    if entry.ask and entry.lacks(values):
        return _reply(request, entry.ask.strip() + "\n")
    if LOOK_UP not in asked and entry.lookup in _lookups(request):
        given = [{"name": name, "value": value} for name, value in values.items()]
        return _call(request, LOOK_UP, {"name": entry.lookup, "values": given})
    looked = [found for output in outputs if (found := read_output(output))]
    return _reply(request, render(entry, {**values, **looked_values(entry, values, looked)}))


def _reply(request: ModelRequest, body: str) -> FunctionCall:
    return _call(
        request, "send_email", {"to": request.mail.author, "subject": f"Re: {request.mail.subject}", "body": body}
    )


def _lookups(request: ModelRequest) -> list[str]:
    """Names of the lookups that this request offers."""
    tool = next((tool for tool in request.tools if tool.name == LOOK_UP), None)
    return list(tool.parameters["properties"]["name"]["enum"]) if tool else []


def _entry(mail: MailView, playbook: Playbook) -> Entry | None:
    """The entry to answer with; None where a person does."""
    intent = mail.intent
    entries = playbook.for_intent(intent.intent) if intent else ()
    return next((entry for entry in entries if entry.requested_action in {"reply", "ask"}), None)


def _call(request: ModelRequest, name: str, arguments: Mapping[str, object]) -> FunctionCall:
    call_id = f"call-{len(request.items)}-{name}"
    return FunctionCall(call_id=call_id, name=name, arguments=json.dumps(arguments, ensure_ascii=False))
