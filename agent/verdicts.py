"""A person says of a reply that left whether it was right; `agent.trust` says what follows."""

from __future__ import annotations

import structlog

from agent import trust
from agent.approval import Decided, NotDecided
from agent.parts import Parts
from agent.states import DraftState
from agent.store import drafts, mails

LEFT = (DraftState.UNSEEN, DraftState.APPROVED)

log = structlog.get_logger()


async def say(parts: Parts, draft_id: str, *, good: bool, by: str, reason: str = "") -> Decided | NotDecided:
    """Say whether it was right, or that it should not have been sent, which needs a reason; the last word counts."""
    if not good and not reason.strip():
        return NotDecided("say why: the reason stays with the mail")
    now = parts.now()
    async with parts.database.write() as tx:
        draft = await drafts.locked(tx, draft_id)
        if draft is None or draft.state not in LEFT:
            return NotDecided("only of a reply that left can be said whether it was right")
        await trust.put(parts.database, tx, draft, good=good, by=by, reason=reason, now=now)
        mail = await mails.get(tx, draft.mail_id)
        chain = mail.conversation_id if mail and mail.conversation_id else draft.mail_id
        event = "found_right" if good else "found_wrong"
        data = {"draft": draft.id, "entry": draft.proposal.template_id or "", "reason": parts.audit.digest(reason)}
        await parts.audit.add(tx, chain, event, actor=by, now=now, mail_id=draft.mail_id, data=data)
    log.info("draft.verdict", draft=draft_id, good=good, by=by)
    return Decided(draft_id)
