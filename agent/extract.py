"""What one mail wants: a model's answer without tools, held against what code knows.

Rules:
- The answer is read strictly; what cannot be read is intent `none`, confidence 0, for a person.
- A model that answers with tool calls gets nothing done, and a person looks.
- An entity counts only where its value stands in the mail.
- Risks found by code stay; a model can add to them. Review asked for by either stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from agent.asked import Extracted
from agent.models.base import MailView, Model, ModelAnswer, ModelRequest
from agent.models.bounds import bounded
from agent.prompt import extract_request
from agent.strictjson import StrictJSONError, load_object
from inbound.contracts import InboundEmailIntent


@dataclass(frozen=True)
class Suggested:
    """What a model would put on a mail: tags that the operator uses, and a priority. It hides and sends nothing."""

    tags: tuple[str, ...] = ()
    priority: str = ""


@dataclass(frozen=True)
class Extraction:
    intent: InboundEmailIntent
    request: ModelRequest
    answer: ModelAnswer
    suggested: Suggested = Suggested()
    away: str = ""
    """Why no model was there to answer, where that is why nothing is known."""


async def extract(
    model: Model,
    mail: MailView,
    *,
    message_id: str,
    intents: tuple[str, ...],
    risks: Sequence[str],
    tags: tuple[str, ...] = (),
) -> Extraction:
    """Ask the model once. Raises ModelUnavailableError where it gives no answer at all."""
    request = extract_request(mail, intents, tags)
    answer = bounded(await model.respond(request))
    return Extraction(judge(answer, mail, message_id, intents, risks), request, answer, suggested(answer, tags))


def without_answer(
    mail: MailView, *, model: str, message_id: str, intents: tuple[str, ...], risks: Sequence[str]
) -> Extraction:
    """What is known where no model answered: nothing, and so the mail is a person's."""
    answer = ModelAnswer(id="", model=model, status="failed", detail="the model gave no answer")
    return Extraction(judge(answer, mail, message_id, intents, risks), extract_request(mail, intents), answer)


def judge(
    answer: ModelAnswer, mail: MailView, message_id: str, intents: tuple[str, ...], risks: Sequence[str]
) -> InboundEmailIntent:
    """The intent that an answer comes to. Pure."""
    found, problem = _read(answer)
    if found is None or problem:
        return InboundEmailIntent(
            message_id=message_id,
            mailbox=mail.mailbox,
            sender=mail.author,
            intent="none",
            confidence=0.0,
            risks=tuple(sorted({*risks, problem})),
            requested_action="person",
            review_required=True,
        )
    known = found.intent in intents
    here = f"{mail.subject}\n{mail.text}".casefold()
    entities = tuple(entity for entity in found.entities if entity.value and entity.value.casefold() in here)
    added = {f"model:{risk[:40]}" if risk not in risks else risk for risk in found.risks}
    if len(entities) < len(found.entities):
        added.add("entity_not_in_mail")
    if not known and found.intent != "none":
        added.add("unknown_intent")
    return InboundEmailIntent(
        message_id=message_id,
        mailbox=mail.mailbox,
        sender=mail.author,
        intent=found.intent if known else "none",
        entities=entities,
        confidence=found.confidence if known or found.intent == "none" else 0.0,
        risks=tuple(sorted({*risks, *added})),
        requested_action=found.requested_action,
        review_required=found.review_required or "unknown_intent" in added,
    )


def suggested(answer: ModelAnswer, tags: Sequence[str]) -> Suggested:
    """What an answer would put on the mail; tags that the operator does not use are left out. Pure."""
    found, problem = _read(answer)
    if found is None or problem:
        return Suggested()
    priority = "" if found.priority == "normal" else found.priority
    return Suggested(tuple(tag for tag in dict.fromkeys(found.tags) if tag in tags), priority)


def _read(answer: ModelAnswer) -> tuple[Extracted | None, str]:
    """Give the answer, or the risk code that says why there is none."""
    if answer.calls:
        return None, "model_called_tools"
    if answer.status != "completed":
        return None, f"extraction_{answer.status}"
    try:
        return Extracted.model_validate(load_object(answer.text)), ""
    except (StrictJSONError, ValidationError):
        return None, "extraction_unreadable"
