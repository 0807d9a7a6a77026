"""A person passes a mail on to somebody whom they name, with the original attached.

Rules:
- Only a person's own hand names the recipient. What stands in the audit, as a keyed digest, is what may leave: a row
  that somebody put into the table of notices goes nowhere.
- It goes to one plain address that is neither ours nor suppressed, says `Auto-Submitted: auto-generated`, and is no
  answer to the author; the mail stays where it is.
"""

from __future__ import annotations

from datetime import datetime

from agent.approval import Decided, NotDecided
from agent.notices import stranger
from agent.parts import Parts
from agent.store import mails, notices, pauses, suppression, trail
from agent.store.database import Tx
from agent.store.mails import Mail
from agent.store.notices import Notice
from inbound.addresses import canonical

KIND = "passed_on"
LONGEST_WORDS = 5_000


async def pass_on(parts: Parts, mail_id: str, to: str, *, by: str, words: str = "") -> Decided | NotDecided:
    """Send the mail as it came, attached, to an address that a person names."""
    recipient = canonical(to.strip())
    if recipient is None:
        return NotDecided("name one plain address, like ann@example.com")
    now = parts.now()
    async with parts.database.write() as tx:
        mail = await mails.locked(tx, mail_id)
        problem = await _problem(parts, tx, mail, recipient)
        if mail is None or problem:
            return NotDecided(problem)
        fresh = await notices.put(
            parts.database,
            tx,
            key=f"{KIND}:{mail.id}:{parts.audit.digest(recipient)}",
            kind=KIND,
            mailbox=mail.mailbox,
            recipient=recipient,
            subject=f"[Postroom] Fwd: {stranger(mail.subject) or '(no subject)'}",
            body=_body(mail.author, mail.mailbox, by, words),
            mail_id=mail.id,
            now=now,
        )
        if fresh is None:
            return NotDecided("it was passed on to that address before", taken=True)
        chain, data = mail.conversation_id or mail.id, {"recipient": parts.audit.digest(recipient), "notice": fresh}
        await parts.audit.add(tx, chain, KIND, actor=by, now=now, mail_id=mail.id, data=data)
    return Decided(mail_id, f"It is on its way to {recipient}.")


async def _problem(parts: Parts, tx: Tx, mail: Mail | None, recipient: str) -> str:
    """Why it may not go there; empty where it may."""
    if mail is None or await mails.raw(tx, mail.id) is None:
        return "the bytes of this mail are not kept any more"
    if parts.config.mailbox_of(recipient) is not None:
        return "that is a mailbox of ours: it would answer its own mail"
    if await pauses.covering(tx, mail.mailbox) is not None:
        return "sending is paused"
    if await suppression.covers(tx, parts.config.postroom.tenant_id, recipient):
        return "that address bounced or complained before and gets nothing"
    return ""


def _body(author: str, mailbox: str, by: str, words: str) -> str:
    said = f"{words.strip()[:LONGEST_WORDS]}\n\n-- \n" if words.strip() else ""
    return (
        f"{said}{stranger(by)} passed on a mail to {mailbox} from {stranger(author) or 'nobody named'}. It is attached "
        "as it came. An answer to this mail comes to the mailbox and not to the author.\n"
    )


async def was_meant(parts: Parts, tx: Tx, one: Notice) -> bool:
    """The audit says that a person named this recipient for this mail."""
    if parts.config.mailbox_of(one.recipient) is not None:
        return False
    wanted = parts.audit.digest(one.recipient)
    return any(
        entry.event == KIND and entry.data.get("recipient") == wanted and entry.data.get("notice") == one.id
        for entry in await trail.of_mail(tx, one.mail_id)
    )


async def passed(parts: Parts, tx: Tx, one: Notice, *, sent: bool, now: datetime) -> None:
    """Say in the audit whether it left."""
    mail = await mails.locked(tx, one.mail_id)
    if mail is not None:
        data = {"recipient": parts.audit.digest(one.recipient), "sent": sent}
        chain = mail.conversation_id or mail.id
        await parts.audit.add(tx, chain, "forwarded", actor="sender", now=now, mail_id=mail.id, data=data)
