"""Spam and phishing, before a model is paid for them: asked about, put aside, brought back by a person.

Rules:
- What is spam by anybody whose word counts is closed with the tag `spam`, and belongs to no conversation: it voids
  nothing. No model is asked, no draft is made. It is kept and listed like any other mail.
- "Not spam" begins the mail again, and what a person began again is not asked about twice.
- A Rspamd that gives no answer is waited for; after that the mail is a person's, or gets a draft that always waits, as
  the operator chose. Nothing is lost and nothing goes unseen because a filter was away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from agent.parts import Parts
from agent.spam import TAG
from agent.states import MailStatus
from agent.store import handlings, jobs, locks, mails, trail
from agent.store.database import Tx
from agent.store.jobs import Job
from agent.store.mails import Description, Mail
from inbound import spam
from inbound.aside import aside
from inbound.contracts import Envelope, SpamVerdict, SpamWord

PAUSE = timedelta(minutes=1)
"""Between two questions about the same mail."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Later:
    """Rspamd gave no answer; it is asked again."""

    at: datetime
    reason: str


async def look(parts: Parts, mail: Mail, data: bytes) -> SpamVerdict | Later:
    """What is known of this mail's spamminess; `unknown` where nobody is configured to know."""
    settings, envelope = parts.config.spam, Envelope.model_validate(mail.envelope)
    fields = await aside(len(data), spam.from_headers, data, envelope, settings, parts.config.identity)
    words = [*envelope.spam, *fields]
    early = spam.verdict(words, settings)
    asked = None if early.level == "spam" else await parts.rspamd.ask(data, envelope)
    unasked = asked if isinstance(asked, spam.Unasked) else None
    if isinstance(asked, SpamWord):
        words.append(asked)
    found = spam.verdict(words, settings, unasked)
    if unasked is None and found.level != "spam":
        return found
    async with parts.database.read() as tx:
        begun_again = any(entry.event == "begun_again" for entry in await trail.of_mail(tx, mail.id))
    if begun_again:  # whatever it is, a person wants it worked on
        return found.model_copy(update={"level": "doubtful", "unasked": ""})
    now = parts.now()
    if unasked is not None and now < mail.received_at + timedelta(minutes=settings.patience_minutes):
        log.warning("spam.unasked", mail=mail.id, reason=unasked.reason)
        return Later(now + PAUSE, unasked.reason)
    return found


def is_for_a_person(parts: Parts, found: SpamVerdict) -> bool:
    """True where Rspamd stayed away and the operator wants no model asked then; a person's word goes before that."""
    return bool(found.unasked) and found.level == "doubtful" and parts.config.spam.when_away == "person"


async def put_aside(parts: Parts, tx: Tx, held: Job, mail: Mail, facts: Description, found: SpamVerdict) -> None:
    """Close it as spam, or hand it to a person where nobody could say."""
    await locks.mail(tx, mail.id)
    await jobs.end(tx, held)
    await mails.describe(tx, mail.id, facts, None)
    if found.level == "spam":
        await mails.move(tx, mail.id, MailStatus.PERSON, found.why)
        await mails.move(tx, mail.id, MailStatus.CLOSED, f"spam: {found.why}")
        await handlings.tag(parts.database, tx, mail.id, TAG)
    else:
        await mails.move(tx, mail.id, MailStatus.PERSON, f"nobody could say whether it is spam: {found.unasked}")
