"""From a `send_email` call to a draft with a decision.

Rules:
- The proposal is a row before anything follows from it, with policy's findings and the gate's reasons.
- Sender, tenant, source event, idempotency key and the risk floor are ours. The template is found by code alone.
- The subject counts as the template's only where it is the plain answer to the mail's own subject.
- Denied: the tool says so and the run goes on. A gap ({{...}}) that nobody can fill is no question for the model: the
  draft waits for a person, who has to edit it before it can be approved.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

import structlog

from agent import gate
from agent.additions import NOTHING_ADDED, Added
from agent.conversations import subject_key
from agent.dispatch import dispatch
from agent.facts import Outputs, gather, looked_up
from agent.ids import new_id
from agent.letter import below, letter
from agent.parts import Parts
from agent.playbook import template_for
from agent.policy import Judgement, Rules, evaluate
from agent.sections import Mailbox
from agent.states import DraftState, MailStatus
from agent.store import drafts, locks, mails, runs
from agent.store.database import Tx
from agent.store.drafts import Draft
from agent.store.mails import Mail
from agent.store.runs import Run
from inbound.contracts import InboundEmailIntent
from outbound.compose import reply_subject
from outbound.contracts import Refused, ReplyRecipient, RiskLevel, SendAgentEmail

GAPS = "unresolved_fields"
"""Id of the rule that a person heals by editing."""

SAYS_THE_SAME = {"threshold": "confidence is under the threshold", "bulk": "the mail may be automatic"}
"""Where policy said it in more words, what the gate says of it is left out."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Proposed:
    draft_id: str
    waits: bool
    """For a person or for its delivery."""
    reason: str = ""


@dataclass(frozen=True)
class Judged:
    """A proposal with all that is decided on it; nothing is stored."""

    proposal: SendAgentEmail
    judgement: Judgement
    state: DraftState
    """Unseen, denied, or waiting."""
    reasons: tuple[str, ...]


async def judge(
    parts: Parts,
    tx: Tx,
    mail: Mail,
    intent: InboundEmailIntent,
    *,
    action_id: str,
    to: str,
    subject: str,
    body: str,
    now: datetime,
    but: str = "",
) -> Judged:
    """What policy and gate say of these words as a reply to this mail; delivery `but` is left out of the facts."""
    outputs = await runs.outputs_of(tx, mail.id)
    template_id = await template_of(parts, tx, mail, intent, subject, body, outputs=outputs)
    proposal = _proposal(parts, mail, intent, template_id, to=to, subject=subject, body=body)
    facts = await gather(parts, tx, mail, template_id=template_id, now=now, but=but, intent=intent, outputs=outputs)
    judgement = evaluate(action_id, proposal, facts, parts.rules[mail.mailbox])
    mailbox = parts.mailbox(mail.mailbox)
    entry = parts.playbooks[mail.mailbox].entry(proposal.template_id) if proposal.template_id else None
    verdict = gate.decide(
        judgement,
        facts,
        template_id=proposal.template_id,
        auto_send=mailbox.auto_send and entry is not None and entry.auto_send,
        threshold=mailbox.threshold_for(intent.intent),
    )
    return Judged(proposal, judgement, *_state(judgement, verdict))


async def propose(
    parts: Parts, tx: Tx, run: Run, mail: Mail, *, call_id: str, to: str, subject: str, body: str, now: datetime
) -> Proposed:
    """Judge a proposal and store it with what follows: in the outbox, before a person, or denied."""
    draft_id = new_id("d", now)
    intent = await mails.get_intent(tx, mail.id)
    if intent is None:
        raise RuntimeError(f"{mail.id} has a run but no intent")
    await locks.replies(tx)
    judged = await judge(parts, tx, mail, intent, action_id=draft_id, to=to, subject=subject, body=body, now=now)
    state, reasons, judgement = judged.state, judged.reasons, judged.judgement
    stored = DraftState.DENIED if state is DraftState.DENIED else DraftState.WAITING
    rules = parts.rules[mail.mailbox]
    draft = await _store(
        parts, tx, run, mail, draft_id, call_id, judged.proposal, judgement, stored, reasons, rules, now
    )
    if state is DraftState.UNSEEN:
        reasons = await _leave(parts, tx, mail, draft, judgement, now)
    if state is not DraftState.DENIED and reasons:
        await mails.move(tx, mail.id, MailStatus.WAITING, "; ".join(reasons))
    log.info("draft.proposed", draft=draft_id, mail=mail.id, state=state.value)
    return Proposed(draft_id, state is not DraftState.DENIED, "; ".join(reasons))


async def _leave(
    parts: Parts, tx: Tx, mail: Mail, draft: Draft, judgement: Judgement, now: datetime
) -> tuple[str, ...]:
    """Send a draft that the gate let go; where it cannot be, it waits and the reasons say why."""
    sent = await dispatch(parts, tx, mail, draft, judgement, way="unseen", by="gate", now=now)
    if isinstance(sent, Refused):
        await drafts.set_reasons(tx, draft.id, (sent.reason,))
        return (sent.reason,)
    await drafts.decide(tx, draft.id, DraftState.UNSEEN, by="gate", now=now)
    await mails.move(tx, mail.id, MailStatus.SENDING, "the gate let it go unseen")
    return ()


