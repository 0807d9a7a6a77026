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
from typing import Any

from sqlalchemy import delete, func, select, update

from agent.ids import new_id
from agent.models.base import Frozen, FunctionCall, FunctionOutput, Item, Message, ModelAnswer, ModelRequest, Opaque
from agent.states import OPEN_RUNS, RunState
from agent.store import locks
from agent.store.database import Tx
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
    await tx.execute(
        run.insert().values(
            id=run_id,
            mail_id=mail_id,
            conversation_id=conversation_id,
            state=RunState.QUEUED,
            model=model,
            turns=0,
            created_at=now,
            updated_at=now,
            expires_at=expires_at,
            version=version,
        )
    )
    return Run(run_id, mail_id, conversation_id, RunState.QUEUED, "", model, 0, now, now, expires_at)


async def get(tx: Tx, run_id: str) -> Run | None:
    row = (await tx.execute(select(*_COLUMNS).where(run.c.id == run_id))).first()
    return None if row is None else _run(row)


async def locked(tx: Tx, run_id: str) -> Run | None:
    """Lock the conversation first, then read: what is decided on this still holds at commit."""
    found = (await tx.execute(select(run.c.conversation_id).where(run.c.id == run_id))).scalar()
    if found is None:
        return None
    await locks.conversation(tx, found)
    return await get(tx, run_id)


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
    done = await tx.execute(
        update(run)
        .where(run.c.id == run_id, run.c.state.in_(list(source)))
        .values(state=target, reason=reason[:1000], updated_at=now)
    )
    return done.rowcount == 1


async def items(tx: Tx, run_id: str) -> list[Item]:
    rows = await tx.execute(select(run_item.c.item).where(run_item.c.run_id == run_id).order_by(run_item.c.seq))
    return [_ITEMS[row.item["type"]].model_validate(row.item) for row in rows]  # type: ignore[misc]  # each class of _ITEMS is an Item


async def append(tx: Tx, run_id: str, fresh: Sequence[Item]) -> None:
    """Add items at the end, in order."""
    if not fresh:
        return
    last = (await tx.execute(select(func.max(run_item.c.seq)).where(run_item.c.run_id == run_id))).scalar()
    start = 0 if last is None else last + 1
    await tx.execute(
        run_item.insert(),
        [{"run_id": run_id, "seq": start + n, "item": item.model_dump(mode="json")} for n, item in enumerate(fresh)],
    )


async def count_turn(tx: Tx, run_id: str, now: datetime) -> None:
    await tx.execute(update(run).where(run.c.id == run_id).values(turns=run.c.turns + 1, updated_at=now))


async def put_calls(
    tx: Tx, run_id: str, turn: int, calls: Sequence[tuple[FunctionCall, str | None, str | None]], now: datetime
) -> None:
    """Record a turn's tool calls, each with its output (None: waits) and the draft that it made."""
    if calls:
        await tx.execute(
            tool_call.insert(),
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
    rows = await tx.execute(
        select(*_CALL_COLUMNS).where(tool_call.c.run_id == run_id).order_by(tool_call.c.turn, tool_call.c.n)
    )
    return [ToolCall(*row) for row in rows]


async def outputs_of(tx: Tx, mail_id: str, tool: str) -> list[str]:
    """What this tool answered in the runs of a mail, in order."""
    rows = await tx.execute(
        select(tool_call.c.output)
        .join(run, run.c.id == tool_call.c.run_id)
        .where(run.c.mail_id == mail_id, tool_call.c.name == tool, tool_call.c.output.is_not(None))
        .order_by(run.c.created_at, tool_call.c.turn, tool_call.c.n)
    )
    return [row.output for row in rows]


async def answer_call(tx: Tx, run_id: str, call_id: str, output: str) -> bool:
    """Write the call's output once; False where it has one already."""
    done = await tx.execute(
        update(tool_call)
        .where(tool_call.c.run_id == run_id, tool_call.c.call_id == call_id, tool_call.c.output.is_(None))
        .values(output=output)
    )
    return done.rowcount == 1


async def retarget_call(tx: Tx, run_id: str, call_id: str, draft_id: str) -> None:
    """Let the call wait for another draft: a person's edit of the one that it waited for."""
    await tx.execute(
        update(tool_call)
        .where(tool_call.c.run_id == run_id, tool_call.c.call_id == call_id, tool_call.c.output.is_(None))
        .values(draft_id=draft_id)
    )


async def unanswered(tx: Tx, run_id: str) -> int:
    count: int = (
        await tx.execute(
            select(func.count())
            .select_from(tool_call)
            .where(tool_call.c.run_id == run_id, tool_call.c.output.is_(None))
        )
    ).scalar_one()
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


@dataclass(frozen=True)
class Spent:
    """Tokens (written, sent) by scope."""

    mail: tuple[int, int]
    sender: tuple[int, int]
    mailbox: tuple[int, int]
    day: tuple[int, int]

    def of(self, scope: str) -> tuple[int, int]:
        found: tuple[int, int] = getattr(self, scope)
        return found


async def spent(tx: Tx, since: datetime, *, mail_id: str, author: str, mailbox: str) -> Spent:
    """What models' answers said that they cost: of this mail ever, else since an instant."""

    async def summed(*conditions: Any) -> tuple[int, int]:
        row = (
            await tx.execute(
                select(
                    func.coalesce(func.sum(model_call.c.output_tokens), 0),
                    func.coalesce(func.sum(model_call.c.input_tokens), 0),
                )
                .join(mail, mail.c.id == model_call.c.mail_id)
                .where(*conditions)
            )
        ).one()
        return int(row[0]), int(row[1])

    recent = model_call.c.at >= since
    return Spent(
        mail=await summed(model_call.c.mail_id == mail_id),
        sender=await summed(recent, mail.c.author == author),
        mailbox=await summed(recent, mail.c.mailbox == mailbox),
        day=await summed(recent),
    )


async def put_exchange(
    tx: Tx, *, mail_id: str, run_id: str | None, request: ModelRequest, answer: ModelAnswer, now: datetime
) -> None:
    """Keep what the model was asked and what it said.

    The items of a run are rows already: of a run's request the first item is kept, and as `run_items` how many rows
    followed it, so that a run of many turns does not store each of them again and again.
    """
    asked = request.model_dump(mode="json")
    if run_id is not None:
        asked["run_items"] = len(asked["items"]) - 1
        asked["items"] = asked["items"][:1]
    await tx.execute(
        model_call.insert().values(
            id=new_id("x", now),
            mail_id=mail_id,
            run_id=run_id,
            purpose=request.purpose,
            request=asked,
            answer=answer.model_dump(mode="json"),
            input_tokens=min(answer.usage.input_tokens, _COUNTABLE),
            output_tokens=min(answer.usage.output_tokens, _COUNTABLE),
            at=now,
        )
    )
