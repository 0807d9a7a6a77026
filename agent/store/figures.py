"""Numbers over days: what came, what became of it, how long it took, how much was edited, what models cost.

Rules:
- Counted from rows that are there; nothing is kept twice.
- A question covers a bounded time and reads indexes by time; days are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select

from agent.states import DraftState, MailStatus, OutboxState
from agent.store.database import Tx
from agent.store.tables import draft, mail, model_call, outbox

MOST_DAYS = 92
DAY = timedelta(days=1)


@dataclass
class Day:
    """One UTC day."""

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


async def of_day(tx: Tx, begins: datetime) -> Day:
    found, ends = Day(begins), begins + DAY
    within = (mail.c.received_at >= begins) & (mail.c.received_at < ends)
    found.received = (await tx.execute(select(func.count()).select_from(mail).where(within))).scalar_one()
    for state, name in _DECIDED.items():
        in_time = (draft.c.created_at >= begins) & (draft.c.created_at < ends)
        query = select(func.count()).select_from(draft).where(draft.c.state == state, in_time)
        setattr(found, name, (await tx.execute(query)).scalar_one())
    at = (model_call.c.at >= begins) & (model_call.c.at < ends)
    tokens = select(
        func.coalesce(func.sum(model_call.c.input_tokens), 0), func.coalesce(func.sum(model_call.c.output_tokens), 0)
    ).where(at)
    row = (await tx.execute(tokens)).one()
    found.input_tokens, found.output_tokens = int(row[0]), int(row[1])
    sent = (
        select(mail.c.received_at, outbox.c.updated_at)
        .join(mail, mail.c.id == outbox.c.mail_id)
        .where(outbox.c.state == OutboxState.SENT, outbox.c.updated_at >= begins, outbox.c.updated_at < ends)
        .limit(MOST_SENT)
    )
    found.seconds = [(one.updated_at - one.received_at).total_seconds() for one in await tx.execute(sent)]
    return found


async def days(tx: Tx, *, now: datetime, count: int) -> list[Day]:
    """The last `count` days, today included, oldest first."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return [await of_day(tx, today - DAY * back) for back in reversed(range(min(count, MOST_DAYS)))]


async def standing(tx: Tx) -> dict[MailStatus, int]:
    """How many mails people are waited for, by state."""
    wanted = (MailStatus.WAITING, MailStatus.PERSON, MailStatus.IN_DOUBT, MailStatus.QUARANTINED)
    found = {}
    for status in wanted:
        query = select(func.count()).select_from(mail).where(mail.c.status == status)
        found[status] = (await tx.execute(query)).scalar_one()
    return found


async def last_received(tx: Tx) -> datetime | None:
    """When the newest mail came, by whatever door."""
    newest = select(mail.c.received_at).order_by(mail.c.received_at.desc()).limit(1)
    return (await tx.execute(newest)).scalar_one_or_none()
