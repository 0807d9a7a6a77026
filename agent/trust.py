"""What an entry's replies were worth so far: the gate's measured outcomes.

Rules:
- Of a reply that should not have been sent: the playbook entry that it came from leaves unseen no more, in that
  mailbox, until `TRUST_AGAIN` replies from it were right. It is drafted as before.
- An approval of an entry's own words, unchanged, says that they are right; other approvals say nothing of an entry.
- A verdict takes trust away at once and gives it back slowly; it never lets anything go that the gate would hold.
"""

from __future__ import annotations

from datetime import datetime

from agent.store import verdicts
from agent.store.database import Database, Tx
from agent.store.drafts import Draft
from agent.store.verdicts import Verdict

TRUST_AGAIN = 5
"""Replies of an entry that have to be right after one that was not."""
LONGEST_REASON = 500


def entry_of(mailbox: str, template_id: str | None) -> str:
    """By what outcomes are counted; empty for free text."""
    return f"{template_id} {mailbox}"[:100] if template_id else ""


async def mistaken(tx: Tx, mailbox: str, template_id: str | None) -> bool:
    """The entry's last mistake was not made good yet."""
    if not template_id:
        return False
    good = await verdicts.good_since_bad(tx, entry_of(mailbox, template_id))
    return good is not None and good < TRUST_AGAIN


async def approved(db: Database, tx: Tx, draft: Draft, *, by: str, now: datetime) -> None:
    """Count an approval of an entry's own words; in the transaction of the approval."""
    if draft.origin == "model" and draft.proposal.template_id:
        await put(db, tx, draft, good=True, by=by, reason="", now=now)


async def put(db: Database, tx: Tx, draft: Draft, *, good: bool, by: str, reason: str, now: datetime) -> None:
    """Keep what was said of a reply that left."""
    said = Verdict(
        draft_id=draft.id,
        mail_id=draft.mail_id,
        entry=entry_of(draft.mailbox, draft.proposal.template_id),
        good=good,
        at=now,
        by=by,
        reason=reason.strip()[:LONGEST_REASON],
    )
    await verdicts.put(db, tx, said)
