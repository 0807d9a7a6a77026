"""Mail that starts no run: reports and automatic mail, and lists that ask nothing known.

Rules:
- Automatic mail is recorded and never answered; what it reports is matched to our sends.
- A newsletter or a notification belongs to no conversation and voids nothing. The operator's triage rules hold for it
  as for any other mail: an invoice of a machine can be forwarded. Where none deals with it, it is recorded.
- What the model was asked about it counts in the budgets like every other question.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from agent import breaker, canary, feedback, sorting
from agent.arrival import Read, audit_arrival, description
from agent.budget import spend
from agent.extract import Extraction
from agent.parts import Parts
from agent.states import MailStatus
from agent.store import deliveries, jobs, locks, mails, runs, trail
from agent.store.database import Tx
from agent.store.jobs import Job
from inbound.contracts import Kind

BULK = "list or notification mail that asks nothing we know"

log = structlog.get_logger()


async def record(parts: Parts, held: Job, read: Read, found: Extraction | None = None) -> None:
    """Keep a mail without a run: a report, or `found`, a list's mail that was read and asks nothing known."""
    now = parts.now()
    async with parts.database.write() as tx:
        await locks.mail(tx, read.mail.id)
        await jobs.end(tx, held)
        await mails.describe(tx, read.mail.id, description(read), None)
        await (_automatic(parts, tx, read, now) if found is None else _of_a_list(parts, tx, read, found, now))
    if read.screening.events:
        await breaker.look(parts)
    log.info("mail.recorded", mail=read.mail.id, kind=read.screening.kind)


async def _of_a_list(parts: Parts, tx: Tx, read: Read, found: Extraction, now: datetime) -> None:
    mail, begun_again = read.mail, any(one.event == "begun_again" for one in await trail.of_mail(tx, read.mail.id))
    await audit_arrival(parts, tx, mail.id, mail)
    await understood(parts, tx, read, found, mail.id, now)
    asked = sorting.seen(mail, read.email, found.intent, proven=read.auth.author is not None)
    if not begun_again and await sorting.sort(
        parts, tx, mail, asked, found.suggested, conversation_id=mail.id, now=now
    ):
        return
    # Whoever began it again looks at it; a rule would only put it away once more.
    status = MailStatus.PERSON if begun_again else MailStatus.RECORDED
    await mails.move(tx, mail.id, status, f"{BULK}: {'; '.join(read.screening.evidence)}")
    await _told(parts, tx, read, now, person=begun_again)


async def understood(parts: Parts, tx: Tx, read: Read, found: Extraction, chain: str, now: datetime) -> None:
    """Store what a model made of the mail, what it was asked, and what that cost."""
    await mails.put_intent(
        parts.database,
        tx,
        read.mail.id,
        found.intent,
        model=found.answer.model,
        prompt_version=found.request.prompt_version,
        now=now,
    )
    await runs.put_exchange(tx, mail_id=read.mail.id, run_id=None, request=found.request, answer=found.answer, now=now)
    await charge(parts, tx, read, found, now)
    data = {
        "intent": found.intent.intent,
        "confidence": found.intent.confidence,
        # What a model says beyond our codes is its own words, and maybe the mail's.
        "risks": sorted({risk if not risk.startswith("model:") else "model" for risk in found.intent.risks}),
        "authenticated": read.auth.method,
    }
    await parts.audit.add(tx, chain, "understood", actor=found.answer.model, now=now, mail_id=read.mail.id, data=data)


async def charge(parts: Parts, tx: Tx, read: Read, found: Extraction, now: datetime) -> None:
    """Count what the question cost, whatever becomes of the mail."""
    await spend(parts.database, tx, read.mail.id, read.author, read.mail.mailbox, found.answer.usage, now=now)


async def _automatic(parts: Parts, tx: Tx, read: Read, now: datetime) -> None:
    """Match what it reports to our sends.

    A person's mail to a return path alone (some programs answer there) is for a person: it is no conversation's.
    """
    reason = "; ".join(read.screening.evidence) or "addressed to a return path of ours"
    personal = read.screening.kind is Kind.PERSONAL
    await mails.move(tx, read.mail.id, MailStatus.PERSON if personal else MailStatus.RECORDED, reason)
    matched = [
        (event.model_dump(mode="json"), await feedback.send_of(parts, tx, event, read.returned))
        for event in read.screening.events
    ]
    await mails.put_events(tx, read.mail.id, matched, now)
    for event, (_, named) in zip(read.screening.events, matched, strict=True):
        sent = await deliveries.get(tx, named) if named else None
        if sent is not None:
            by_path = event.token == sent.id
            await feedback.heard(
                parts, tx, event, sent, proven=by_path, chain=read.mail.id, mail_id=read.mail.id, now=now
            )
    if read.screening.kind is Kind.OWN:
        await canary.heard(parts, tx, read.email.message_id, read.mail.envelope["door"], now)
    await audit_arrival(parts, tx, read.mail.id, read.mail)
    await _told(parts, tx, read, now, person=personal, sends=[outbox_id for _, outbox_id in matched])


async def _told(
    parts: Parts, tx: Tx, read: Read, now: datetime, *, person: bool, sends: Sequence[str | None] = ()
) -> None:
    """Say in the audit that it starts nothing."""
    event = "for_a_person" if person else "recorded"
    data = {"kind": read.screening.kind, "sends": list(sends)}
    await parts.audit.add(tx, read.mail.id, event, actor="postroom", now=now, mail_id=read.mail.id, data=data)
