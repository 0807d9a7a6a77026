"""The hand on the switch: pause and resume, for one mailbox or for all; and the way out of doubt.

Rules:
- A pause is seen before the next attempt of every process, and by a mail that is connected already before its DATA;
  nothing that is due is lost by it.
- What is in doubt is resolved by a person alone, once.
"""

from __future__ import annotations

from typing import Literal

from agent.approval import Decided, NotDecided
from agent.audit import SYSTEM
from agent.finalcheck import final_check
from agent.parts import Parts
from agent.states import JobKind, MailStatus, OutboxState
from agent.store import deliveries, jobs, locks, mails, pauses
from agent.store.database import Database
from outbound.contracts import ApprovedEmail, Refused, Switch


async def pause(parts: Parts, mailbox: str, *, by: str) -> bool:
    """Stop every send of `mailbox`, or of all when it is empty; False where it was paused already."""
    now = parts.now()
    scope = mailbox or pauses.EVERYWHERE
    async with parts.database.write() as tx:
        await locks.switch(tx, turning=True)
        fresh = await pauses.put(parts.database, tx, scope, by=by, now=now)
        if fresh:
            await parts.audit.add(tx, SYSTEM, "paused", actor=by, now=now, data={"scope": scope})
    return fresh


async def resume(parts: Parts, mailbox: str, *, by: str) -> bool:
    """Let sending go on; False where it was not paused."""
    now = parts.now()
    scope = mailbox or pauses.EVERYWHERE
    async with parts.database.write() as tx:
        await locks.switch(tx, turning=True)
        lifted = await pauses.lift(tx, scope)
        if lifted:
            await parts.audit.add(tx, SYSTEM, "resumed", actor=by, now=now, data={"scope": scope})
    parts.wake.set(JobKind.DELIVER)
    return lifted


def asked_before_data(database: Database) -> Switch:
    """What a courier asks right before the mail itself; a pause stops replies, not notices."""

    async def held(email: ApprovedEmail) -> str:
        if email.way == "notice":
            return ""
        async with database.read() as tx:
            paused = await pauses.covering(tx, email.sender)
        return "" if paused is None else f"paused by {paused.by}"

    return held


async def resolve(parts: Parts, any_id: str, outcome: Literal["sent", "resend"], *, by: str) -> Decided | NotDecided:
    """Say what became of a delivery in doubt: it arrived, or it shall be tried again. By id of delivery or mail."""
    now = parts.now()
    async with parts.database.write() as tx:
        doubtful = [one.id for one in await deliveries.of_mail(tx, any_id) if one.state is OutboxState.IN_DOUBT]
        delivery = await deliveries.locked(tx, next(iter(doubtful), any_id))
        if delivery is None:
            return NotDecided(f"there is no delivery in doubt with the id {any_id}")
        if outcome == "resend" and delivery.state is OutboxState.IN_DOUBT:
            checked = await final_check(parts, tx, delivery, now)
            if isinstance(checked, Refused):
                return NotDecided(f"it cannot be sent again: {checked.reason}; answer the mail by hand")
        target = OutboxState.SENT if outcome == "sent" else OutboxState.QUEUED
        if not await deliveries.move(
            tx, delivery.id, [OutboxState.IN_DOUBT], target, now=now, detail=f"resolved by {by}: {outcome}"
        ):
            return NotDecided(f"this delivery is {delivery.state.value}, not in doubt", taken=True)
        if outcome == "sent":
            await mails.move(tx, delivery.mail_id, MailStatus.ANSWERED, f"{by} found that it arrived")
        else:
            await jobs.schedule(parts.database, tx, JobKind.DELIVER, delivery.id, due_at=now, now=now)
            await mails.move(tx, delivery.mail_id, MailStatus.SENDING, f"{by} had it sent again")
        await parts.audit.add(
            tx,
            delivery.conversation_id,
            "resolved",
            actor=by,
            now=now,
            mail_id=delivery.mail_id,
            data={"delivery": delivery.id, "outcome": outcome},
        )
    parts.wake.set(JobKind.DELIVER)
    return Decided(delivery.draft_id)
