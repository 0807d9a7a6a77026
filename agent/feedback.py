"""What became of a mail that we sent, and what follows for its recipient.

Rules:
- The address is the one that our own mail went to, never the one that a report names.
- A bounce counts where it came to the return path that we signed, or where a provider proved that it posted it: who
  merely saw one of our Message-IDs can report nothing.
- A complaint counts by the Message-ID as well: it makes us quiet towards one address, which is what was asked for.
- A complaint or a bounce for good that is proven counts for the breaker, once for each delivery.
- For good: suppressed at once. For now: suppressed after so many within so long.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from agent.parts import Parts
from agent.store import reputation, suppression
from agent.store.database import Tx
from agent.store.deliveries import Delivery
from inbound.contracts import DeliveryEvent


async def heard(
    parts: Parts, tx: Tx, event: DeliveryEvent, sent: Delivery, *, proven: bool, chain: str, mail_id: str, now: datetime
) -> bool:
    """Act on a report about `sent`, with its audit entry in `chain`; True where the address is suppressed by it.

    `proven`: it came from where only who carried the mail can report.
    """
    reason = _reason(event, proven=proven)
    if reason is None:
        return False
    tenant, detail = parts.config.postroom.tenant_id, f"{event.status} {event.diagnostic}".strip()
    if proven and reason != "soft":
        kind = "complained" if reason == "complaint" else "bounced"
        await reputation.note(parts.database, tx, tenant, sent.id, kind, now)
    if reason == "soft":
        settings = parts.config.suppression
        stopped = await suppression.soft(
            parts.database,
            tx,
            tenant,
            sent.recipient,
            detail=detail,
            by="report",
            now=now,
            limit=settings.soft_bounces,
            window=timedelta(days=settings.soft_days),
        )
    else:
        stopped = await suppression.put(
            parts.database, tx, tenant, sent.recipient, reason=reason, detail=detail, by="report", now=now
        )
    if stopped:
        data = {"delivery": sent.id, "reason": reason, "recipient": parts.audit.digest(sent.recipient)}
        await parts.audit.add(tx, chain, "suppressed", actor="report", now=now, mail_id=mail_id, data=data)
    return stopped


def _reason(event: DeliveryEvent, *, proven: bool) -> str | None:
    if event.kind == "complained":
        return "complaint"
    if event.kind == "bounced" and proven:
        return "hard" if event.permanent else "soft"
    return None
