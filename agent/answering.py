"""Mail for a person is forwarded to people who answer by mail; what one of them writes goes to the author.

Rules:
- An answer comes to an address that only the forward named: signed by us, for one mail and one person.
- It counts from that person alone: proven by DKIM or SPF in alignment, and still listed today. The address without the
  proof is nothing, nor is the proof without the address. What a machine answers (an absence note) is never taken.
- Recipient, sender and subject are the mail's and ours; only the new words are the person's. They become a draft of
  that person, are judged by policy and approved by them like any other, once: the first decision wins.
- Where there is doubt about the words (links, gaps, attachments, words of the forward itself, what could not be read
  right) the draft waits at the desk. What could not be sent is told to the person who wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from agent import approval, by_hand
from agent.additions import NOTHING
from agent.approval import NotDecided
from agent.notices import stranger
from agent.parts import Parts
from agent.policy import Judgement
from agent.rules import UNSURE_TEXT
from agent.states import DraftState, MailStatus, NoticeState
from agent.store import drafts, mails, notices
from agent.store.database import Tx
from agent.store.drafts import Draft
from agent.store.mails import Mail
from agent.store.notices import Notice
from inbound import codes
from inbound.contracts import Kind, NormalizedEmail
from outbound import tokens
from outbound.compose import reply_subject

FORWARD = "forward"
UNSENT = "unsent"
ASKED = "asked_by_mail"
LOOK = 100
LONGEST_DRAFT = 20_000
SEEN_AT_THE_DESK = frozenset({"links", "placeholders", "blank_run", "caps"})
"""Review rules that nobody passes over by mail: who writes does not see what policy says."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Answer:
    """A mail to an address for answers."""

    mail_id: str
    notice_id: str
    author: str
    """Proven, else empty."""
    kind: Kind
    email: NormalizedEmail


@dataclass(frozen=True)
class Outcome:
    """What became of it, in words; `done` where a person need not look at the answer itself."""

    done: bool
    reason: str
    answered: str = ""
    """The mail that it answers."""


def may_answer(parts: Parts, recipient: str) -> bool:
    return recipient in parts.config.answering.people


async def is_awaited(parts: Parts, tx: Tx, mail_id: str) -> bool:
    """Whether the mail was forwarded to somebody whose answer goes out from here: until then it stays open."""
    return await notices.told(tx, [f"{FORWARD}:{mail_id}:{person}" for person in parts.config.answering.people])


def hint(parts: Parts, recipient: str) -> str:
    """What an answer to a forward does, for who gets it."""
    if may_answer(parts, recipient):
        return "What you answer to this mail goes to its author as the mailbox's reply: your new words alone, as text."
    return (
        "An answer to this notice comes to the mailbox and not to the author: write to them yourself, or answer at the "
        "desk."
    )


def reply_to(parts: Parts, one: Notice) -> str:
    """Where the answer to this notice goes; empty where it is nobody's to answer."""
    if one.kind != FORWARD or not may_answer(parts, one.recipient):
        return ""
    return tokens.answer_to(parts.keys.token, one.id, one.mailbox.rpartition("@")[2])


def named(parts: Parts, mail: Mail) -> str | None:
    """The forward that this mail answers by its envelope."""
    found = (tokens.read_answer(parts.keys.token, address) for address in mail.envelope["rcpt_to"])
    return next((one for one in found if one), None)


async def ask_people(parts: Parts) -> int:
    """Forward mail that waits for a person to those who answer by mail; gives how many mails."""
    settings, now = parts.config.answering, parts.now()
    if not settings.people:
        return 0
    statuses, before = (MailStatus.PERSON, MailStatus.WAITING), now - timedelta(minutes=settings.after_minutes)
    async with parts.database.read() as tx:
        found = await notices.untold(tx, ASKED, statuses, before=before, limit=LOOK)
    for one in found:
        async with parts.database.write() as tx:
            mail = await mails.get(tx, one.mail_id)
            key = f"{ASKED}:{one.mail_id}"
            if mail is None or not await notices.put(
                parts.database, tx, key=key, kind=ASKED, mailbox=one.mailbox, mail_id=one.mail_id, now=now,
                state=NoticeState.SENT,
            ):  # fmt: skip
                continue
            if mail.conversation_id is not None:  # what was never read through cannot be answered: see `notices`
                await _forward(parts, tx, mail)
    return len(found)


async def _forward(parts: Parts, tx: Tx, mail: Mail) -> None:
    waiting = [one for one in await drafts.of_mail(tx, mail.id) if one.state is DraftState.WAITING]
    draft = f"\n\nA draft waits at the desk:\n\n{waiting[-1].proposal.plain_text[:LONGEST_DRAFT]}" if waiting else ""
    for person in parts.config.answering.people:
        proof = "Who wrote it is proven." if mail.authenticated else "Nothing proves who wrote it."
        await notices.put(
            parts.database,
            tx,
            key=f"{FORWARD}:{mail.id}:{person}",
            kind=FORWARD,
            mailbox=mail.mailbox,
            recipient=person,
            subject=f"[Postroom] Fwd: {stranger(mail.subject) or '(no subject)'}",
            body=f"A mail to {mail.mailbox} from {stranger(mail.author) or 'nobody named'} is for a person. {proof}\n\n"
            f"The mail is attached as it came. {hint(parts, person)}{draft}\n",
            mail_id=mail.id,
            now=parts.now(),
        )


