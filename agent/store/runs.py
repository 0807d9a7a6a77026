"""Runs as rows: a run that rests costs disk and nothing else.

Rules:
- A transition names the state that it leaves; row count 1 or somebody else was first.
- A tool call's output is written once: a second answer changes nothing.
- One open run for each mail (a unique index says so).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Update, bindparam, delete, func, select, update

from agent.ids import new_id
from agent.models.base import Frozen, FunctionCall, FunctionOutput, Item, Message, ModelAnswer, ModelRequest, Opaque
from agent.states import OPEN_RUNS, RunState
from agent.store import locks
from agent.store.database import Tx
from agent.store.statements import one_of
from agent.store.tables import mail, model_call, run, run_item, tool_call


@dataclass(frozen=True)
class Run:
    id: str
    mail_id: str
    conversation_id: str
    state: RunState
    reason: str
    model: str
    turns: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class ToolCall:
    run_id: str
    call_id: str
    turn: int
    name: str
    arguments: str
    output: str | None
    draft_id: str | None


_COLUMNS = [run.c[name] for name in Run.__dataclass_fields__]
_CALL_COLUMNS = [tool_call.c[name] for name in ToolCall.__dataclass_fields__]
_ITEMS: dict[str, type[Frozen]] = {
    "message": Message,
    "function_call": FunctionCall,
    "function_call_output": FunctionOutput,
    "opaque": Opaque,
}


_OF_RUN: BindParameter[str] = bindparam("of_run")
_GET = select(*_COLUMNS).where(run.c.id == _OF_RUN)
_CREATE = run.insert()
_COUNT_TURN = update(run).where(run.c.id == _OF_RUN, run.c.state == RunState.IN_PROGRESS).values(turns=run.c.turns + 1)
_ITEMS_OF = select(run_item.c.item).where(run_item.c.run_id == _OF_RUN).order_by(run_item.c.seq)
_PUT_ITEM = run_item.insert()
_PUT_CALL = tool_call.insert()
_CALLS = select(*_CALL_COLUMNS).where(tool_call.c.run_id == _OF_RUN).order_by(tool_call.c.turn, tool_call.c.n)
_OUTPUTS_OF = (
    select(tool_call.c.name, tool_call.c.output)
    .join(run, run.c.id == tool_call.c.run_id)
    .where(
        run.c.mail_id == bindparam("of_mail"),
        tool_call.c.output.is_not(None),
    )
    .order_by(run.c.created_at, tool_call.c.turn, tool_call.c.n)
)
_WAITING_CALL = (tool_call.c.run_id == _OF_RUN) & tool_call.c.output.is_(None)
_CHANGE_CALL = update(tool_call).where(_WAITING_CALL, tool_call.c.call_id == bindparam("of_call"))
_UNANSWERED = select(func.count()).select_from(tool_call).where(_WAITING_CALL)
_PUT_EXCHANGE = model_call.insert()


@cache
def _moving(source: frozenset[RunState]) -> Update:
    return update(run).where(run.c.id == _OF_RUN, one_of(run.c.state, sorted(source)))


_COUNTABLE = 2**31 - 1
"""The largest number that a column holds; a server that claims more is not worth failing for."""


def _run(row: Any) -> Run:
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public way to a row's mapping)
    values["state"] = RunState(values["state"])
    return Run(**values)


async def create(
    tx: Tx, *, mail_id: str, conversation_id: str, model: str, now: datetime, expires_at: datetime, version: str
) -> Run:
    run_id = new_id("r", now)
    fresh = Run(run_id, mail_id, conversation_id, RunState.QUEUED, "", model, 0, now, now, expires_at)
    await tx.execute(_CREATE, {**vars(fresh), "version": version})
    return fresh


async def get(tx: Tx, run_id: str) -> Run | None:
    row = (await tx.execute(_GET, {"of_run": run_id})).first()
    return None if row is None else _run(row)


async def locked(tx: Tx, run_id: str) -> Run | None:
    """Lock the conversation, then read: what is decided on this still holds at commit."""
    found = await get(tx, run_id)
    if found is None:
        return None
    await locks.conversation(tx, found.conversation_id)
    return await get(tx, run_id) if locks.may_change(tx) else found


async def of_mail(tx: Tx, mail_id: str) -> list[Run]:
    rows = await tx.execute(select(*_COLUMNS).where(run.c.mail_id == mail_id).order_by(run.c.created_at))
    return [_run(row) for row in rows]


async def open_in(tx: Tx, conversation_id: str) -> list[Run]:
    rows = await tx.execute(
        select(*_COLUMNS).where(run.c.conversation_id == conversation_id, run.c.state.in_(list(OPEN_RUNS)))
    )
    return [_run(row) for row in rows]


async def expired(tx: Tx, now: datetime, limit: int) -> list[Run]:
    """Open runs past their time."""
    rows = await tx.execute(
        select(*_COLUMNS).where(run.c.state.in_(list(OPEN_RUNS)), run.c.expires_at <= now).limit(limit)
    )
    return [_run(row) for row in rows]


async def move(
    tx: Tx, run_id: str, source: Iterable[RunState], target: RunState, *, now: datetime, reason: str = ""
) -> bool:
    """Take the run from one of `source` to `target`; False where it stood elsewhere and nothing changed."""
    values = {"state": target, "reason": reason[:1000], "updated_at": now}
    done = await tx.execute(_moving(frozenset(source)), {"of_run": run_id, **values})
    return done.rowcount == 1


async def items(tx: Tx, run_id: str) -> list[Item]:
    rows = await tx.execute(_ITEMS_OF, {"of_run": run_id})
    return [_ITEMS[row.item["type"]].model_validate(row.item) for row in rows]  # type: ignore[misc]  # each class of _ITEMS is an Item


async def append(tx: Tx, run_id: str, fresh: Sequence[Item], *, after: int) -> None:
    """Add items behind the `after` that there are, in order. They are numbered without gaps: a wrong count breaks."""
    if not fresh:
        return
    await tx.execute(
        _PUT_ITEM,
        [{"run_id": run_id, "seq": after + n, "item": item.model_dump(mode="json")} for n, item in enumerate(fresh)],
    )


async def count_turn(tx: Tx, run_id: str, now: datetime) -> bool:
    """Count a turn of a run in progress; False where it is not any more."""
    return (await tx.execute(_COUNT_TURN, {"of_run": run_id, "updated_at": now})).rowcount == 1


async def put_calls(
    tx: Tx, run_id: str, turn: int, calls: Sequence[tuple[FunctionCall, str | None, str | None]], now: datetime
) -> None:
    """Record a turn's tool calls, each with its output (None: waits) and the draft that it made."""
    if calls:
        await tx.execute(
            _PUT_CALL,
            [
                {
                    "run_id": run_id,
                    "call_id": call.call_id,
                    "turn": turn,
                    "n": n,
                    "name": call.name[:200],
                    "arguments": call.arguments,
                    "output": output,
                    "draft_id": draft_id,
                    "at": now,
                }
                for n, (call, output, draft_id) in enumerate(calls)
            ],
        )


