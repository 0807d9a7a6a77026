"""A person answers a mail with words of their own.

Rules:
- It becomes a draft like any other, of a person: judged before it is stored, bound by its hash, approved, checked again
  before the wire, once. What policy refuses goes out by nobody's hand.
- Recipient and sender are the mail's and ours, as always; the words are the person's, and so are copies and files.
- An open run is cancelled: one mail gets one reply.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass

import structlog

from agent.additions import NOTHING, Added, Brought
from agent.approval import LONGEST_SUBJECT, LONGEST_TEXT, Decided, NotDecided
from agent.facts import gather
from agent.ids import new_id
from agent.outcome import cancel
from agent.parts import Parts
from agent.policy import evaluate
from agent.proposing import approval_hash, said, template_of
from agent.states import MAIL_AFTER, DraftState, MailStatus
from agent.store import conversations, draft_files, drafts, locks, mails, runs
from agent.store.database import Tx
from agent.store.drafts import Draft
from agent.store.mails import Mail
from inbound.contracts import InboundEmailIntent
from outbound.contracts import ReplyRecipient, SendAgentEmail

log = structlog.get_logger()


@dataclass(frozen=True)
class _Case:
    mail: Mail
    intent: InboundEmailIntent
    conversation_id: str


async def write(
    parts: Parts, mail_id: str, *, by: str, subject: str, plain_text: str, brought: Brought = NOTHING
) -> Decided | NotDecided:
    """Store a person's answer to a mail that has no waiting draft; it waits for its approval."""
    if not plain_text.strip() or len(plain_text) > LONGEST_TEXT or len(subject) > LONGEST_SUBJECT:
        return NotDecided(f"an answer has 1 to {LONGEST_TEXT} characters, its subject at most {LONGEST_SUBJECT}")
    if not subject.strip() or any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in subject):
        return NotDecided("a subject is one line of visible characters; nothing was saved")
    now = parts.now()
    async with parts.database.write() as tx:
        case = await _case(parts, tx, await mails.locked(tx, mail_id))
        if isinstance(case, NotDecided):
            return case
        mail = case.mail
        await locks.replies(tx)
        for run in await runs.of_mail(tx, mail.id):
            await cancel(parts, tx, run, f"{by} answers by hand", now=now)
        draft = await _draft(parts, tx, case, subject=subject, plain_text=plain_text, added=brought.added)
        await draft_files.put(parts.database, tx, mail.id, (one.data for one in brought.fresh))
        await drafts.put(tx, draft)
        told = "; ".join(draft.reasons) or f"written by {by}; nobody approved it yet"
        await mails.move(tx, mail.id, MailStatus.WAITING, told)
        data = {"new": draft.id, **said(parts, draft.proposal, draft.added)}
        await parts.audit.add(tx, draft.conversation_id, "written", actor=by, now=now, mail_id=mail.id, data=data)
    log.info("draft.written", draft=draft.id, by=by)
    return Decided(draft.id)


async def _case(parts: Parts, tx: Tx, mail: Mail | None) -> _Case | NotDecided:
    if mail is None:
        return NotDecided("there is no such mail")
    if mail.mailbox not in parts.rules:
        return NotDecided(f"{mail.mailbox} is not in the configuration any more")
    if MailStatus.WAITING not in MAIL_AFTER[mail.status] or await drafts.pending(tx, mail.id):
        return NotDecided("this mail has a draft or an answer already, or none may go", taken=True)
    intent = await mails.get_intent(tx, mail.id)
    conversation = await conversations.get(tx, mail.conversation_id) if mail.conversation_id else None
    if intent is None or conversation is None or not mail.author:
        return NotDecided("this mail was never read through, so nobody can be answered; begin it again first")
    if conversation.head_mail_id != mail.id:
        return NotDecided(f"a newer mail of the conversation came; answer that one: {conversation.head_mail_id}")
    return _Case(mail, intent, conversation.id)


async def _draft(parts: Parts, tx: Tx, case: _Case, *, subject: str, plain_text: str, added: Added) -> Draft:
    now, mail, tenant = parts.now(), case.mail, parts.config.postroom.tenant_id
    draft_id = new_id("d", now)
    proposal = SendAgentEmail(
        tenant_id=tenant,
        source_event_id=mail.id,
        idempotency_key=hashlib.sha256(f"{tenant}\0{mail.id}".encode()).hexdigest(),
        recipient=ReplyRecipient(email=mail.author),
        template_id=await template_of(parts, tx, mail, case.intent, subject, plain_text),
        subject=subject,
        plain_text=plain_text,
        risk_level="medium",
        review_required=True,
    )
    rules = parts.rules[mail.mailbox]
    facts = await gather(parts, tx, mail, template_id=proposal.template_id, now=now, added=added)
    judgement = evaluate(draft_id, proposal, facts, rules)
    return Draft(
        id=draft_id,
        mail_id=mail.id,
        conversation_id=case.conversation_id,
        mailbox=mail.mailbox,
        run_id=None,
        call_id=None,
        parent_id=None,
        origin="person",
        state=DraftState.WAITING,
        proposal=proposal,
        judgement=judgement.model_dump(mode="json"),
        reasons=tuple(finding.reason for finding in judgement.findings),
        thread_head=mail.id,
        policy_version=judgement.rules_version,
        approval_hash=approval_hash(proposal, mail, parts.mailbox(mail.mailbox), mail.id, rules, added),
        created_at=now,
        added=added,
    )
