"""The durable run: a model's turns over two tools, held as rows, by no process while it rests.

Rules:
- A turn is one transaction: the answer, its tool calls, their outputs and drafts, and where the run stands then; the
  next turn begins in the same one.
- Every call of a turn is answered exactly once, unknown tools and broken arguments too; a turn's answers go back
  together.
- A call that waits (for a person, for a delivery) rests the run in `requires_action`; the outcome makes it due again.
- Turns are bounded. A run out of turns, refused or expired ends with a person, never with a send.
- A run that was cancelled while the model was thinking keeps nothing of that turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from agent.budget import spend, used_up
from agent.lookups import TOOL as LOOK_UP
from agent.models.base import (
    FunctionCall,
    FunctionOutput,
    Item,
    MailView,
    ModelAnswer,
    ModelRequest,
    ModelUnavailableError,
)
from agent.models.bounds import bounded
from agent.models.callids import distinct
from agent.parts import Parts
from agent.patience import MODEL_PATIENCE, MODEL_PAUSE
from agent.prompt import run_request
from agent.states import DraftState, JobKind, MailStatus, RunState
from agent.store import drafts, jobs, locks, mails, runs
from agent.store.database import Tx
from agent.store.jobs import Job
from agent.store.mails import Mail
from agent.store.runs import Run
from agent.tools import Answered, Waits, handle, note_lookup, own_text, view_of

MAX_CALLS_A_TURN = 8

log = structlog.get_logger()


@dataclass(frozen=True)
class _Turn:
    run: Run
    mail: Mail
    view: MailView
    items: tuple[Item, ...]


async def work(parts: Parts, held: Job) -> None:
    """Take the run of job `held` as far as it goes without waiting. Raises FenceLostError where it passed on."""
    turn = await _open(parts, held)
    while turn is not None:
        request = run_request(turn.view, turn.items, parts.lookups.offered(turn.view))
        try:
            answer = bounded(distinct(await parts.model.respond(request), turn.items))
        except ModelUnavailableError as error:
            await _wait_for_model(parts, held, turn, error)
            return
        looked = await _look_up(parts, turn, answer)
        turn = await _close(parts, held, turn, request, answer, looked)


async def _look_up(parts: Parts, turn: _Turn, answer: ModelAnswer) -> Mapping[str, str]:
    """Ask what this turn wants to know, before its transaction: a service may be slow. Reading twice does no harm."""
    if not any(call.name == LOOK_UP for call in answer.calls):
        return {}
    async with parts.database.read() as tx:
        text = await own_text(tx, turn.mail)
    before = sum(isinstance(item, FunctionCall) and item.name == LOOK_UP for item in turn.items)
    return await parts.lookups.answer_all(turn.view, answer.calls, asked_before=before, own_text=text)


async def _wait_for_model(parts: Parts, held: Job, turn: _Turn, error: ModelUnavailableError) -> None:
    """Ask again in a minute, or when the server wants to be asked.

    A model that is away since `MODEL_PATIENCE` is not waited for: a person answers.
    """
    now = parts.now()
    async with parts.database.write() as tx:
        run = await runs.locked(tx, turn.run.id)
        await jobs.check(tx, held)
        if run is None or run.state is not RunState.IN_PROGRESS:
            await jobs.end(tx, held)
        elif now - run.updated_at >= MODEL_PATIENCE:
            await _finish(parts, tx, held, run, RunState.FAILED, f"the model gave no answer: {error}", now)
        else:
            due_at = now + max(MODEL_PAUSE, error.after)
            await jobs.put_back(tx, held, due_at=due_at, error=str(error), counted=False)


async def _open(parts: Parts, held: Job) -> _Turn | None:
    """Begin the next turn, or end the job where there is none to take."""
    async with parts.database.write() as tx:
        run = await runs.locked(tx, held.ref)
        await jobs.check(tx, held)
        return await _next(parts, tx, held, run, parts.now())


async def _next(
    parts: Parts,
    tx: Tx,
    held: Job,
    run: Run | None,
    now: datetime,
    mail: Mail | None = None,
    view: MailView | None = None,
    items: tuple[Item, ...] | None = None,
) -> _Turn | None:
    """The turn that comes next; None where there is none, and the job is ended. What is given is not read again."""
    if mail is None:
        mail = await mails.get(tx, run.mail_id) if run else None
    if run is None or mail is None or run.state not in {RunState.QUEUED, RunState.IN_PROGRESS}:
        await jobs.end(tx, held)
        return None
    if run.expires_at <= now:
        await _finish(parts, tx, held, run, RunState.EXPIRED, "nobody decided in time", now)
        return None
    if run.turns >= parts.config.worker.max_turns:
        await _finish(parts, tx, held, run, RunState.INCOMPLETE, f"no end after {run.turns} turns", now)
        return None
    config = parts.config
    broke = await used_up(
        tx, config.budget, config.model, mail_id=mail.id, author=mail.author, mailbox=mail.mailbox, now=now
    )
    if broke:
        await _finish(parts, tx, held, run, RunState.INCOMPLETE, broke, now)
        return None
    if run.state is RunState.QUEUED:  # since then it waits for the model: see MODEL_PATIENCE
        await runs.move(tx, run.id, [RunState.QUEUED], RunState.IN_PROGRESS, now=now)
    items = await _with_outputs(tx, run, items)
    return _Turn(run, mail, view or await view_of(tx, mail), items)


async def _with_outputs(tx: Tx, run: Run, items: Sequence[Item] | None) -> tuple[Item, ...]:
    """All items so far; outputs that came while the run rested are added to them first."""
    if items is None:
        items = await runs.items(tx, run.id)
    if not items:
        return ()
    told = {item.call_id for item in items if isinstance(item, FunctionOutput)}
    fresh = [
        FunctionOutput(call_id=call.call_id, output=call.output)
        for call in await runs.calls(tx, run.id)
        if call.output is not None and call.call_id not in told
    ]
    await runs.append(tx, run.id, fresh, after=len(items))
    return (*items, *fresh)


async def _close(
    parts: Parts, held: Job, turn: _Turn, request: ModelRequest, answer: ModelAnswer, looked: Mapping[str, str]
) -> _Turn | None:
    """Store the turn with all that follows from it, and begin the next one; None where the run does not go on now."""
    now = parts.now()
    run = turn.run
    async with parts.database.write() as tx:
        await locks.conversation(tx, run.conversation_id)
        await jobs.check(tx, held)
        await runs.put_exchange(tx, mail_id=run.mail_id, run_id=run.id, request=request, answer=answer, now=now)
        await spend(parts.database, tx, turn.mail.id, turn.mail.author, turn.mail.mailbox, answer.usage, now=now)
        if not await runs.count_turn(tx, run.id, now):
            await jobs.end(tx, held)  # cancelled meanwhile
            return None
        if answer.status != "completed":
            state = RunState.INCOMPLETE if answer.status == "incomplete" else RunState.FAILED
            await _finish(parts, tx, held, run, state, _no_answer(answer), now)
            return None
        await runs.append(tx, run.id, answer.items, after=len(turn.items))
        if not answer.calls:
            await _finish(parts, tx, held, run, RunState.COMPLETED, "", now)
            return None
        if not await _do_calls(parts, tx, turn, answer.calls, looked, now):
            items = (*turn.items, *answer.items)
            counted = replace(run, state=RunState.IN_PROGRESS, turns=run.turns + 1, updated_at=now)
            return await _next(parts, tx, held, counted, now, turn.mail, turn.view, items)
        await runs.move(tx, run.id, [RunState.IN_PROGRESS], RunState.REQUIRES_ACTION, now=now)
        await jobs.end(tx, held)
    parts.wake.set(JobKind.DELIVER)
    return None


def _no_answer(answer: ModelAnswer) -> str:
    """Why a turn ended without one, for the person who gets the mail."""
    what = {"incomplete": "the model's answer was cut off", "refused": "the model refused to answer"}
    return f"{what.get(answer.status, 'the model gave no usable answer')}: {answer.detail}"


async def _do_calls(
    parts: Parts, tx: Tx, turn: _Turn, calls: Sequence[FunctionCall], looked: Mapping[str, str], now: datetime
) -> bool:
    """Handle a turn's calls in order; True where at least one of them waits."""
    rows: list[tuple[FunctionCall, str | None, str | None]] = []
    for n, call in enumerate(calls):
        if n >= MAX_CALLS_A_TURN:
            rows.append((call, Answered.error(f"more than {MAX_CALLS_A_TURN} calls in one turn").output, None))
            continue
        if call.name == LOOK_UP and call.call_id in looked:
            done = await note_lookup(parts, tx, turn.run, turn.mail, looked[call.call_id], now=now)
            rows.append((call, done.output, None))
            continue
        match await handle(parts, tx, turn.run, turn.mail, call, now=now):
            case Answered(output=output, draft_id=draft_id):
                rows.append((call, output, draft_id))
            case Waits(draft_id=draft_id):
                rows.append((call, None, draft_id))
    await runs.put_calls(tx, turn.run.id, turn.run.turns + 1, rows, now)
    return any(output is None for _, output, _ in rows)


