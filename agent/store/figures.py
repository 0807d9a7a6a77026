"""Numbers over days: what came, what became of it, how long it took, how much was edited, what models cost.

Rules:
- Counted from rows that are there; nothing is kept twice.
- A question covers a bounded time and reads indexes by time; days are UTC.
- Of one mailbox where it is named, of all where it is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, func, select, true

from agent.states import DraftState, MailStatus, OutboxState
from agent.store.database import Tx
from agent.store.tables import draft, mail, model_call, outbox

MOST_DAYS = 92
DAY = timedelta(days=1)


@dataclass
class Day:
    """One UTC day, or several together."""

    begins: datetime
    received: int = 0
    unseen: int = 0
    """Replies that the gate let go."""
    approved: int = 0
    edited: int = 0
    rejected: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: list[float] = field(default_factory=list)
    """From a mail to its reply's last change, of replies that were sent on this day."""

    @property
    def median_minutes(self) -> float | None:
        """To the first answer; None where none was sent."""
        if not self.seconds:
            return None
        return sorted(self.seconds)[len(self.seconds) // 2] / 60

    @property
    def edit_rate(self) -> float | None:
        """Of drafts that people decided on, the part that they wrote anew."""
        decided = self.approved + self.edited + self.rejected
        return self.edited / decided if decided else None


_DECIDED = {
    DraftState.UNSEEN: "unseen",
    DraftState.APPROVED: "approved",
    DraftState.EDITED: "edited",
    DraftState.REJECTED: "rejected",
}
MOST_SENT = 20_000
"""Sends of one day whose time is looked at."""


def _of(column: Column[str], mailbox: str) -> ColumnElement[bool]:
    return column == mailbox if mailbox else true()


async def of_days(tx: Tx, begins: datetime, count: int = 1, *, mailbox: str = "") -> Day:
    """What happened in so many days from this one on, together."""
    found, ends = Day(begins), begins + DAY * count
    within = (mail.c.received_at >= begins) & (mail.c.received_at < ends) & _of(mail.c.mailbox, mailbox)
    found.received = (await tx.execute(select(func.count()).select_from(mail).where(within))).scalar_one()
    for state, name in _DECIDED.items():
        in_time = (draft.c.created_at >= begins) & (draft.c.created_at < ends) & _of(draft.c.mailbox, mailbox)
        query = select(func.count()).select_from(draft).where(draft.c.state == state, in_time)
        setattr(found, name, (await tx.execute(query)).scalar_one())
    at = (model_call.c.at >= begins) & (model_call.c.at < ends)
    tokens = select(
        func.coalesce(func.sum(model_call.c.input_tokens), 0), func.coalesce(func.sum(model_call.c.output_tokens), 0)
    ).where(at)
    if mailbox:
        tokens = tokens.join_from(model_call, mail, mail.c.id == model_call.c.mail_id).where(mail.c.mailbox == mailbox)
    row = (await tx.execute(tokens)).one()
    found.input_tokens, found.output_tokens = int(row[0]), int(row[1])
    sent = (
        select(mail.c.received_at, outbox.c.updated_at)
        .join(mail, mail.c.id == outbox.c.mail_id)
        .where(outbox.c.state == OutboxState.SENT, outbox.c.updated_at >= begins, outbox.c.updated_at < ends)
        .where(_of(outbox.c.mailbox, mailbox))
        .limit(MOST_SENT * count)
    )
    found.seconds = [(one.updated_at - one.received_at).total_seconds() for one in await tx.execute(sent)]
    return found


async def days(tx: Tx, *, now: datetime, count: int, mailbox: str = "") -> list[Day]:
    """The last `count` days, today included, oldest first."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    past = reversed(range(min(count, MOST_DAYS)))
    return [await of_days(tx, today - DAY * back, mailbox=mailbox) for back in past]


async def standing(tx: Tx, mailbox: str = "") -> dict[MailStatus, int]:
    """How many mails people are waited for, by state."""
    wanted = (MailStatus.WAITING, MailStatus.PERSON, MailStatus.IN_DOUBT, MailStatus.QUARANTINED)
    found = {}
    for status in wanted:
        query = select(func.count()).select_from(mail).where(mail.c.status == status, _of(mail.c.mailbox, mailbox))
        found[status] = (await tx.execute(query)).scalar_one()
    return found


async def last_received(tx: Tx, mailbox: str = "") -> datetime | None:
    """When the newest mail came, by whatever door."""
    newest = select(mail.c.received_at).where(_of(mail.c.mailbox, mailbox)).order_by(mail.c.received_at.desc()).limit(1)
    return (await tx.execute(newest)).scalar_one_or_none()
