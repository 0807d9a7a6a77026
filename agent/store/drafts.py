"""Drafts: proposals with what policy said of them, until a person or the gate decides.

Rules:
- The first decision wins: each one is an update that leaves `waiting`, and only one can.
- An edit is a new row; the old one stays as it was proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, select, update

from agent.additions import NOTHING_ADDED, Added
from agent.states import DraftState, OutboxState
from agent.store import locks, searching
from agent.store.database import Tx
from agent.store.statements import one_of
from agent.store.tables import draft, outbox
from outbound.contracts import SendAgentEmail


@dataclass(frozen=True)
class Draft:
    id: str
    mail_id: str
    conversation_id: str
    mailbox: str
    run_id: str | None
    call_id: str | None
    parent_id: str | None
    origin: str
    state: DraftState
    proposal: SendAgentEmail
    judgement: dict[str, Any]
    reasons: tuple[str, ...]
    thread_head: str
    policy_version: str
    approval_hash: str
    created_at: datetime
    decided_at: datetime | None = None
    decided_by: str = ""
    decision_reason: str = ""
    overruled: tuple[str, ...] = ()
    added: Added = NOTHING_ADDED
    """What a person put to it; a model's draft has nothing."""


_COLUMNS = [draft.c[name] for name in Draft.__dataclass_fields__]
_OF: BindParameter[str] = bindparam("of")
_GET = select(*_COLUMNS).where(draft.c.id == _OF)
_OF_MAIL = select(*_COLUMNS).where(draft.c.mail_id == _OF).order_by(draft.c.created_at, draft.c.id)
_WAITING_IN = select(*_COLUMNS).where(draft.c.conversation_id == _OF, draft.c.state == DraftState.WAITING)
_PENDING = (
    select(draft.c.id)
    .outerjoin(outbox, outbox.c.draft_id == draft.c.id)
    .where(
        draft.c.mail_id == _OF,
        (draft.c.state == DraftState.WAITING)
        | (
            one_of(draft.c.state, [DraftState.UNSEEN, DraftState.APPROVED])
            & ~one_of(outbox.c.state, [OutboxState.FAILED, OutboxState.REFUSED])
        ),
    )
    .limit(1)
)
_PUT = draft.insert()
_CHANGE_WAITING = update(draft).where(draft.c.id == _OF, draft.c.state == DraftState.WAITING)
_CHANGE_SEEN = _CHANGE_WAITING.where(draft.c.approval_hash == bindparam("seen"))


def _draft(row: Any) -> Draft:
    values = dict(row._mapping)  # noqa: SLF001 (SQLAlchemy's public way to a row's mapping)
    values["state"] = DraftState(values["state"])
    values["proposal"] = SendAgentEmail.model_validate(values["proposal"])
    values["reasons"] = tuple(values["reasons"])
    values["overruled"] = tuple(values["overruled"] or ())
    values["added"] = Added.model_validate(values["added"]) if values["added"] else NOTHING_ADDED
    return Draft(**values)


async def put(tx: Tx, fresh: Draft) -> None:
    values = {name: getattr(fresh, name) for name in Draft.__dataclass_fields__}
    values["proposal"] = fresh.proposal.model_dump(mode="json")
    values["reasons"] = list(fresh.reasons)
    values["overruled"] = list(fresh.overruled)
    values["added"] = fresh.added.model_dump(mode="json") if fresh.added else None
    await tx.execute(_PUT, values)
    await searching.put(tx, fresh.id, fresh.mail_id, fresh.proposal.subject, fresh.proposal.plain_text)


async def get(tx: Tx, draft_id: str) -> Draft | None:
    row = (await tx.execute(_GET, {"of": draft_id})).first()
    return None if row is None else _draft(row)


async def locked(tx: Tx, draft_id: str) -> Draft | None:
    """Lock the conversation, then read: what is decided on this still holds at commit."""
    found = await get(tx, draft_id)
    if found is None:
        return None
    await locks.conversation(tx, found.conversation_id)
    return await get(tx, draft_id) if locks.may_change(tx) else found


async def of_mail(tx: Tx, mail_id: str) -> list[Draft]:
    return [_draft(row) for row in await tx.execute(_OF_MAIL, {"of": mail_id})]


async def waiting(tx: Tx, *, limit: int) -> list[Draft]:
    """Drafts that wait for a person, oldest first."""
    rows = await tx.execute(
        select(*_COLUMNS)
        .where(draft.c.state == DraftState.WAITING)
        .order_by(draft.c.created_at, draft.c.id)
        .limit(limit)
    )
    return [_draft(row) for row in rows]


async def older(tx: Tx, mailbox: str, policy_version: str) -> list[str]:
    """Ids of waiting drafts of this mailbox that another policy version judged; ten thousand of them fit in memory."""
    rows = await tx.execute(
        select(draft.c.id).where(
            draft.c.state == DraftState.WAITING,
            draft.c.mailbox == mailbox,
            draft.c.policy_version != policy_version,
        )
    )
    return [row.id for row in rows]


async def pending(tx: Tx, mail_id: str) -> bool:
    """True where a draft of this mail waits for a person or is on its way out."""
    return (await tx.execute(_PENDING, {"of": mail_id})).first() is not None


async def waiting_in(tx: Tx, conversation_id: str) -> list[Draft]:
    return [_draft(row) for row in await tx.execute(_WAITING_IN, {"of": conversation_id})]


async def count_waiting(tx: Tx) -> int:
    count: int = (
        await tx.execute(select(func.count()).select_from(draft).where(draft.c.state == DraftState.WAITING))
    ).scalar_one()
    return count


async def decide(
    tx: Tx,
    draft_id: str,
    target: DraftState,
    *,
    by: str,
    now: datetime,
    reason: str = "",
    overruled: Sequence[str] = (),
    approval_hash: str | None = None,
) -> bool:
    """Take a waiting draft to `target`; False where somebody was first, or the content is not what they saw."""
    values = {
        "of": draft_id,
        "state": target,
        "decided_by": by,
        "decided_at": now,
        "decision_reason": reason[:1000],
        "overruled": list(overruled),
    }
    if approval_hash is None:
        return (await tx.execute(_CHANGE_WAITING, values)).rowcount == 1
    return (await tx.execute(_CHANGE_SEEN, {**values, "seen": approval_hash})).rowcount == 1


async def set_reasons(tx: Tx, draft_id: str, reasons: Sequence[str]) -> None:
    """Say anew why a waiting draft waits."""
    await tx.execute(_CHANGE_WAITING, {"of": draft_id, "reasons": list(reasons)})


async def rejudge(
    tx: Tx, draft_id: str, *, judgement: dict[str, Any], reasons: Sequence[str], policy_version: str, approval_hash: str
) -> None:
    """Put today's judgement in the place of an older one; approvals of the older one do not fit any more."""
    await tx.execute(
        update(draft)
        .where(draft.c.id == draft_id, draft.c.state == DraftState.WAITING)
        .values(judgement=judgement, reasons=list(reasons), policy_version=policy_version, approval_hash=approval_hash)
    )


async def void(tx: Tx, draft_id: str, source: DraftState, *, now: datetime, reason: str) -> bool:
    """Void a draft that left `waiting` already, because the final check stopped it."""
    done = await tx.execute(
        update(draft)
        .where(draft.c.id == draft_id, draft.c.state == source)
        .values(state=DraftState.VOIDED, decided_at=now, decision_reason=reason[:1000])
    )
    return done.rowcount == 1
