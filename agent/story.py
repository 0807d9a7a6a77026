"""The whole story of one mail, from the database alone.

What `postroom explain` prints and the desk shows: who sent it and what proves that, what it wants, what was proposed,
which rules spoke, who decided, what left, whether the audit's chain still holds, and whether the stored words and bytes
are still those that it speaks of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from agent.audit import Audit
from agent.evidence import Reasons, differences
from agent.store import deliveries, drafts, jobs, mails, runs, trail
from agent.store.database import Tx
from agent.store.deliveries import Attempt, Delivery
from agent.store.drafts import Draft
from agent.store.mails import Mail
from agent.store.runs import Run, ToolCall
from agent.store.trail import Entry
from inbound.contracts import AuthResults, InboundEmailIntent, NormalizedEmail, Screening


@dataclass(frozen=True)
class Sending:
    delivery: Delivery
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Story:
    mail: Mail
    mailboxes: tuple[str, ...]
    email: NormalizedEmail | None
    """None where the mail is quarantined or not read yet."""
    auth: AuthResults | None
    screening: Screening | None
    intent: InboundEmailIntent | None
    runs: tuple[tuple[Run, tuple[ToolCall, ...]], ...]
    drafts: tuple[Draft, ...]
    sendings: tuple[Sending, ...]
    entries: tuple[Entry, ...]
    """Audit rows of this mail, oldest first."""
    reasons: Reasons
    """What was given as the reason of those rows."""
    put_off: tuple[tuple[datetime, str], ...]
    """When reading or answering it is tried again, and what was wrong."""
    broken: str
    """What is wrong with the audit's chain, or with what it is about; empty where all of it holds."""

    @property
    def waiting(self) -> Draft | None:
        """The draft that waits for a decision."""
        return next((draft for draft in self.drafts if draft.state.value == "waiting"), None)


async def tell(tx: Tx, audit: Audit, mail_id: str) -> Story | None:
    """Gather the story; None for an unknown id. Ids of drafts, runs and deliveries lead to their mail."""
    mail = await _mail_of(tx, mail_id)
    if mail is None:
        return None
    found = await runs.of_mail(tx, mail.id)
    entries = await trail.of_mail(tx, mail.id)
    chains = {entry.chain for entry in entries}
    broken = [problem for chain in sorted(chains) if (problem := audit.verify(await trail.chain_of(tx, chain)))]
    written = await drafts.of_mail(tx, mail.id)
    sent = await deliveries.of_mail(tx, mail.id)
    reasons = await trail.words_of(tx, mail.id)
    raw = await mails.raw(tx, mail.id)
    broken += differences(audit, entries, mail=mail, raw=raw, drafts=written, deliveries=sent, reasons=reasons)
    if not entries and mail.status.value != "received":
        broken.append("the audit has no row of this mail")
    return Story(
        mail=mail,
        mailboxes=tuple(await mails.routes(tx, mail.id)),
        email=NormalizedEmail.model_validate(mail.normalized) if mail.normalized else None,
        auth=AuthResults.model_validate(mail.auth) if mail.auth else None,
        screening=Screening.model_validate(mail.screening) if mail.screening else None,
        intent=await mails.get_intent(tx, mail.id),
        runs=tuple([(run, tuple(await runs.calls(tx, run.id))) for run in found]),
        drafts=tuple(written),
        sendings=tuple([Sending(one, tuple(await deliveries.attempts(tx, one.id))) for one in sent]),
        entries=tuple(entries),
        reasons=reasons,
        put_off=tuple(await jobs.put_off(tx, [mail.id, *(run.id for run in found)])),
        broken="; ".join(broken),
    )


async def _mail_of(tx: Tx, any_id: str) -> Mail | None:
    """The mail with this id, or the one that a draft, run or delivery of this id belongs to."""
    mail = await mails.get(tx, any_id)
    if mail is not None:
        return mail
    owner = await drafts.get(tx, any_id) or await runs.get(tx, any_id) or await deliveries.get(tx, any_id)
    return await mails.get(tx, owner.mail_id) if owner else None
