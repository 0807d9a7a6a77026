"""What became of a mail that we sent, and what follows for its recipient.

Rules:
- The address is the one that our own mail went to, never the one that a report names. Where our mail went to several,
  the report has to name one of them; else nobody is meant.
- A bounce counts where it came to the return path that we signed, or where a provider proved that it posted it: who
  merely saw one of our Message-IDs can report nothing.
- A complaint counts by the Message-ID as well: it makes us quiet towards one address, which is what was asked for.
- A complaint or a bounce for good that is proven counts for the breaker, once for each delivery.
- For good: suppressed at once. For now: suppressed after so many within so long.
- Where a server says at RCPT that nobody is there, it is as good as a bounce for good: suppressed at once. It does not
  count for the breaker: what was refused has not left.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from agent.parts import Parts
from agent.store import deliveries, reputation, suppression
from agent.store.database import Tx
from agent.store.deliveries import Delivery
from inbound.addresses import canonical
from inbound.contracts import DeliveryEvent
from outbound import tokens
from outbound.contracts import Unserved


def returned(parts: Parts, recipients: Sequence[str]) -> str:
    """The id of our send whose signed return path is among the recipients; empty where none is."""
    return next((found for one in recipients if (found := tokens.read_verp(parts.keys.token, one))), "")


async def send_of(parts: Parts, tx: Tx, event: DeliveryEvent, by_path: str) -> str | None:
    """The send that an event is about: by our signed return path or our signed Message-ID, else none."""
    if by_path and await deliveries.get(tx, by_path):
        return by_path
    if event.original_message_id and tokens.is_ours(parts.keys.token, event.original_message_id):
        sent = await deliveries.by_message_id(tx, [event.original_message_id])
        return sent.id if sent else None
    return None


async def heard(
    parts: Parts, tx: Tx, event: DeliveryEvent, sent: Delivery, *, proven: bool, chain: str, mail_id: str, now: datetime
) -> bool:
    """Act on a report about `sent`, with its audit entry in `chain`; True where the address is suppressed by it.

    `proven`: it came from where only who carried the mail can report.
    """
    reason, address = _reason(event, proven=proven), about(event, sent)
    if reason is None or not address:
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
            address,
            detail=detail,
            by="report",
            now=now,
            limit=settings.soft_bounces,
            window=timedelta(days=settings.soft_days),
        )
    else:
        stopped = await suppression.put(
            parts.database, tx, tenant, address, reason=reason, detail=detail, by="report", now=now
        )
    if stopped:
        data = {"delivery": sent.id, "reason": reason, "recipient": parts.audit.digest(address)}
        await parts.audit.add(tx, chain, "suppressed", actor="report", now=now, mail_id=mail_id, data=data)
    return stopped


def about(event: DeliveryEvent, sent: Delivery) -> str:
    """Whom of those that our mail went to a report is about; empty where it does not say."""
    if len(sent.recipients) == 1:
        return sent.recipient
    named = canonical(event.recipient) or ""
    return next((one for one in sent.recipients if one.lower() == named.lower()), "")


async def refused(parts: Parts, tx: Tx, sent: Delivery, unserved: Sequence[Unserved], *, now: datetime) -> None:
    """Act on what a server said of the recipients of `sent` before it took the mail."""
    tenant = parts.config.postroom.tenant_id
    for one in unserved:
        if not one.nobody:
            continue
        stopped = await suppression.put(
            parts.database, tx, tenant, one.address, reason="hard", detail=one.reason, by="courier", now=now
        )
        if stopped:
            data = {"delivery": sent.id, "reason": "hard", "recipient": parts.audit.digest(one.address)}
            await parts.audit.add(
                tx, sent.conversation_id, "suppressed", actor="courier", now=now, mail_id=sent.mail_id, data=data
            )


def _reason(event: DeliveryEvent, *, proven: bool) -> str | None:
    if event.kind == "complained":
        return "complaint"
    if event.kind == "bounced" and proven:
        return "hard" if event.permanent else "soft"
    return None
