"""The last look before the wire: the stored bytes, read again, judged anew.

Rules:
- The seal covers every byte and field; one that changed in the store is refused.
- What is judged is what stands in the bytes, not what the draft says; below the words only the mailbox's own may stand.
- Today's facts and policy count: a newer mail, another policy version, age, or a rule that does not hold any more
  stops it. What a person passed over stays passed over; what policy denies never was.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from agent import gate
from agent.additions import name_of
from agent.facts import gather
from agent.letter import below, clickable, words_of
from agent.parts import Parts
from agent.policy import Facts, FinalText, Judgement, evaluate_final
from agent.proposing import template_of
from agent.store import conversations, drafts, mails
from agent.store.database import Tx
from agent.store.deliveries import Delivery
from agent.store.drafts import Draft
from agent.store.mails import Mail
from outbound.authorize import restore
from outbound.compose import Inspected, inspect
from outbound.contracts import ApprovedEmail, Refused, Way

SMALL = 256 * 1024
"""Bytes of a mail that are read again on the event loop: a few milliseconds."""


async def final_check(parts: Parts, tx: Tx, delivery: Delivery, now: datetime) -> ApprovedEmail | Refused:
    """The mail as it may leave, or why it may not. Changes nothing."""
    email = restore(delivery.email, parts.keys.seal)
    if isinstance(email, Refused):
        return email
    found = await asyncio.to_thread(inspect, email.raw) if len(email.raw) > SMALL else inspect(email.raw)
    if isinstance(found, Refused):
        return found
    draft = await drafts.get(tx, delivery.draft_id)
    if draft is None:
        return Refused(code="no_draft", reason="the draft of this mail is gone")
    stale = await _stale(parts, tx, delivery, draft, email, now)
    if stale is not None:
        return stale
    mail = await mails.get(tx, delivery.mail_id)
    if mail is None:
        raise LookupError(f"the mail {delivery.mail_id} of a delivery is gone")
    mailbox = parts.mailbox(draft.mailbox)
    words = words_of(found.body, below(mailbox, mail, email.way))
    if words is None or not set(found.links) <= set(clickable(mailbox, found.body) or ()):
        return Refused(code="letter", reason="below the words stands something else than the mailbox puts there today")
    found = found.model_copy(update={"body": words})
    judgement, facts = await _judge(parts, tx, mail, delivery, draft, found, email.way, now)
    refused = _against(judgement)
    if refused is None and email.way == "unseen":
        refused = await _gate(parts, tx, mail, found, judgement, facts)
    return refused or email


async def _stale(
    parts: Parts, tx: Tx, delivery: Delivery, draft: Draft, email: ApprovedEmail, now: datetime
) -> Refused | None:
    conversation = await conversations.get(tx, delivery.conversation_id)
    if conversation is None or conversation.head_mail_id != email.thread_head:
        return Refused(code="newer_mail", reason="a newer mail came in the conversation")
    rules = parts.rules.get(draft.mailbox)
    if rules is None:
        return Refused(code="no_mailbox", reason=f"the mailbox {draft.mailbox} is not in the configuration any more")
    if rules.version != email.policy_version:
        return Refused(code="policy_changed", reason="the policy changed after this was decided")
    limit = timedelta(hours=parts.config.worker.approval_max_age_hours)
    if now - email.approved_at > limit:
        return Refused(code="too_old", reason=f"it was decided more than {limit} ago")
    return None


async def _judge(
    parts: Parts, tx: Tx, mail: Mail, delivery: Delivery, draft: Draft, found: Inspected, way: Way, now: datetime
) -> tuple[Judgement, Facts]:
    """Judge what stands in the bytes, under the facts of this moment."""
    facts = await gather(
        parts,
        tx,
        mail,
        template_id=draft.proposal.template_id,
        now=now,
        but=delivery.id,
        added=draft.added,
        settled=delivery.settled,
    )
    said = FinalText(
        from_address=found.from_address,
        to_address=found.to_address,
        subject=found.subject,
        body=found.body,
        attachments=found.attachments,
        auto_submitted=found.auto_submitted,
        copies=found.copies,
        files=tuple(name_of(one).mark for one in found.files),
    )
    rules = parts.rules[draft.mailbox]
    return evaluate_final(draft.id, said, draft.proposal, facts, rules, way=way, overruled=draft.overruled), facts


async def _gate(
    parts: Parts, tx: Tx, mail: Mail, found: Inspected, judgement: Judgement, facts: Facts
) -> Refused | None:
    """Ask the gate again: an entry that was changed, or a mailbox that was switched off, sends nothing unseen."""
    template_id = await template_of(parts, tx, mail, facts.intent, found.subject, found.body)
    entry = parts.playbooks[mail.mailbox].entry(template_id) if template_id else None
    mailbox = parts.mailbox(mail.mailbox)
    verdict = gate.decide(
        judgement,
        facts,
        template_id=template_id,
        auto_send=mailbox.auto_send and entry is not None and entry.auto_send,
        threshold=mailbox.threshold_for(facts.intent.intent),
    )
    if isinstance(verdict, gate.Person):
        return Refused(code="gate", reason=f"not so when it was decided: {'; '.join(verdict.reasons)}")
    return None


def _against(judgement: Judgement) -> Refused | None:
    worst = sorted(judgement.findings, key=lambda finding: finding.kind != "deny")
    if not worst:
        return None
    first = worst[0]
    said = first.reason if first.kind == "deny" else f"not so when it was decided: {first.reason}"
    return Refused(code=first.rule, reason=said)
