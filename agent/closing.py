"""A person closes a mail without a reply of ours, or has it worked on anew.

Rules:
- What is on its way out, in doubt or answered is neither closed nor begun again.
- Closing rejects what waits and cancels what runs; working anew starts at the raw bytes, as if the mail had just come.
- Only the newest mail of a conversation is begun again: one reply answers all of it.
- Decision and audit row are one transaction.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from agent import words
from agent.approval import Decided, NotDecided
from agent.outcome import cancel
from agent.parts import Parts
from agent.states import MAIL_AFTER, DraftState, JobKind, MailStatus
from agent.store import conversations, drafts, jobs, mails, runs
from agent.store.database import Tx
from agent.store.mails import Mail

log = structlog.get_logger()


async def close(parts: Parts, mail_id: str, *, by: str, reason: str) -> Decided | NotDecided:
    """Want no reply of ours to this mail; `reason` stays in the audit."""
    if not reason.strip():
        return NotDecided("say why: the reason stays in the audit")
    now = parts.now()
    async with parts.database.write() as tx:
        mail = await _able(tx, mail_id, MailStatus.CLOSED)
        if isinstance(mail, NotDecided):
            return mail
        await _end_work(parts, tx, mail, by=by, reason=f"closed by {by}: {reason}", now=now)
        await mails.move(tx, mail.id, MailStatus.CLOSED, f"closed by {by}: {reason}")
        await _audit(parts, tx, mail, "closed", by, now, reason=reason)
    log.info("mail.closed", mail=mail_id, by=by)
    return Decided(mail_id)


async def retry(parts: Parts, mail_id: str, *, by: str) -> Decided | NotDecided:
    """Begin again with a mail that a person has: read it, understand it, run."""
    now = parts.now()
    async with parts.database.write() as tx:
        mail = await _able(tx, mail_id, MailStatus.RECEIVED)
        if isinstance(mail, NotDecided):
            return mail
        known = await conversations.get(tx, mail.conversation_id) if mail.conversation_id else None
        if known is not None and known.head_mail_id != mail.id:
            return NotDecided(f"a newer mail of the conversation came; begin again with that one: {known.head_mail_id}")
        await _end_work(parts, tx, mail, by=by, reason=f"begun again by {by}", now=now)
        await mails.move(tx, mail.id, MailStatus.RECEIVED, f"begun again by {by}")
        await jobs.schedule(parts.database, tx, JobKind.TRIAGE, mail.id, due_at=now, now=now)
        await _audit(parts, tx, mail, "begun_again", by, now)
    parts.wake.set(JobKind.TRIAGE)
    log.info("mail.begun_again", mail=mail_id, by=by)
    return Decided(mail_id)


async def cancel_run(parts: Parts, mail_id: str, *, by: str, reason: str) -> Decided | NotDecided:
    """End the open run of a mail; its waiting draft is void, and the mail a person's."""
    if not reason.strip():
        return NotDecided("say why: the reason stays in the audit")
    now = parts.now()
    async with parts.database.write() as tx:
        mail = await mails.locked(tx, mail_id)
        if mail is None or mail.status not in {MailStatus.WORKING, MailStatus.WAITING}:
            return NotDecided("no run of this mail is open, or its reply is on its way already", taken=True)
        why = f"cancelled by {by}: {reason}"
        for draft in await drafts.of_mail(tx, mail.id):
            if draft.state is DraftState.WAITING:
                await drafts.decide(tx, draft.id, DraftState.VOIDED, by=by, now=now, reason=why)
        for run in await runs.of_mail(tx, mail.id):
            await cancel(parts, tx, run, why, now=now)
        await mails.move(tx, mail.id, MailStatus.PERSON, why)
        await _audit(parts, tx, mail, "cancelled", by, now, reason=reason)
    return Decided(mail_id)


async def _able(tx: Tx, mail_id: str, target: MailStatus) -> Mail | NotDecided:
    mail = await mails.locked(tx, mail_id)
    if mail is None:
        return NotDecided(f"there is no mail {mail_id}")
    if target in MAIL_AFTER[mail.status]:
        return mail
    return NotDecided(f"this mail is past that: {words.status(mail.status)}", taken=True)


async def _end_work(parts: Parts, tx: Tx, mail: Mail, *, by: str, reason: str, now: datetime) -> None:
    for draft in await drafts.of_mail(tx, mail.id):
        if draft.state is DraftState.WAITING:
            await drafts.decide(tx, draft.id, DraftState.REJECTED, by=by, now=now, reason=reason)
    for run in await runs.of_mail(tx, mail.id):
        await cancel(parts, tx, run, reason, now=now)


async def _audit(parts: Parts, tx: Tx, mail: Mail, event: str, by: str, now: datetime, *, reason: str = "") -> None:
    chain = mail.conversation_id or mail.id
    await parts.audit.add(tx, chain, event, actor=by, now=now, mail_id=mail.id, reason=reason)
