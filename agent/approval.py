"""A person decides: approve, edit, reject. The first decision wins.

Rules:
- An approval names the hash of what the person saw: text, subject, recipients, files, sender, newest mail, policy
  version. If any of it is another by now, nothing is approved and the person is told what changed.
- Policy judges again at the moment of the decision. What it denies cannot be approved by anybody; what it sends to
  review is what the person decides on, with a reason where the rule wants one. The rules that they pass over and the
  reason stay in the draft and in the audit.
- An edit is a new draft of a person, judged before it is stored; it is approved like any other.
- Decision, audit row, outbox row and the run's answer are one transaction.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from agent import trust
from agent.additions import Brought
from agent.answers import tool_output
from agent.dispatch import dispatch
from agent.facts import gather
from agent.outcome import answer
from agent.parts import Parts
from agent.policy import Judgement, evaluate, to_justify
from agent.proposing import approval_hash, needs_edit, said
from agent.redraft import redraft
from agent.states import DraftState, JobKind, MailStatus
from agent.store import conversations, draft_files, drafts, locks, mails
from agent.store.database import Tx
from agent.store.drafts import Draft
from agent.store.mails import Mail
from outbound.contracts import Refused

log = structlog.get_logger()

LONGEST_SUBJECT, LONGEST_TEXT = 998, 100_000
"""Characters, as `send_agent_email` bounds them."""


@dataclass(frozen=True)
class Decided:
    """It is done."""

    id: str
    """Of the draft or mail that counts now."""
    note: str = ""


@dataclass(frozen=True)
class NotDecided:
    """Nothing was changed; why, in words for the person."""

    reason: str
    taken: bool = False
    """Somebody else, or a newer mail, was first."""


@dataclass(frozen=True)
class _Case:
    draft: Draft
    mail: Mail
    judgement: Judgement


async def _open(parts: Parts, tx: Tx, draft_id: str, now: datetime) -> _Case | NotDecided:
    draft = await drafts.locked(tx, draft_id)
    if draft is None:
        return NotDecided(f"there is no draft {draft_id}")
    if closed := _closed(parts, draft):
        return closed
    mail = await mails.get(tx, draft.mail_id)
    conversation = await conversations.get(tx, draft.conversation_id)
    if mail is None or conversation is None:
        return NotDecided("the mail that this draft answers is gone")
    if conversation.head_mail_id != draft.thread_head:
        return NotDecided("a newer mail came in the conversation; its own draft counts now", taken=True)
    await locks.replies(tx)
    facts = await gather(parts, tx, mail, template_id=draft.proposal.template_id, now=now, added=draft.added)
    return _Case(draft, mail, evaluate(draft.id, draft.proposal, facts, parts.rules[draft.mailbox]))


def _taken(draft: Draft) -> NotDecided:
    by = f" by {draft.decided_by}" if draft.decided_by else ""
    why = f" ({draft.decision_reason})" if draft.decision_reason else ""
    return NotDecided(f"this draft was {draft.state.value}{by} already{why}", taken=True)


def _closed(parts: Parts, draft: Draft) -> NotDecided | None:
    if draft.state is not DraftState.WAITING:
        return _taken(draft)
    if draft.mailbox not in parts.rules:
        return NotDecided(f"{draft.mailbox} is not in the configuration any more; the draft can be rejected")
    return None


AT_ONCE = timedelta(0)


async def approve(
    parts: Parts, draft_id: str, *, by: str, seen_hash: str, reason: str = "", hold: timedelta = AT_ONCE
) -> Decided | NotDecided:
    """Let a waiting draft go out as the person saw it, not before `hold` has passed."""
    try:
        async with parts.database.write() as tx:
            decided = await _approve(parts, tx, draft_id, by=by, seen_hash=seen_hash, reason=reason, hold=hold)
    except _UndoneError as error:
        return NotDecided(f"it cannot be sent: {error}")
    if isinstance(decided, Decided):
        parts.wake.set(JobKind.DELIVER)
        log.info("draft.approved", draft=draft_id, by=by)
    return decided


class _UndoneError(Exception):
    """The decision cannot stand; its transaction is rolled back."""


async def _approve(
    parts: Parts, tx: Tx, draft_id: str, *, by: str, seen_hash: str, reason: str, hold: timedelta
) -> Decided | NotDecided:
    now = parts.now()
    case = await _open(parts, tx, draft_id, now)
    if isinstance(case, NotDecided):
        return case
    problem = _cannot_approve(parts, case, seen_hash) or _unsaid(case, reason)
    if problem:
        return NotDecided(problem)
    overruled = tuple(finding.rule for finding in case.judgement.findings)
    if not await drafts.decide(
        tx, draft_id, DraftState.APPROVED, by=by, now=now, reason=reason, overruled=overruled, approval_hash=seen_hash
    ):
        return NotDecided("somebody else decided at this moment", taken=True)
    sent = await dispatch(parts, tx, case.mail, case.draft, case.judgement, way="approved", by=by, now=now, hold=hold)
    if isinstance(sent, Refused):
        raise _UndoneError(sent.reason)
    await trust.approved(parts.database, tx, case.draft, by=by, now=now)
    await mails.move(tx, case.mail.id, MailStatus.SENDING, f"approved by {by}")
    await _audit(parts, tx, case.draft, "approved", by, now, overruled=list(overruled), reason=reason)
    return Decided(draft_id)


def _cannot_approve(parts: Parts, case: _Case, seen_hash: str) -> str:
    draft, judgement = case.draft, case.judgement
    rules = parts.rules[draft.mailbox]
    mailbox = parts.mailbox(draft.mailbox)
    now_hash = approval_hash(draft.proposal, case.mail, mailbox, draft.thread_head, rules, draft.added)
    if seen_hash != draft.approval_hash or now_hash != draft.approval_hash:
        return "the draft or the policy is not what you saw; look at it again"
    if judgement.policy.decision == "deny":
        denied = "; ".join(finding.reason for finding in judgement.findings if finding.kind == "deny")
        hint = " (edit the draft first)" if needs_edit(judgement) else ""
        return f"policy refuses this reply: {denied}{hint}"
    return ""


def _unsaid(case: _Case, reason: str) -> str:
    """Ask for a reason where none is given for what only a reason passes over."""
    asking = [one.reason for one in to_justify(case.judgement, own_words=case.draft.origin == "person")]
    return f"say why it may go all the same: {'; '.join(asking)}" if asking and not reason.strip() else ""


async def reject(parts: Parts, draft_id: str, *, by: str, reason: str) -> Decided | NotDecided:
    """Decide that this draft does not go out; the run hears why and goes on."""
    if not reason.strip():
        return NotDecided("say why: the reason stays in the audit, and the run hears it")
    now = parts.now()
    async with parts.database.write() as tx:
        draft = await drafts.locked(tx, draft_id)
        if draft is None:
            return NotDecided(f"there is no draft {draft_id}")
        if not await drafts.decide(tx, draft_id, DraftState.REJECTED, by=by, now=now, reason=reason):
            return _taken(draft)
        await mails.move(tx, draft.mail_id, MailStatus.PERSON, f"draft rejected by {by}: {reason}")
        await answer(parts, tx, draft, tool_output(success=False, reason=f"rejected by a person: {reason}"), now=now)
        await _audit(parts, tx, draft, "rejected", by, now, reason=reason)
    parts.wake.set(JobKind.RUN)
    log.info("draft.rejected", draft=draft_id, by=by)
    return Decided(draft_id)


async def edit(
    parts: Parts,
    draft_id: str,
    *,
    by: str,
    subject: str,
    plain_text: str,
    seen_hash: str,
    brought: Brought | None = None,
) -> Decided | NotDecided:
    """Put a person's version in the place of a waiting draft; the new one waits and has to be approved.

    What was put to the draft before stays with it, unless `brought` says otherwise.
    """
    if len(subject) > LONGEST_SUBJECT or len(plain_text) > LONGEST_TEXT:
        return NotDecided(f"a reply has at most {LONGEST_TEXT} characters, its subject {LONGEST_SUBJECT}")
    if not subject.strip() or not _one_line(subject):
        return NotDecided("a subject is one line of visible characters; nothing was saved")
    now = parts.now()
    async with parts.database.write() as tx:
        case = await _open(parts, tx, draft_id, now)
        if isinstance(case, NotDecided):
            return case
        if seen_hash != case.draft.approval_hash:
            return NotDecided("the draft is not what you saw; look at it again")
        if not await drafts.decide(tx, draft_id, DraftState.EDITED, by=by, now=now):
            return NotDecided("somebody else decided at this moment", taken=True)
        await draft_files.put(parts.database, tx, case.mail.id, (one.data for one in brought.fresh) if brought else ())
        fresh = await redraft(
            parts,
            tx,
            case.draft,
            case.mail,
            origin="person",
            subject=subject,
            plain_text=plain_text,
            now=now,
            added=brought.added if brought else None,
        )
        told = "; ".join(fresh.reasons) or f"edited by {by}; nobody approved it yet"
        await mails.move(tx, fresh.mail_id, MailStatus.WAITING, told)
        data = {"new": fresh.id, **said(parts, fresh.proposal, fresh.added)}
        await _audit(parts, tx, case.draft, "edited", by, now, **data)
    log.info("draft.edited", draft=draft_id, new=fresh.id, by=by)
    note = "" if not fresh.reasons else "; ".join(fresh.reasons)
    return Decided(fresh.id, note)


def _one_line(text: str) -> bool:
    """True without control characters, line ends included; hidden ones are policy's to name."""
    return not any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in text)


