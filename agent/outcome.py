"""What a decision or a delivery means for the run that waits for it.

Rules:
- The tool's answer is written once: the first outcome counts, later ones change only the delivery and the mail.
- A run whose last open call was answered is made due in the same transaction.
- A run that ended meanwhile stays ended.
"""

from __future__ import annotations

from datetime import datetime

from agent.parts import Parts
from agent.states import OPEN_RUNS, JobKind, RunState
from agent.store import jobs, runs
from agent.store.database import Tx
from agent.store.drafts import Draft
from agent.store.runs import Run


async def answer(parts: Parts, tx: Tx, draft: Draft, output: str, *, now: datetime) -> bool:
    """Answer the tool call that the draft came from; True where its run goes on by that."""
    if draft.run_id is None or draft.call_id is None:
        return False
    if not await runs.answer_call(tx, draft.run_id, draft.call_id, output):
        return False
    if await runs.unanswered(tx, draft.run_id):
        return False
    if not await runs.move(tx, draft.run_id, [RunState.REQUIRES_ACTION], RunState.QUEUED, now=now):
        return False
    await jobs.schedule(parts.database, tx, JobKind.RUN, draft.run_id, due_at=now, now=now)
    return True


async def cancel(parts: Parts, tx: Tx, run: Run, reason: str, *, now: datetime) -> bool:
    """Cancel the run where it is open; False where it ended already."""
    if not await runs.move(tx, run.id, OPEN_RUNS, RunState.CANCELLED, now=now, reason=reason):
        return False
    data = {"run": run.id, "reason": parts.audit.digest(reason)}
    await parts.audit.add(
        tx, run.conversation_id, "run_cancelled", actor="postroom", now=now, mail_id=run.mail_id, data=data
    )
    return True