async def take(parts: Parts, answer: Answer) -> Outcome:
    """Send the words of an answer as the reply that they are, or say why not. Done again it comes to the same."""
    async with parts.database.read() as tx:
        forward = await notices.get(tx, answer.notice_id)
        target = await mails.get(tx, forward.mail_id) if forward else None
    if problem := _problem(parts, answer, forward):
        return Outcome(done=False, reason=problem)
    if target is None:
        return Outcome(done=False, reason="the mail that it answers is gone")
    by = f"{answer.author} by mail"
    draft = await _written(parts, target, answer.email.new_text.strip() + "\n", by)
    if isinstance(draft, NotDecided):
        return Outcome(done=False, reason=draft.reason, answered=target.id)
    if draft.state is not DraftState.WAITING:  # taken before, and stopped before that was noted
        return Outcome(done=True, reason=f"its words are draft {draft.id}", answered=target.id)
    doubt = _doubt(answer.email, draft)
    if not doubt:
        done = await approval.approve(parts, draft.id, by=by, seen_hash=draft.approval_hash, reason="answered by mail")
        doubt = done.reason if isinstance(done, NotDecided) else ""
    if doubt:
        return Outcome(done=False, reason=f"its words wait at the desk: {doubt}", answered=target.id)
    log.info("answer.taken", mail=answer.mail_id, answers=target.id)
    return Outcome(done=True, reason=f"sent as the reply to {target.id}", answered=target.id)


def _problem(parts: Parts, answer: Answer, forward: Notice | None) -> str:
    """Why these words are nobody's answer; empty where they are."""
    if forward is None or forward.kind != FORWARD:
        return "it answers no mail that was forwarded"
    if not answer.author or answer.author != forward.recipient:
        return "nothing proves that it is of the person to whom the mail was forwarded"
    if not may_answer(parts, answer.author):
        return f"{answer.author} is not listed in answering.people any more"
    if answer.kind is not Kind.PERSONAL:
        return "a machine wrote it"
    return "" if answer.email.new_text.strip() else "it says nothing new"


async def _written(parts: Parts, target: Mail, text: str, by: str) -> Draft | NotDecided:
    """The draft with these words: of an earlier try, in the place of one that waits, or a new one."""
    async with parts.database.read() as tx:
        known = await drafts.of_mail(tx, target.id)
    same = [one for one in known if one.origin == "person" and one.proposal.plain_text.strip() == text.strip()]
    if same:
        return same[-1]
    subject, waiting = reply_subject(target.subject), [one for one in known if one.state is DraftState.WAITING]
    if waiting:
        seen = waiting[-1].approval_hash
        # What a colleague put to the draft at the desk is not what this person saw.
        done = await approval.edit(
            parts, waiting[-1].id, by=by, subject=subject, plain_text=text, seen_hash=seen, brought=NOTHING
        )
    else:
        done = await by_hand.write(parts, target.id, by=by, subject=subject, plain_text=text)
    if isinstance(done, NotDecided):
        return done
    async with parts.database.read() as tx:
        draft = await drafts.get(tx, done.id)
    return draft or NotDecided("the draft is gone")


def _doubt(email: NormalizedEmail, draft: Draft) -> str:
    """Why a person has to look at these words at the desk; empty where they may leave."""
    findings = Judgement.model_validate(draft.judgement).findings
    told = [one.reason for one in findings if one.kind == "deny" or one.rule in SEEN_AT_THE_DESK]
    if any(not one.inline for one in email.attachments):
        told.append("it has attachments, which no reply carries")
    if "[postroom]" in (text := email.new_text.casefold()) or "answer+" in text:
        told.append("words of the forward itself stand in it")
    unsure = (UNSURE_TEXT | {codes.ONLY_QUOTED, codes.FORWARDED_INLINE, codes.CUT}) & {*email.defects, *email.risks}
    told += [codes.spoken(one) for one in sorted(unsure)]
    return "; ".join(told)


async def file(parts: Parts, tx: Tx, answer: Answer, outcome: Outcome) -> None:
    """Put the answer itself where it belongs; who is listed and proven hears that their words did not leave."""
    automatic = answer.kind is not Kind.PERSONAL
    await mails.move(tx, answer.mail_id, MailStatus.RECORDED if automatic else MailStatus.PERSON, outcome.reason)
    if automatic:
        return
    if outcome.done:
        await mails.move(tx, answer.mail_id, MailStatus.CLOSED, outcome.reason)
    elif answer.author and may_answer(parts, answer.author):
        await notices.put(
            parts.database,
            tx,
            key=f"{UNSENT}:{answer.mail_id}",
            kind=UNSENT,
            mailbox=parts.config.mailboxes[0].address,
            recipient=answer.author,
            subject="[Postroom] Your answer was not sent",
            body=f'Your answer "{stranger(answer.email.subject)}" did not go to the author:\n\n{outcome.reason}.\n',
            mail_id=answer.mail_id,
            now=parts.now(),
        )