async def rejudge(parts: Parts) -> int:
    """Judge waiting drafts of another policy version anew, so that what people see and approve is today's. At start."""
    async with parts.database.read() as look:
        older = [one for name, rules in parts.rules.items() for one in await drafts.older(look, name, rules.version)]
    changed = 0
    for draft_id in older:
        async with parts.database.write() as tx:
            changed += await _rejudge(parts, tx, draft_id)
    return changed


def _is_older(parts: Parts, draft: Draft) -> bool:
    rules = parts.rules.get(draft.mailbox)
    return draft.state is DraftState.WAITING and rules is not None and rules.version != draft.policy_version


async def _rejudge(parts: Parts, tx: Tx, draft_id: str) -> bool:
    now = parts.now()
    draft = await drafts.locked(tx, draft_id)
    mail = await mails.get(tx, draft.mail_id) if draft else None
    if draft is None or mail is None or not _is_older(parts, draft):
        return False
    rules, mailbox = parts.rules[draft.mailbox], parts.mailbox(draft.mailbox)
    facts = await gather(parts, tx, mail, template_id=draft.proposal.template_id, now=now, added=draft.added)
    judgement = evaluate(draft.id, draft.proposal, facts, rules)
    await drafts.rejudge(
        tx,
        draft.id,
        judgement=judgement.model_dump(mode="json"),
        reasons=[*(finding.reason for finding in judgement.findings), "the policy changed while it waited"],
        policy_version=rules.version,
        approval_hash=approval_hash(draft.proposal, mail, mailbox, draft.thread_head, rules, draft.added),
    )
    await _audit(parts, tx, draft, "judged_anew", "postroom", now, policy=rules.version)
    return True


async def _audit(
    parts: Parts, tx: Tx, draft: Draft, event: str, by: str, now: datetime, *, reason: str = "", **data: object
) -> None:
    told = {"draft": draft.id, **data}
    await parts.audit.add(
        tx, draft.conversation_id, event, actor=by, now=now, mail_id=draft.mail_id, data=told, reason=reason
    )