async def calls(tx: Tx, run_id: str) -> list[ToolCall]:
    return [ToolCall(*row) for row in await tx.execute(_CALLS, {"of_run": run_id})]


async def outputs_of(tx: Tx, mail_id: str) -> list[tuple[str, str]]:
    """(tool, what it answered) in the runs of a mail, in order."""
    return [(row.name, row.output) for row in await tx.execute(_OUTPUTS_OF, {"of_mail": mail_id})]


async def answer_call(tx: Tx, run_id: str, call_id: str, output: str) -> bool:
    """Write the call's output once; False where it has one already."""
    done = await tx.execute(_CHANGE_CALL, {"of_run": run_id, "of_call": call_id, "output": output})
    return done.rowcount == 1


async def retarget_call(tx: Tx, run_id: str, call_id: str, draft_id: str) -> None:
    """Let the call wait for another draft: a person's edit of the one that it waited for."""
    await tx.execute(_CHANGE_CALL, {"of_run": run_id, "of_call": call_id, "draft_id": draft_id})


async def unanswered(tx: Tx, run_id: str) -> int:
    count: int = (await tx.execute(_UNANSWERED, {"of_run": run_id})).scalar_one()
    return count


@dataclass(frozen=True)
class Exchange:
    """What a model was asked once, and what it said."""

    id: str
    run_id: str | None
    purpose: str
    request: dict[str, Any]
    answer: ModelAnswer
    at: datetime


