"""How long what is no longer needed is kept.

Rules:
- Raw bytes go first, and only of mail that is done with; what models were asked and said goes of runs that ended.
- Text, decisions, audit and deliveries stay: they are what a mail's story is told from.
- A little at a time: nobody waits for it.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from agent.parts import Parts
from agent.store import mails, notices, people, reputation, runs, spending

BATCH = 500
SEEN = timedelta(days=90)
"""How long a provider's name for a mail is kept, none tries for as long; and that a notice left."""

log = structlog.get_logger()


async def prune(parts: Parts) -> int:
    """Forget what is past its time; gives how many rows."""
    kept, now = parts.config.retention, parts.now()
    gone = 0
    async with parts.database.write(aside=True) as tx:
        gone += await spending.prune(tx, now)
        gone += await reputation.prune(tx, parts.config.postroom.tenant_id, now)
        gone += await people.prune(tx, now, now - timedelta(days=parts.config.desk.session_days))
        gone += await mails.prune_seen(tx, now - SEEN)
        gone += await notices.prune(tx, now - SEEN)
        if kept.model_calls_days:
            gone += await runs.prune(tx, now - timedelta(days=kept.model_calls_days), BATCH)
        if kept.raw_mail_days:
            gone += await mails.prune_raw(tx, now - timedelta(days=kept.raw_mail_days), BATCH)
    if gone:
        log.info("retention.pruned", rows=gone)
    return gone
