"""One mail that could be read, with all that code found out about it: for the model, for the store, for the audit."""

from __future__ import annotations

from dataclasses import dataclass

from agent import suspicions
from agent.models.base import MailView
from agent.parts import Parts
from agent.prompt import TEXT_LIMIT
from agent.store import trail
from agent.store.database import Tx
from agent.store.mails import Description, Mail
from inbound import spam
from inbound.contracts import AuthResults, NormalizedEmail, Screening


@dataclass(frozen=True)
class Read:
    """A mail that could be read, with all that code found out about it."""

    mail: Mail
    email: NormalizedEmail
    auth: AuthResults
    screening: Screening
    returned: str = ""
    """Our send whose return path it came to."""
    away: str = ""
    """Why it is a person's before any model is asked."""

    @property
    def risks(self) -> tuple[str, ...]:
        """What code found, in the mail itself and by filters."""
        return (*suspicions.risks(self.email), *spam.risks(self.screening.spam))

    @property
    def author(self) -> str:
        return self.auth.author or (self.email.author.email if self.email.author else "")


def view(read: Read) -> MailView:
    """The mail as a model may see it."""
    author = read.email.author
    return MailView(
        mail_id=read.mail.id,
        mailbox=read.mail.mailbox,
        author=read.author,
        author_name=author.name if author else "",
        authenticated=read.auth.author is not None,
        subject=read.email.subject[:998],
        text=read.email.new_text[:TEXT_LIMIT],
        attachments=tuple(attachment.name for attachment in read.email.attachments[:20]),
    )


def description(read: Read) -> Description:
    return Description(
        mailbox=read.mail.mailbox,
        message_id=read.email.message_id,
        author=read.author,
        author_name=(read.email.author.name if read.email.author else "")[:200],
        authenticated=read.auth.author or "",
        subject=read.email.subject,
        kind=read.screening.kind,
        content_key=read.email.content_key,
        normalized=read.email.model_dump(mode="json"),
        auth=read.auth.model_dump(mode="json"),
        screening=read.screening.model_dump(mode="json"),
    )


async def audit_arrival(parts: Parts, tx: Tx, chain: str, mail: Mail) -> None:
    """The first row of a mail; one that is begun again has it, and was described with it."""
    if mail.content_key and any(entry.event == "received" for entry in await trail.of_mail(tx, mail.id)):
        return
    data = {"sha256": mail.sha256, "size": mail.size, "door": mail.envelope["door"]}
    keyed = {**data, "sha256": parts.audit.digest(mail.sha256)}
    await parts.audit.add(tx, chain, "received", actor="door", now=mail.received_at, mail_id=mail.id, data=keyed)