async def exchanges(tx: Tx, mail_id: str) -> list[Exchange]:
    """All of one mail, oldest first."""
    columns = [model_call.c[name] for name in Exchange.__dataclass_fields__]
    rows = await tx.execute(
        select(*columns).where(model_call.c.mail_id == mail_id).order_by(model_call.c.at, model_call.c.id)
    )
    return [
        Exchange(row.id, row.run_id, row.purpose, row.request, ModelAnswer.model_validate(row.answer), row.at)
        for row in rows
    ]


@dataclass(frozen=True)
class Line:
    """A run as a list shows it."""

    id: str
    mail_id: str
    state: RunState
    reason: str
    model: str
    turns: int
    updated_at: datetime
    author: str
    subject: str


async def listing(tx: Tx, states: Iterable[RunState], *, limit: int) -> list[Line]:
    """Runs in these states, the newest first."""
    own = [run.c[name] for name in Line.__dataclass_fields__ if name not in {"author", "subject"}]
    rows = await tx.execute(
        select(*own, mail.c.author, mail.c.subject)
        .join(mail, mail.c.id == run.c.mail_id)
        .where(run.c.state.in_(list(states)))
        .order_by(run.c.created_at.desc(), run.c.id.desc())
        .limit(limit)
    )
    return [Line(**{**row._mapping, "state": RunState(row.state)}) for row in rows]  # noqa: SLF001 (SQLAlchemy's public way to a row's mapping)


async def prune(tx: Tx, before: datetime, limit: int) -> int:
    """Forget what models were asked and said before an instant, of runs that ended; gives how many."""
    open_runs = select(run.c.mail_id).where(run.c.state.in_(list(OPEN_RUNS)))
    old = (
        select(model_call.c.id)
        .where(model_call.c.at < before, model_call.c.mail_id.not_in(open_runs))
        .order_by(model_call.c.at)
        .limit(limit)
    )
    return (await tx.execute(delete(model_call).where(model_call.c.id.in_(old.scalar_subquery())))).rowcount


async def put_exchange(
    tx: Tx, *, mail_id: str, run_id: str | None, request: ModelRequest, answer: ModelAnswer, now: datetime
) -> None:
    """Keep what the model was asked and what it said.

    The items of a run are rows already: of a run's request the first item is kept, and as `run_items` how many rows
    followed it, so that a run of many turns does not store each of them again and again.
    """
    kept = request if run_id is None else request.model_copy(update={"items": request.items[:1]})
    asked = kept.model_dump(mode="json")
    if run_id is not None:
        asked["run_items"] = len(request.items) - 1
    await tx.execute(
        _PUT_EXCHANGE,
        {
            "id": new_id("x", now),
            "mail_id": mail_id,
            "run_id": run_id,
            "purpose": request.purpose,
            "request": asked,
            "answer": answer.model_dump(mode="json"),
            "input_tokens": min(answer.usage.input_tokens, _COUNTABLE),
            "output_tokens": min(answer.usage.output_tokens, _COUNTABLE),
            "at": now,
        },
    )
