"""Carry out what triage rules decided, in the transaction that understood the mail.

Rules:
- Tags and the team are put where people at the desk put theirs, and can be changed there.
- Below the rules stand the tags of the playbook's entry and what a model suggests: tags that the operator uses, and a
  priority where no rule gives one. Neither closes, forwards or hides a mail.
- A mail that is forwarded stays a person's until the forward left; only then it is closed.
- What a rule did is in the audit, with the rule's name. Nothing here answers a customer.
"""

from __future__ import annotations

from datetime import datetime

from agent import answering
from agent.answering import FORWARD
from agent.extract import Suggested
from agent.handling import PRIORITIES
from agent.notices import stranger
from agent.parts import Parts
from agent.spam import TAG as SPAM
from agent.states import MailStatus
from agent.store import handlings, mails, notices
from agent.store.database import Tx
from agent.store.mails import Mail
from agent.triage_rules import Decided, Seen, decide
from inbound.contracts import InboundEmailIntent, NormalizedEmail


def seen(mail: Mail, email: NormalizedEmail, intent: InboundEmailIntent, *, proven: bool) -> Seen:
    return Seen(
        mailbox=mail.mailbox,
        intent=intent.intent,
        sender=email.author.email if email.author else "",
        proven=proven,
        subject=email.subject,
        text=email.new_text,
        attachments=len(email.attachments),
        language=email.language,
    )


def vocabulary(parts: Parts, mailbox: str) -> tuple[str, ...]:
    """The tags that a model may suggest: the operator's own, of entries and rules. Priorities have their own field."""
    used = {tag for entry in parts.playbooks[mailbox].entries for tag in entry.tags}
    used |= {tag for rule in parts.config.triage for tag in rule.tags}
    return tuple(sorted(used - {*PRIORITIES, SPAM}))


def _tags(parts: Parts, found: Seen, decided: Decided, suggested: Suggested) -> tuple[str, ...]:
    """The rules' tags, and below them those of the intent's entries and of the model; one priority at most from it."""
    entries = parts.playbooks[found.mailbox].for_intent(found.intent)
    beneath = [*(tag for entry in entries for tag in entry.tags), *suggested.tags]
    given = dict.fromkeys([*decided.tags, *(one for one in beneath if one != SPAM)])
    ranked = any(one in given for one in PRIORITIES)
    return tuple(given) if ranked or not suggested.priority else (*given, suggested.priority)


async def sort(
    parts: Parts, tx: Tx, mail: Mail, found: Seen, suggested: Suggested, *, conversation_id: str, now: datetime
) -> bool:
    """Apply the rules; True where the mail is dealt with, so that no run is to be started."""
    decided = decide(parts.config.triage, found)
    for word in _tags(parts, found, decided, suggested):
        await handlings.tag(parts.database, tx, mail.id, word)
    if not decided.held:
        return False
    if decided.team:
        await handlings.give(parts.database, tx, mail.id, decided.team)
    data = {"rules": list(decided.held), "action": decided.action, "by": decided.rule, "intent": found.intent}
    await parts.audit.add(tx, conversation_id, "sorted", actor="triage", now=now, mail_id=mail.id, data=data)
    return await _act(parts, tx, mail, found, decided, now)


async def _act(parts: Parts, tx: Tx, mail: Mail, found: Seen, decided: Decided, now: datetime) -> bool:
    if decided.action in {"", "reply"}:
        return False
    why = f"triage rule {decided.rule}"
    if decided.action == "forward":
        for recipient in decided.forward_to:
            await notices.put(
                parts.database,
                tx,
                key=f"{FORWARD}:{mail.id}:{recipient}",
                kind=FORWARD,
                mailbox=mail.mailbox,
                recipient=recipient,
                subject=f"[Postroom] Fwd: {stranger(found.subject) or '(no subject)'}",
                body=_words(parts, found, decided, recipient),
                mail_id=mail.id,
                now=now,
            )
        await mails.move(tx, mail.id, MailStatus.PERSON, f"{why}: being forwarded to {', '.join(decided.forward_to)}")
        return True
    await mails.move(tx, mail.id, MailStatus.PERSON, f"{why}: for a person")
    if decided.action in {"close", "ignore"}:
        await mails.move(tx, mail.id, MailStatus.CLOSED, f"{why}: {decided.action}d")
    return True


def _words(parts: Parts, found: Seen, decided: Decided, recipient: str) -> str:
    proof = "Who wrote it is proven." if found.proven else "Nothing proves who wrote it."
    return (
        f"A mail to {found.mailbox} from {stranger(found.sender) or 'nobody named'}, forwarded by the triage rule "
        f"{decided.rule}. {proof}\n\nThe mail is attached as it came. {answering.hint(parts, recipient)}\n"
    )


async def forwarded(parts: Parts, tx: Tx, mail_id: str, recipient: str, *, sent: bool, now: datetime) -> None:
    """Close the mail when its forward left; say so where it could not."""
    mail = await mails.locked(tx, mail_id)
    if mail is None or mail.status is not MailStatus.PERSON:
        return
    if sent and await answering.is_awaited(parts, tx, mail_id):
        await mails.move(tx, mail_id, MailStatus.PERSON, f"forwarded to {recipient}; an answer by mail is awaited")
    elif sent:
        await mails.move(tx, mail_id, MailStatus.CLOSED, f"forwarded to {recipient}")
    else:
        await mails.move(tx, mail_id, MailStatus.PERSON, f"could not be forwarded to {recipient}: see the log")
    chain = mail.conversation_id or mail.id
    data = {"recipient": parts.audit.digest(recipient), "sent": sent}
    await parts.audit.add(tx, chain, "forwarded", actor="sender", now=now, mail_id=mail_id, data=data)
