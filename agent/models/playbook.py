"""The model that needs no network: it matches mail with the playbook and answers with its entries.

Rules:
- It speaks the protocol of any other model, and its answers are checked like those of any other.
- Its state is the items alone: a run that was restarted goes on.
- It reads the mail as facts (`MailView`), not the prompt.
- What it does not know it leaves as a gap for a person; it never makes anything up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from agent.matching import match
from agent.models.base import FunctionCall, FunctionOutput, Item, MailView, Message, ModelAnswer, ModelRequest
from agent.playbook import Entry, Playbook, render, values_of, variables_in

NAME = "playbook"


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
                "requested_action": entry.requested_action if entry else "person",
                "review_required": bool(risks) or entry is None,
            }
        ),
    )


def _next(request: ModelRequest, playbook: Playbook) -> Item:
    """The next step of a run: look, propose, conclude."""
    outputs = [item for item in request.items if isinstance(item, FunctionOutput)]
    entry = _entry(request.mail, playbook)
    if not outputs:
        return _call(request, "read_inbox", {"limit": 5})
    if len(outputs) == 1 and entry is not None and request.mail.author:
        return _call(request, "send_email", _reply(request.mail, entry))
    if len(outputs) == 1:
        return Message(role="assistant", text="No entry of the playbook answers this mail; a person is needed.")
    return Message(role="assistant", text=f"The reply was proposed; the outcome was: {outputs[-1].output}")


def _entry(mail: MailView, playbook: Playbook) -> Entry | None:
    """The entry to answer with; None where a person does."""
    intent = mail.intent
    entries = playbook.for_intent(intent.intent) if intent else ()
    return next((entry for entry in entries if entry.requested_action in {"reply", "ask"}), None)


def _reply(mail: MailView, entry: Entry) -> dict[str, str]:
    values = values_of(entry, mail.intent) if mail.intent else {}
    return {"to": mail.author, "subject": f"Re: {mail.subject}", "body": render(entry, values)}


def _call(request: ModelRequest, name: str, arguments: Mapping[str, object]) -> FunctionCall:
    call_id = f"call-{len(request.items)}-{name}"
    return FunctionCall(call_id=call_id, name=name, arguments=json.dumps(arguments, ensure_ascii=False))
