"""A person asks what is known of them, or wants it gone.

Rules:
- What waits for a decision is closed first; what is being worked on, on its way or in doubt is waited for.
- One mail a transaction, with its row in the audit: killed in between, the same command goes on.
- The audit names the person by a keyed digest. Backups, the mail server's logs and the replies in other people's
  mailboxes are not ours to erase; replies in our own Maildir are.
- At the end the database's files are scrubbed: what was erased is not to be found in them either.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from agent.closing import close
from agent.parts import Parts
from agent.states import MailStatus
from agent.store import deliveries, erasure, mails, reputation, runs
from agent.story import Sending, tell
from inbound.addresses import canonical
from outbound.couriers.maildir import take_away

CLOSED_FIRST = (MailStatus.WAITING, MailStatus.PERSON, MailStatus.QUARANTINED)


@dataclass(frozen=True)
class Forgotten:
    mails: int


@dataclass(frozen=True)
class Busy:
    """Nothing was erased: these mails are still on their way through."""

    mails: tuple[tuple[str, MailStatus], ...]


async def forget(parts: Parts, address: str, *, by: str, rewrite: bool = False) -> Forgotten | Busy:
    """Erase a person's data; `rewrite` PostgreSQL's files as well.

    Raises ValueError for what is no address: a mail of nobody is nobody's to erase.
    """
    person = _person(address)
    async with parts.database.read() as tx:
        found = await erasure.mails_of(tx, person)
    busy = tuple(one for one in found if one[1] in erasure.BUSY)
    if busy:
        return Busy(busy)
    for mail_id, status in found:
        if status in CLOSED_FIRST:
            await close(parts, mail_id, by=by, reason="the author wants to be forgotten")
        await _forget(parts, mail_id, person, by)
    async with parts.database.write() as tx:
        await erasure.erase_spending(tx, person)
        await reputation.erase(tx, person)
        await erasure.erase_suppression(tx, parts.config.postroom.tenant_id, person)
    await parts.database.scrub(rewrite=rewrite)
    return Forgotten(len(found))


def _person(address: str) -> str:
    person = canonical(address.strip())
    if person is None:
        raise ValueError(f"{address.strip()[:100]!r} is not a plain address like ann@example.com")
    return person


async def _forget(parts: Parts, mail_id: str, person: str, by: str) -> None:
    if parts.config.courier.kind == "maildir":  # first: killed in between, the same command finds them again
        async with parts.database.read() as tx:
            written = [one.message_id for one in await deliveries.of_mail(tx, mail_id)]
        await asyncio.to_thread(take_away, parts.config.courier.path, written)
    async with parts.database.write(aside=True) as tx:
        mail = await mails.locked(tx, mail_id)
        if mail is None or mail.status in erasure.BUSY:
            return  # begun again meanwhile; the next time finds it
        await erasure.erase(tx, mail)
        chain = mail.conversation_id or mail.id
        data = {"person": parts.audit.digest(person)}
        await parts.audit.add(tx, chain, "forgotten", actor=by, now=parts.now(), mail_id=mail.id, data=data)


async def export(parts: Parts, address: str) -> AsyncIterator[dict[str, Any]]:
    """All that is known of a person, a mail at a time, as JSON has it. Raises ValueError for what is no address."""
    person = _person(address)
    async with parts.database.read() as tx:
        found = await erasure.mails_of(tx, person)
    for mail_id, _ in found:
        async with parts.database.read() as tx:
            story = await tell(tx, parts.audit, mail_id)
            raw = await mails.raw(tx, mail_id)
            exchanges = await runs.exchanges(tx, mail_id)
        if story is None:
            continue
        yield {
            "id": mail_id,
            "received": story.mail.received_at.isoformat(),
            "mailboxes": story.mailboxes,
            "status": story.mail.status.value,
            "envelope": story.mail.envelope,
            "author": story.mail.author,
            "subject": story.mail.subject,
            "read": story.email.model_dump(mode="json") if story.email else None,
            "authentication": story.auth.model_dump(mode="json") if story.auth else None,
            "intent": story.intent.model_dump(mode="json") if story.intent else None,
            "drafts": [
                one.proposal.model_dump(mode="json")
                | {"state": one.state.value, **({"added": one.added.model_dump(mode="json")} if one.added else {})}
                for one in story.drafts
            ],
            "replies": [_reply(one) for one in story.sendings],
            "model": [{"asked": one.request, "answered": one.answer.model_dump(mode="json")} for one in exchanges],
            "tools": [
                {"tool": call.name, "arguments": call.arguments, "answer": call.output}
                for _, calls in story.runs
                for call in calls
            ],
            "audit": [
                {
                    "at": one.at.isoformat(),
                    "event": one.event,
                    "actor": one.actor,
                    "reason": story.reasons.get((one.chain, one.n), ""),
                }
                for one in story.entries
            ],
            "raw": None if raw is None else _text(raw),
        }


def _reply(one: Sending) -> dict[str, str]:
    sent = one.delivery
    return {"to": sent.recipient, "state": sent.state.value, "raw": _text(sent.email["raw"])}


def _text(data: bytes) -> str:
    """Base64: mail may hold any byte."""
    return base64.b64encode(data).decode()