def _proposal(
    parts: Parts, mail: Mail, intent: InboundEmailIntent, template_id: str | None, *, to: str, subject: str, body: str
) -> SendAgentEmail:
    entry = parts.playbooks[mail.mailbox].entry(template_id) if template_id else None
    tenant = parts.config.postroom.tenant_id
    return SendAgentEmail(
        tenant_id=tenant,
        source_event_id=mail.id,
        idempotency_key=hashlib.sha256(f"{tenant}\0{mail.id}".encode()).hexdigest(),
        recipient=ReplyRecipient(email=to),
        template_id=template_id,
        subject=reply_subject(mail.subject) if subject_key(subject) == subject_key(mail.subject) else subject,
        plain_text=body,
        risk_level=_floor(entry.risk if entry else "medium", intent),
        review_required=intent.review_required,
    )


def _floor(risk: RiskLevel, intent: InboundEmailIntent) -> RiskLevel:
    """At least what the entry says (free text: medium); any risk of the mail makes it medium or more."""
    return "medium" if risk == "low" and intent.risks else risk


async def template_of(
    parts: Parts,
    tx: Tx,
    mail: Mail,
    intent: InboundEmailIntent,
    subject: str,
    body: str,
    *,
    outputs: Outputs | None = None,
) -> str | None:
    """The entry whose rendering this reply is, subject included; None for free text.

    Outputs that the caller has read in this transaction are not read again.
    """
    if subject_key(subject) != subject_key(mail.subject):
        return None
    found = looked_up(outputs if outputs is not None else await runs.outputs_of(tx, mail.id))
    return template_for(body, intent, parts.playbooks[mail.mailbox], found)


def needs_edit(judgement: Judgement) -> bool:
    """True where gaps are all that policy denies: a person can fill them."""
    denied = {finding.rule for finding in judgement.findings if finding.kind == "deny"}
    return denied == {GAPS}


def _state(judgement: Judgement, verdict: gate.Unseen | gate.Person) -> tuple[DraftState, tuple[str, ...]]:
    found = tuple(finding.reason for finding in judgement.findings)
    if judgement.policy.decision == "deny" and not needs_edit(judgement):
        return DraftState.DENIED, tuple(one.reason for one in judgement.findings if one.kind == "deny")
    if isinstance(verdict, gate.Unseen):
        return DraftState.UNSEEN, ()
    said_already = {SAYS_THE_SAME.get(finding.rule) for finding in judgement.findings}
    others = (one for one in verdict.reasons if one != judgement.policy.review_reason and one not in said_already)
    return DraftState.WAITING, tuple(dict.fromkeys((*found, *others)))


def approval_hash(
    proposal: SendAgentEmail,
    mail: Mail,
    mailbox: Mailbox,
    thread_head: str,
    rules: Rules,
    added: Added = NOTHING_ADDED,
) -> str:
    """What an approval is for: text, subject, recipients, files, sender, newest mail, policy version."""
    text = letter(proposal.plain_text, below(mailbox, mail, "approved"))
    bound: list[object] = [text, proposal.subject, mail.author, mailbox.address, thread_head, rules.version]
    if added:
        bound.append(added.model_dump(mode="json"))
    return hashlib.sha256(json.dumps(bound).encode()).hexdigest()


def said(parts: Parts, proposal: SendAgentEmail, added: Added = NOTHING_ADDED) -> dict[str, str]:
    """Digests of the words of a proposal, and of what a person put to it, for its audit row."""
    words = {"text": parts.audit.digest(proposal.plain_text), "subject": parts.audit.digest(proposal.subject)}
    return {**words, **({"added": parts.audit.digest(added.model_dump_json())} if added else {})}


async def _store(
    parts: Parts,
    tx: Tx,
    run: Run,
    mail: Mail,
    draft_id: str,
    call_id: str,
    proposal: SendAgentEmail,
    judgement: Judgement,
    state: DraftState,
    reasons: tuple[str, ...],
    rules: Rules,
    now: datetime,
) -> Draft:
    head = mail.id  # what the reply answers: where a newer one came meanwhile, the draft is stale when it is decided on
    draft = Draft(
        id=draft_id,
        mail_id=mail.id,
        conversation_id=run.conversation_id,
        mailbox=mail.mailbox,
        run_id=run.id,
        call_id=call_id,
        parent_id=None,
        origin="model",
        state=state,
        proposal=proposal,
        judgement=judgement.model_dump(mode="json"),
        reasons=reasons,
        thread_head=head,
        policy_version=judgement.rules_version,
        approval_hash=approval_hash(proposal, mail, parts.mailbox(mail.mailbox), head, rules),
        created_at=now,
    )
    await drafts.put(tx, draft)
    data = {
        "draft": draft_id,
        "decision": judgement.policy.decision,
        "state": state.value,
        "rules": [finding.rule for finding in judgement.findings],
        **said(parts, proposal),
    }
    await parts.audit.add(tx, run.conversation_id, "proposed", actor=run.model, now=now, mail_id=mail.id, data=data)
    return draft
