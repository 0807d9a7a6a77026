"""A person takes an approval back before the reply leaves.

Rules:
- Only what nobody has begun to deliver can be taken back: one conditional update decides between undo and the sender.
- The same words wait again as a new draft, judged by today's policy; the run goes on waiting for it.
- What the gate let go unseen is not undone here: pausing the mailbox holds it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import structlog

from agent.approval import Decided, NotDecided
from agent.parts import Parts
from agent.proposing import said
from agent.redraft import redraft
from agent.states import DraftState, MailStatus, OutboxState
from agent.store import deliveries, drafts, mails, verdicts
from agent.store.database import Tx

log = structlog.get_logger()

LATE = "it has begun to leave and cannot be taken back"


async def undo(parts: Parts, draft_id: str, *, by: str) -> Decided | NotDecided:
    """Take an approved draft back; what was on the wire already stays sent."""
    now = parts.now()
    async with parts.database.write() as tx:
        draft = await drafts.locked(tx, draft_id)
        if draft is None:
            return NotDecided(f"there is no draft {draft_id}")
        mail = await mails.get(tx, draft.mail_id)
        if mail is None or draft.state is not DraftState.APPROVED or draft.mailbox not in parts.rules:
            return NotDecided("this draft is not one that was approved", taken=True)
        if not await _stopped(tx, draft_id, draft.mail_id, by=by, now=now):
            return NotDecided(LATE, taken=True)
        why = f"{by} took the approval back"
        await drafts.void(tx, draft.id, DraftState.APPROVED, now=now, reason=why)
        await verdicts.drop(tx, draft.id)
        origin: Literal["model", "person"] = "person" if draft.origin == "person" else "model"
        words = draft.proposal
        fresh = await redraft(
            parts, tx, draft, mail, origin=origin, subject=words.subject, plain_text=words.plain_text, now=now, why=why
        )
        await mails.move(tx, mail.id, MailStatus.WAITING, "; ".join(fresh.reasons))
        data = {"draft": draft.id, "new": fresh.id, **said(parts, fresh.proposal, fresh.added)}
        await parts.audit.add(tx, draft.conversation_id, "undone", actor=by, now=now, mail_id=mail.id, data=data)
    log.info("draft.undone", draft=draft_id, new=fresh.id, by=by)
    return Decided(fresh.id)


async def _stopped(tx: Tx, draft_id: str, mail_id: str, *, by: str, now: datetime) -> bool:
    """Take the draft's delivery out of the queue; False where an attempt was ever begun."""
    for one in await deliveries.of_mail(tx, mail_id):
        if one.draft_id == draft_id and one.state is OutboxState.QUEUED and not one.attempts:
            detail = f"taken back by {by}"
            return await deliveries.move(
                tx,
                one.id,
                [OutboxState.QUEUED],
                OutboxState.REFUSED,
                now=now,
                detail=detail,
            )
    return False
