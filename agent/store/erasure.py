"""What is known of one person: found, and taken away.

Rules:
- A person's mail is what they wrote, as From says it or as it was proven, and their conversations with all in them.
- Reports about mail that we sent to them are theirs too: a bounce repeats what it is about.
- Taken away is every text, address and byte, also what people gave as the reason of a decision; what stays is that a
  mail came, when, to which mailbox, digests of it and the audit. The audit's rows are not touched: they hold digests,
  and the chain still verifies.
- Notices that did not leave yet lose the lines about a mail that goes.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Delete, delete, or_, select, update

from agent.states import MailStatus
from agent.store.database import Tx
from agent.store.desk_tables import draft_file, handling, mail_mark, mail_note, mail_tag, searched, verdict
from agent.store.mails import Mail
from agent.store.tables import (
    attempt,
    audit_words,
    conversation,
    delivery_event,
    draft,
    intent,
    job,
    mail,
    model_call,
    notice,
    outbox,
    raw_mail,
    run,
    run_item,
    spending,
    suppression,
    tool_call,
)

BUSY = (MailStatus.RECEIVED, MailStatus.WORKING, MailStatus.SENDING, MailStatus.IN_DOUBT)
"""Something may still happen with such a mail."""


async def mails_of(tx: Tx, address: str) -> list[tuple[str, MailStatus]]:
    """Ids and states of a person's mails, oldest first, and before them of reports about mail to the person.

    Reports come first, because they are found by what is erased with the mails. None for an empty address, which is
    everybody unknown.
    """
    if not address:
        return []
    threads = select(conversation.c.id).where(conversation.c.correspondent == address)
    theirs = or_(mail.c.author == address, mail.c.authenticated == address, mail.c.conversation_id.in_(threads))
    sends = select(outbox.c.id).where(
        or_(outbox.c.recipient == address, outbox.c.mail_id.in_(select(mail.c.id).where(theirs)))
    )
    about = or_(delivery_event.c.outbox_id.in_(sends), delivery_event.c.event["recipient"].as_string() == address)
    reports = mail.c.id.in_(select(delivery_event.c.mail_id).where(about))
    found: dict[str, MailStatus] = {}
    for which in (reports, theirs):
        rows = await tx.execute(select(mail.c.id, mail.c.status).where(which).order_by(mail.c.received_at, mail.c.id))
        for row in rows:
            found.setdefault(row.id, MailStatus(row.status))
    return list(found.items())


async def erase(tx: Tx, found: Mail) -> None:
    """Take away what a mail said and all that came of it."""
    runs = [row.id for row in await tx.execute(select(run.c.id).where(run.c.mail_id == found.id))]
    sends = [row.id for row in await tx.execute(select(outbox.c.id).where(outbox.c.mail_id == found.id))]
    for statement in _statements(found.id, runs, sends):
        await tx.execute(statement)
    await _untell(tx, found.id)
    envelope = {**found.envelope, "mail_from": "", "peer": "", "helo": "", "vouched": []}
    await tx.execute(
        update(mail)
        .where(mail.c.id == found.id)
        .values(
            envelope=envelope,
            status_reason="what it said was erased",
            message_id="",
            author="",
            author_name="",
            authenticated="",
            subject="",
            content_key="",
            normalized=None,
            auth=None,
            screening=None,
        )
    )
    if found.conversation_id is not None:
        blank = update(conversation).where(conversation.c.id == found.conversation_id)
        await tx.execute(blank.values(correspondent="", subject_key=""))


def _statements(mail_id: str, runs: Sequence[str], sends: Sequence[str]) -> list[Delete]:
    """In the order of what names what."""
    return [
        delete(attempt).where(attempt.c.outbox_id.in_(sends)),
        delete(delivery_event).where(delivery_event.c.mail_id == mail_id),
        delete(outbox).where(outbox.c.mail_id == mail_id),
        delete(verdict).where(verdict.c.mail_id == mail_id),
        delete(draft).where(draft.c.mail_id == mail_id),
        delete(draft_file).where(draft_file.c.mail_id == mail_id),
        delete(tool_call).where(tool_call.c.run_id.in_(runs)),
        delete(run_item).where(run_item.c.run_id.in_(runs)),
        delete(model_call).where(model_call.c.mail_id == mail_id),
        delete(run).where(run.c.mail_id == mail_id),
        delete(searched).where(searched.c.mail_id == mail_id),
        delete(handling).where(handling.c.mail_id == mail_id),
        delete(mail_note).where(mail_note.c.mail_id == mail_id),
        delete(mail_tag).where(mail_tag.c.mail_id == mail_id),
        delete(mail_mark).where(mail_mark.c.mail_id == mail_id),
        delete(intent).where(intent.c.mail_id == mail_id),
        delete(notice).where(notice.c.mail_id == mail_id),
        delete(audit_words).where(audit_words.c.mail_id == mail_id),
        delete(raw_mail).where(raw_mail.c.mail_id == mail_id),
        delete(job).where(job.c.ref.in_([mail_id, *runs, *sends])),
    ]


async def _untell(tx: Tx, mail_id: str) -> None:
    """Take what is said of a mail out of notices that still wait to leave."""
    rows = await tx.execute(select(notice.c.id, notice.c.body).where(notice.c.body.contains(mail_id, autoescape=True)))
    for row in rows:
        await tx.execute(update(notice).where(notice.c.id == row.id).values(body=without(row.body, mail_id)))


def without(body: str, mail_id: str) -> str:
    """The text of a notice without the three lines of a mail: its subject, its author, and where it is."""
    lines = body.split("\n")
    for at in [n for n, line in enumerate(lines) if line.endswith(mail_id)]:
        lines[at - 2 : at + 1] = ["- a mail that was erased since", "", ""]
    return "\n".join(lines)


async def erase_suppression(tx: Tx, tenant: str, address: str) -> None:
    await tx.execute(delete(suppression).where(suppression.c.tenant == tenant, suppression.c.address == address))


async def erase_spending(tx: Tx, address: str) -> None:
    """Take away what models cost for a person's mail by their name; the mailbox's and the day's sums stay."""
    await tx.execute(delete(spending).where(spending.c.scope == "sender", spending.c.owner == address))
