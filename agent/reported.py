"""What providers report about replies that left: matched to a send by its Message-ID or return path, else to nothing.

Rules:
- An event proves nothing by itself: one that names no Message-ID and no return path that we signed changes nothing.
- It is written into the audit of the conversation, once for each kind, and suppresses the recipient of that reply
  where it bounced or complained; nothing is sent because of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from agent import breaker, feedback
from agent.parts import Parts
from agent.store import deliveries, locks, trail
from agent.store.database import Tx
from agent.store.deliveries import Delivery
from inbound.contracts import DeliveryEvent
from outbound import tokens

log = structlog.get_logger()


async def reported(parts: Parts, events: Sequence[DeliveryEvent]) -> None:
    """Note events. One that is not about a reply of ours is left out."""
    for event in events:
        if _names_ours(parts, event):
            await _note(parts, event)
        else:
            log.info("report.not_ours", kind=event.kind)
    await breaker.look(parts)


def _names_ours(parts: Parts, event: DeliveryEvent) -> bool:
    key = parts.keys.token
    return tokens.read_verp(key, event.return_path) is not None or tokens.is_ours(key, event.original_message_id)


async def _sent(parts: Parts, tx: Tx, event: DeliveryEvent) -> Delivery | None:
    if named := tokens.read_verp(parts.keys.token, event.return_path):
        return await deliveries.get(tx, named)
    return await deliveries.by_message_id(tx, [event.original_message_id])


async def _note(parts: Parts, event: DeliveryEvent) -> None:
    async with parts.database.write() as tx:
        sent = await _sent(parts, tx, event)
        if sent is None:
            return
        await locks.conversation(tx, sent.conversation_id)
        name = f"reported_{event.kind}"
        known = {"delivery": sent.id}
        if len(sent.recipients) > 1:
            known["recipient"] = parts.audit.digest(feedback.about(event, sent))
        noted = [one.data for one in await trail.of_mail(tx, sent.mail_id) if one.event == name]
        if any(known.items() <= data.items() for data in noted):
            return
        data = {**known, "permanent": event.permanent, "status": event.status}
        await feedback.heard(
            parts,
            tx,
            event,
            sent,
            proven=True,
            chain=sent.conversation_id,
            mail_id=sent.mail_id,
            now=parts.now(),
        )
        await parts.audit.add(
            tx, sent.conversation_id, name, actor="provider", now=parts.now(), mail_id=sent.mail_id, data=data
        )
    log.info("report.noted", kind=event.kind, delivery=sent.id)