async def _finish(
    parts: Parts, tx: Tx, held: Job | None, run: Run, state: RunState, reason: str, now: datetime
) -> None:
    """End the run; a mail that nobody answered by then is a person's."""
    await runs.move(tx, run.id, [run.state, RunState.IN_PROGRESS], state, now=now, reason=reason)
    if held is not None:
        await jobs.end(tx, held)
    mail = await mails.get(tx, run.mail_id)
    if mail is not None and mail.status is MailStatus.WORKING:
        await mails.move(tx, mail.id, MailStatus.PERSON, reason or await _why_no_reply(tx, run))
    await parts.audit.add(
        tx,
        run.conversation_id,
        "run_" + state.value,
        actor=run.model,
        now=now,
        mail_id=run.mail_id,
        data={"run": run.id, "reason": parts.audit.digest(reason)},
    )
    log.info("run.ended", run=run.id, mail=run.mail_id, state=state.value)


async def _why_no_reply(tx: Tx, run: Run) -> str:
    mail = await mails.get(tx, run.mail_id)
    if mail is not None and not mail.author:
        return "From names no single author, so there is nobody to answer"
    denied = [draft for draft in await drafts.of_mail(tx, run.mail_id) if draft.state is DraftState.DENIED]
    if denied:
        return "policy refused the proposed reply: " + "; ".join(denied[-1].reasons)
    found = await mails.get_intent(tx, run.mail_id)
    if found is None or found.intent == "none":
        return "no entry of the playbook answers this mail"
    return f"mail of this sort ({found.intent}) is answered by a person"


