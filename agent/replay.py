"""A mail's way decided again, without a model: its stored answers under today's code, rules and facts.

Nothing is stored and nothing is sent. What differs from then is said, with the reasons of now: a rule that was changed,
a threshold, a playbook entry, or the facts (a newer mail came, a cap is reached).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from agent import asking, extract, suspicions
from agent.asked import SendEmail
from agent.models.base import ModelAnswer
from agent.parts import Parts
from agent.proposing import judge
from agent.states import DraftState
from agent.store import deliveries, drafts, mails, runs
from agent.store.database import Tx
from agent.store.drafts import Draft
from agent.store.mails import Mail
from agent.strictjson import StrictJSONError, load_object
from agent.tools import view_of
from inbound import spam
from inbound.contracts import InboundEmailIntent, NormalizedEmail, Screening


@dataclass(frozen=True)
class Step:
    what: str
    then: str
    now: str

    @property
    def same(self) -> bool:
        return self.then == self.now


async def replay(parts: Parts, tx: Tx, mail: Mail, now: datetime) -> list[Step]:
    """Each decision on this mail, then and now; empty where no model was ever asked, or its answers were pruned."""
    steps: list[Step] = []
    stored = await mails.get_intent(tx, mail.id)
    answers = [one.answer for one in await runs.exchanges(tx, mail.id) if one.purpose == "extract"]
    if stored is not None and answers and mail.normalized:
        steps.append(Step("what it wants", _spoken(stored), _spoken(await _intent(parts, tx, mail, answers[-1]))))
    own = [one for one in await drafts.of_mail(tx, mail.id) if one.origin == "model" and one.parent_id is None]
    return steps + [await _reply(parts, tx, mail, stored, draft, now) for draft in own if stored is not None]


def _spoken(intent: InboundEmailIntent) -> str:
    risks = f", risks {', '.join(intent.risks)}" if intent.risks else ""
    return f"{intent.intent} at {intent.confidence:.2f}, {intent.requested_action}{risks}"


async def _intent(parts: Parts, tx: Tx, mail: Mail, answer: ModelAnswer) -> InboundEmailIntent:
    email = NormalizedEmail.model_validate(mail.normalized)
    intents = parts.playbooks[mail.mailbox].intents
    filtered = spam.risks(Screening.model_validate(mail.screening).spam) if mail.screening else ()
    risks = (*suspicions.risks(email), *filtered)
    found = extract.judge(answer, await view_of(tx, mail), email.message_id, intents, risks)
    return await asking.completed(parts, tx, found, mail.conversation_id or "", mail.id, email)


async def _reply(parts: Parts, tx: Tx, mail: Mail, intent: InboundEmailIntent, draft: Draft, now: datetime) -> Step:
    what = f"reply {draft.id}"
    calls = await runs.calls(tx, draft.run_id) if draft.run_id else []
    call = next((one for one in calls if one.call_id == draft.call_id), None)
    try:
        said = SendEmail.model_validate(load_object(call.arguments if call else "{}"))
    except (StrictJSONError, ValidationError):
        return Step(what, _then(draft), "its call is not there any more")
    own = [one.id for one in await deliveries.of_mail(tx, mail.id) if one.draft_id == draft.id]
    judged = await judge(
        parts,
        tx,
        mail,
        intent,
        action_id=draft.id,
        to=said.to,
        subject=said.subject,
        body=said.body,
        now=now,
        but=own[0] if own else "",
    )
    return Step(what, _then(draft), _told(judged.state, judged.reasons))


def _then(draft: Draft) -> str:
    """What was decided when it was proposed, whoever decided afterwards."""
    if draft.decided_by == "gate" or draft.state is DraftState.UNSEEN:
        return _told(DraftState.UNSEEN, ())
    if draft.state is DraftState.DENIED:
        return _told(DraftState.DENIED, draft.reasons)
    return _told(DraftState.WAITING, draft.reasons)


def _told(state: DraftState, reasons: tuple[str, ...]) -> str:
    said = {DraftState.UNSEEN: "may leave unseen", DraftState.DENIED: "refused", DraftState.WAITING: "for a person"}
    return said[state] + (f": {'; '.join(reasons)}" if reasons else "")
