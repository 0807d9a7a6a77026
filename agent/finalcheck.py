"""The last look before the wire: the stored bytes, read again, judged anew.

Rules:
- The seal covers every byte and field; one that changed in the store is refused.
- What is judged is what stands in the bytes, not what the draft says.
- Today's facts and policy count: a newer mail, another policy version, age, or a rule that does not hold any more
  stops it. What a person passed over stays passed over; what policy denies never was.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from agent.facts import gather
from agent.parts import Parts
from agent.policy import Judgement, evaluate
from agent.store import conversations, drafts, mails
from agent.store.database import Tx
from agent.store.deliveries import Delivery
from agent.store.drafts import Draft
from outbound.authorize import restore
from outbound.compose import Inspected, inspect
from outbound.contracts import ApprovedEmail, Refused, ReplyRecipient, SendAgentEmail


async def final_check(parts: Parts, tx: Tx, delivery: Delivery, now: datetime) -> ApprovedEmail | Refused:
    """The mail as it may leave, or why it may not. Changes nothing."""
    email = restore(delivery.email, parts.keys.seal)
    if isinstance(email, Refused):
        return email
    found = inspect(email.raw)
    if isinstance(found, Refused):
        return found
    draft = await drafts.get(tx, delivery.draft_id)
    if draft is None:
        return Refused(code="no_draft", reason="the draft of this mail is gone")
    stale = await _stale(parts, tx, delivery, draft, email, now)
    if stale is not None:
        return stale
    judgement = await _judge(parts, tx, delivery, draft, found, now)
    return _against(judgement, draft, email) or email


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


async def _judge(parts: Parts, tx: Tx, delivery: Delivery, draft: Draft, found: Inspected, now: datetime) -> Judgement:
    """Judge what stands in the bytes, under the facts of this moment."""
    mail = await mails.get(tx, delivery.mail_id)
    if mail is None:
        raise LookupError(f"the mail {delivery.mail_id} of a delivery is gone")
    facts = await gather(parts, tx, mail, template_id=draft.proposal.template_id, now=now, but=delivery.id)
    proposal = SendAgentEmail(
        tenant_id=draft.proposal.tenant_id,
        source_event_id=draft.proposal.source_event_id,
        idempotency_key=draft.proposal.idempotency_key,
        recipient=ReplyRecipient(email=found.to_address),
        template_id=draft.proposal.template_id,
        subject=found.subject,
        plain_text=found.body,
        risk_level=draft.proposal.risk_level,
        review_required=draft.proposal.review_required,
    )
    facts = facts.model_copy(update={"attachments": found.attachments})
    return evaluate(draft.id, proposal, facts, parts.rules[draft.mailbox])


def _against(judgement: Judgement, draft: Draft, email: ApprovedEmail) -> Refused | None:
    for finding in judgement.findings:
        if finding.kind == "deny":
            return Refused(code=finding.rule, reason=finding.reason)
        if email.way == "unseen" or finding.rule not in draft.overruled:
            return Refused(code=finding.rule, reason=f"not so when it was decided: {finding.reason}")
    return None
