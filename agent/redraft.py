"""A draft in the place of another: a person's edit, or a decided one that could not leave.

Rules:
- The old row stays as it was; the new one waits for a person and names its parent.
- It is judged by today's policy before it is stored, whoever wrote it.
- Recipient, sender and idempotency key are the mail's and ours again; only the words, and what a person puts to them,
  may be new.
- The tool call that waited for the old draft waits for the new one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from agent.additions import Added
from agent.facts import gather
from agent.ids import new_id
from agent.parts import Parts
from agent.policy import evaluate
from agent.proposing import approval_hash, template_of
from agent.states import DraftState
from agent.store import drafts, mails, runs
from agent.store.database import Tx
from agent.store.drafts import Draft
from agent.store.mails import Mail
from outbound.contracts import ReplyRecipient, SendAgentEmail


async def redraft(
    parts: Parts,
    tx: Tx,
    old: Draft,
    mail: Mail,
    *,
    origin: Literal["model", "person"],
    subject: str,
    plain_text: str,
    now: datetime,
    why: str = "",
    added: Added | None = None,
) -> Draft:
    """Store a waiting draft with these words in the place of `old`, which the caller has decided on.

    What a person put to the old one stays with the new one, unless `added` says otherwise.
    """
    added = old.added if added is None else added
    intent = await mails.get_intent(tx, mail.id)
    if intent is None:
        raise LookupError(f"{mail.id} has a draft but no intent")
    proposal = SendAgentEmail(
        tenant_id=old.proposal.tenant_id,
        source_event_id=old.proposal.source_event_id,
        idempotency_key=old.proposal.idempotency_key,
        recipient=ReplyRecipient(email=mail.author),
        template_id=await template_of(parts, tx, mail, intent, subject, plain_text),
        subject=subject,
        plain_text=plain_text,
        risk_level=old.proposal.risk_level,
        review_required=old.proposal.review_required,
    )
    fresh_id = new_id("d", now)
    facts = await gather(parts, tx, mail, template_id=proposal.template_id, now=now, added=added)
    rules = parts.rules[old.mailbox]
    judgement = evaluate(fresh_id, proposal, facts, rules)
    found = (finding.reason for finding in judgement.findings)
    fresh = Draft(
        id=fresh_id,
        mail_id=old.mail_id,
        conversation_id=old.conversation_id,
        mailbox=old.mailbox,
        run_id=old.run_id,
        call_id=old.call_id,
        parent_id=old.id,
        origin=origin,
        state=DraftState.WAITING,
        proposal=proposal,
        judgement=judgement.model_dump(mode="json"),
        reasons=tuple(dict.fromkeys(reason for reason in (why, *found) if reason)),
        thread_head=old.thread_head,
        policy_version=judgement.rules_version,
        approval_hash=approval_hash(proposal, mail, parts.mailbox(old.mailbox), old.thread_head, rules, added),
        created_at=now,
        added=added,
    )
    await drafts.put(tx, fresh)
    if fresh.run_id and fresh.call_id:
        await runs.retarget_call(tx, fresh.run_id, fresh.call_id, fresh.id)
    return fresh