async def expire(parts: Parts) -> int:
    """End the open runs whose time is over, with their drafts; nothing is sent by it. Gives how many."""
    now = parts.now()
    async with parts.database.read() as look:
        over = await runs.expired(look, now, 100)
    for run in over:
        async with parts.database.write() as tx:
            await _expire(parts, tx, run.id, now)
    return len(over)


async def _expire(parts: Parts, tx: Tx, run_id: str, now: datetime) -> None:
    run = await runs.locked(tx, run_id)
    if run is None or run.state.final or await _decided(tx, run):
        return
    for draft in await drafts.of_mail(tx, run.mail_id):
        if draft.state is DraftState.WAITING:
            await drafts.decide(
                tx, draft.id, DraftState.VOIDED, by="postroom", now=now, reason="nobody decided in time"
            )
    mail = await mails.get(tx, run.mail_id)
    if mail is not None and mail.status is MailStatus.WAITING:
        await mails.move(tx, run.mail_id, MailStatus.PERSON, "nobody decided in time")
    await _finish(parts, tx, None, run, RunState.EXPIRED, "nobody decided in time", now)


async def _decided(tx: Tx, run: Run) -> bool:
    """True where a reply of this run was decided and is on its way: its outcome ends the run, not the clock."""
    for call in await runs.calls(tx, run.id):
        draft = await drafts.get(tx, call.draft_id) if call.output is None and call.draft_id else None
        if draft is not None and draft.state in {DraftState.UNSEEN, DraftState.APPROVED}:
            return True
    return False


async def bury(parts: Parts, held: Job, reason: str) -> None:
    """Give up on a run whose job was claimed too often: the mail goes to a person."""
    now = parts.now()
    async with parts.database.write() as tx:
        run = await runs.locked(tx, held.ref)
        if run is None or run.state.final:
            await jobs.end(tx, held)
            return
        await _finish(parts, tx, held, run, RunState.FAILED, reason, now)
