"""How long a mail waits for a model that gives no answer: four hours, once.

Rules:
- Counted from the first question in vain, not from the mail's arrival: a night's backlog is not lost to one hiccup.
- A turn of a run counts from when the run last went on; reading a mail, from a row of its audit.
- A mail that is begun again waits anew.
- When it is over a person answers, and nothing is asked again by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from agent.parts import Parts
from agent.store import trail
from agent.store.database import Tx
from agent.store.trail import Entry

MODEL_PATIENCE = timedelta(hours=4)
MODEL_PAUSE = timedelta(minutes=1)
"""Between two questions, where the server does not want more."""
AWAY = "model_away"
BEGINNINGS = {"begun_again", "understood"}


async def is_over(parts: Parts, tx: Tx, mail_id: str, now: datetime) -> bool:
    """Whether the model was away for too long while this mail was read; the first time is noted in the audit."""
    since = _since(await trail.of_mail(tx, mail_id))
    if since is None:
        await parts.audit.add(tx, mail_id, AWAY, actor=parts.model.name, now=now, mail_id=mail_id)
    return since is not None and now - since >= MODEL_PATIENCE


def _since(entries: list[Entry]) -> datetime | None:
    begun = max((entry.at for entry in entries if entry.event in BEGINNINGS), default=None)
    away = [entry.at for entry in entries if entry.event == AWAY and (begun is None or entry.at >= begun)]
    return min(away, default=None)
