"""What became of drafts, by how sure the model's reading was: the score held against outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, true

from agent.states import DraftState
from agent.store.database import Tx
from agent.store.desk_tables import verdict
from agent.store.tables import draft, intent

EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Where the bands of confidence begin."""
MOST_LOOKED_AT = 5_000
"""Drafts, the newest."""
_COUNTED = (DraftState.UNSEEN, DraftState.APPROVED, DraftState.EDITED, DraftState.REJECTED)


@dataclass
class Band:
    """Drafts of the model whose mail was understood with a confidence from `low` on."""

    low: float
    high: float
    right: int = 0
    """Left as they were, and nobody said that they should not have."""
    edited: int = 0
    rejected: int = 0
    wrong: int = 0
    """Left, and should not have been sent."""

    @property
    def total(self) -> int:
        return self.right + self.edited + self.rejected + self.wrong


async def by_confidence(tx: Tx, since: datetime, mailbox: str = "") -> list[Band]:
    """All bands, the surest last; of the newest drafts alone, of one mailbox where it is named."""
    rows = await tx.execute(
        select(draft.c.state, intent.c.data, verdict.c.good)
        .join(intent, intent.c.mail_id == draft.c.mail_id)
        .outerjoin(verdict, verdict.c.draft_id == draft.c.id)
        .where(draft.c.created_at >= since, draft.c.origin == "model", draft.c.state.in_(_COUNTED))
        .where(draft.c.mailbox == mailbox if mailbox else true())
        .order_by(draft.c.created_at.desc())
        .limit(MOST_LOOKED_AT)
    )
    return banded([(DraftState(row.state), float(row.data["confidence"]), row.good) for row in rows])


def banded(found: Sequence[tuple[DraftState, float, int | None]]) -> list[Band]:
    """Count (state, confidence, verdict) into bands."""
    bands = [Band(low, high) for low, high in zip(EDGES, (*EDGES[1:], 1.0), strict=True)]
    for state, confidence, good in found:
        band = next(one for one in reversed(bands) if confidence >= one.low or one.low == 0)
        if state in {DraftState.UNSEEN, DraftState.APPROVED}:
            band.wrong += good == 0
            band.right += good != 0
        elif state is DraftState.EDITED:
            band.edited += 1
        else:
            band.rejected += 1
    return bands
