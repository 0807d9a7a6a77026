"""One mail's way from raw bytes to an intent and a route.

Rules:
- Everything slow (parsing, DNS, the model) happens outside the transaction; what it found is stored in one.
- Automatic mail is recorded and never starts a run. What cannot be read is quarantined, and a person sees it.
- Of several copies of one mail the first holds the claim; the others are recorded as duplicates.
- A newer mail of a conversation voids its waiting drafts and its open runs: one run goes on with all of it.
- The intent is a row before any tool may run.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import structlog

from agent import answering, asking, feedback, human, patience, recording, sifting, sorting
from agent import conversations as threads
from agent.arrival import Read, audit_arrival, description, view
from agent.budget import used_up
from agent.extract import Extraction, extract, without_answer
from agent.models.base import ModelUnavailableError
from agent.outcome import cancel
from agent.parts import Parts
from agent.rules import NEVER_ANSWERED
from agent.states import DraftState, JobKind, JobState, MailStatus
from agent.store import conversations, drafts, jobs, locks, mails, runs
from agent.store.database import Tx
from agent.store.jobs import Job
from agent.store.mails import Description, Mail
from agent.triage_rules import Seen
from agent.version import VERSION
from inbound.aside import aside
from inbound.authentication import check
from inbound.automated import BY_PATH, screen
from inbound.containment import normalize_bounded
from inbound.contracts import Envelope, Kind, NormalizedEmail, Quarantined, Screening
from inbound.stand_in import attributed
from outbound import tokens

PATIENCE = 3
"""Claims of a triage job in which DNS trouble is waited out, before the author counts as unproven."""
DNS_PAUSE = timedelta(minutes=1)

log = structlog.get_logger()


async def triage(parts: Parts, held: Job) -> None:
    """Do the triage job `held`. Raises FenceLostError where somebody else did."""
    found = await mails.with_raw(parts.database, held.ref)
    if found is None:
        async with parts.database.write() as tx:
            await jobs.end(tx, held, error="the mail is gone")
        return
    mail, data = found
    email = await normalize_bounded(data)
    if isinstance(email, Quarantined):
        await _quarantine(parts, held, mail, email)
        return
    await _triaged(parts, held, await _read(parts, mail, email, data), data)


async def _triaged(parts: Parts, held: Job, read: Read, data: bytes) -> None:
    """Go on with a mail that could be read."""
    mail = read.mail
    if read.auth.author is None and read.auth.temporary and held.attempts < PATIENCE:
        async with parts.database.write() as tx:
            due = parts.now() + DNS_PAUSE * held.attempts
            await jobs.put_back(tx, held, due_at=due, error="DNS gave no answer about the author")
        return
    if forward := answering.named(parts, mail):
        await _answered(parts, held, read, forward)
        return
    read = await _where_it_belongs(parts, read)
    if not read.mail.mailbox or read.screening.kind in NEVER_ANSWERED:
        await recording.record(parts, held, read)
        return
    sifted = await _sifted(parts, held, read, data)
    if sifted is None:
        return
    read = sifted
    understood = await _understood(parts, held, read)
    if understood is None:
        return
    if read.screening.kind is Kind.BULK and understood.intent.intent == "none" and not understood.away:
        # Before any conversation is touched: a newsletter must not void what waits in one.
        await recording.record(parts, held, read, understood)
        return
    await _start(parts, held, read, understood)


async def _where_it_belongs(parts: Parts, read: Read) -> Read:
    """Let what the proven author of a conversation wrote to its return path be that conversation's.

    Nothing else may speak for a machine; and as some do not say what they are, a person looks at it first.
    """
    if not read.returned or read.screening.evidence != (BY_PATH,):
        return read
    async with parts.database.glance() as tx:
        theirs = await threads.of_send(tx, read.returned, read.auth.author)
    if theirs is None or theirs.mailbox not in parts.playbooks:
        return read
    mail = replace(read.mail, mailbox=read.mail.mailbox or theirs.mailbox)
    away = "" if mail.conversation_id else threads.CAME_BACK  # begun again: somebody looked
    return replace(read, mail=mail, screening=Screening(kind=Kind.PERSONAL, evidence=(BY_PATH,)), away=away)


async def _answered(parts: Parts, held: Job, read: Read, forward: str) -> None:
    """A colleague's answer to a mail that was forwarded to them: sent, or for a person to look at."""
    answer = answering.Answer(read.mail.id, forward, read.auth.author or "", read.screening.kind, read.email)
    outcome = await answering.take(parts, answer)
    async with parts.database.write() as tx:
        await locks.mail(tx, read.mail.id)
        await jobs.end(tx, held)
        await mails.describe(tx, read.mail.id, description(read), None)
        await answering.file(parts, tx, answer, outcome)
        await audit_arrival(parts, tx, read.mail.id, read.mail)
        data = {"answers": outcome.answered, "forward": forward, "done": outcome.done}
        await parts.audit.add(
            tx, read.mail.id, "answer_by_mail", actor="postroom", now=parts.now(), mail_id=read.mail.id, data=data
        )
    log.info("mail.answer", mail=read.mail.id, answers=outcome.answered, done=outcome.done)


async def _sifted(parts: Parts, held: Job, read: Read, data: bytes) -> Read | None:
    """The mail with what filters say of it; None where it is put aside, or asked about again later."""
    found = await sifting.look(parts, read.mail, data)
    if isinstance(found, sifting.Later):
        async with parts.database.write() as tx:
            await jobs.put_back(tx, held, due_at=found.at, error=found.reason, counted=False)
        return None
    read = replace(read, screening=read.screening.model_copy(update={"spam": found}))
    if found.level != "spam" and not sifting.is_for_a_person(parts, found):
        return read
    async with parts.database.write() as tx:
        await sifting.put_aside(parts, tx, held, read.mail, description(read), found)
        await audit_arrival(parts, tx, read.mail.id, read.mail)
        data_ = {"level": found.level, "sources": sorted({word.source for word in found.words})}
        await parts.audit.add(
            tx, read.mail.id, "put_aside", actor="postroom", now=parts.now(), mail_id=read.mail.id, data=data_
        )
    log.info("mail.put_aside", mail=read.mail.id, level=found.level)
    return None


async def _understood(parts: Parts, held: Job, read: Read) -> Extraction | None:
    """Ask the model what the mail wants; None where it is away and will be asked again.

    A model that stays away for longer than there is patience is not waited for: the mail is a person's.
    """
    message_id, risks = read.email.message_id, read.risks
    intents = parts.playbooks[read.mail.mailbox].intents
    if away := human.ASKED if human.asked(read.email.new_text) else read.away:
        name = parts.model.name
        asked = without_answer(view(read), model=name, message_id=message_id, intents=intents, risks=risks)
        return replace(asked, away=away)
    async with parts.database.glance() as tx:
        broke = await used_up(
            tx,
            parts.config.budget,
            parts.config.model,
            mail_id=read.mail.id,
            author=read.author,
            mailbox=read.mail.mailbox,
            now=parts.now(),
        )
    if broke:
        name = parts.model.name
        return without_answer(view(read), model=name, message_id=message_id, intents=intents, risks=risks)
    try:
        tags = sorting.vocabulary(parts, read.mail.mailbox)
        return await extract(parts.model, view(read), message_id=message_id, intents=intents, risks=risks, tags=tags)
    except ModelUnavailableError as error:
        async with parts.database.write() as tx:
            await locks.mail(tx, read.mail.id)
            await jobs.check(tx, held)
            if not await patience.is_over(parts, tx, read.mail.id, parts.now()):
                due_at = parts.now() + max(patience.MODEL_PAUSE, error.after)
                await jobs.put_back(tx, held, due_at=due_at, error=str(error), counted=False)
                return None
        name = parts.model.name
        found = without_answer(view(read), model=name, message_id=message_id, intents=intents, risks=risks)
        return replace(found, away=f"the model gave no answer: {error}")


async def _read(parts: Parts, mail: Mail, email: NormalizedEmail, data: bytes) -> Read:
    envelope = Envelope.model_validate(mail.envelope)
    mailbox = parts.config.mailbox_of(mail.mailbox)
    auth = await check(
        data,
        email,
        envelope,
        resolver=parts.resolver,
        settings=parts.config.identity,
        forwarders=mailbox.forwarder if mailbox else (),
        forms=mailbox.contact_form if mailbox else (),
        now=parts.now(),
    )
    email = attributed(email, auth)
    screening = await aside(
        len(data),
        screen,
        data,
        email,
        envelope,
        own_addresses=parts.own_addresses,
        own_message_id=lambda message_id: tokens.is_ours(parts.keys.token, message_id),
        verp_token=lambda address: tokens.read_verp(parts.keys.token, address),
        forwarder=auth.forwarder,
        form=auth.stands_in == "form",
    )
    return Read(mail, email, auth, screening, returned=feedback.returned(parts, envelope.rcpt_to))


async def _quarantine(parts: Parts, held: Job, mail: Mail, found: Quarantined) -> None:
    now = parts.now()
    async with parts.database.write() as tx:
        await locks.mail(tx, mail.id)
        await jobs.end(tx, held)
        facts = Description(
            mailbox=mail.mailbox,
            message_id=found.message_id,
            author=found.author.email if found.author else "",
            author_name="",
            authenticated="",
            subject=found.subject,
            kind="",
            content_key=found.content_key,
            normalized=None,
            auth=None,
            screening=None,
        )
        await mails.describe(tx, mail.id, facts, None)
        await mails.move(tx, mail.id, MailStatus.QUARANTINED, found.reason)
        await audit_arrival(parts, tx, mail.id, mail)
        await parts.audit.add(
            tx, mail.id, "quarantined", actor="postroom", now=now, mail_id=mail.id, reason=found.reason
        )
    log.warning("mail.quarantined", mail=mail.id)


async def _start(parts: Parts, held: Job, read: Read, found: Extraction) -> None:
    """Store the intent and start the run that answers, all in one transaction."""
    now = parts.now()
    mail = read.mail
    async with parts.database.write() as tx:
        if read.auth.author is not None:
            await locks.correspondent(tx, mail.mailbox, read.auth.author)
        await locks.mail(tx, mail.id)
        await jobs.end(tx, held)
        holder = await mails.claim_answer(parts.database, tx, _claim_key(read), mail.id)
        if holder != mail.id:
            await mails.describe(tx, mail.id, description(read), None)
            await mails.move(tx, mail.id, MailStatus.DUPLICATE, f"the same mail came before, as {holder}")
            await audit_arrival(parts, tx, mail.id, mail)
            await parts.audit.add(
                tx, mail.id, "duplicate", actor="postroom", now=now, mail_id=mail.id, data={"of": holder}
            )
            await recording.charge(parts, tx, read, found, now)
            return
        if mail.conversation_id is not None:  # begun again
            await locks.conversation(tx, mail.conversation_id)
        conversation_id = mail.conversation_id or await _thread(parts, tx, read)
        known = await conversations.get(tx, conversation_id) if mail.conversation_id else None
        if known is not None and known.head_mail_id != mail.id:  # begun again, and a newer mail was faster
            await mails.move(tx, mail.id, MailStatus.JOINED, "a newer mail of the conversation took it along")
            await recording.charge(parts, tx, read, found, now)
            return
        await mails.describe(tx, mail.id, description(read), conversation_id)
        intent = await asking.completed(parts, tx, found.intent, conversation_id, mail.id, read.email)
        found = replace(found, intent=intent)
        await audit_arrival(parts, tx, conversation_id, mail)
        await recording.understood(parts, tx, read, found, conversation_id, now)
        asked = sorting.seen(mail, read.email, found.intent, proven=read.auth.author is not None)
        if await _is_without_a_run(parts, tx, mail, found, asked, conversation_id):
            return
        run = await runs.create(
            tx,
            mail_id=mail.id,
            conversation_id=conversation_id,
            model=parts.model.name,
            now=now,
            expires_at=now + timedelta(days=parts.config.worker.run_expires_days),
            version=VERSION,
        )
        await mails.move(tx, mail.id, MailStatus.WORKING)
        await jobs.schedule(parts.database, tx, JobKind.RUN, run.id, due_at=now, now=now)
    parts.wake.set(JobKind.RUN)
    log.info("mail.understood", mail=mail.id, intent=found.intent.intent, confidence=found.intent.confidence)


async def _is_without_a_run(
    parts: Parts, tx: Tx, mail: Mail, found: Extraction, asked: Seen, conversation_id: str
) -> bool:
    """True where the mail is a person's, or dealt with by a triage rule; begun again by a person, it wants a run."""
    now, away, fresh = parts.now(), found.away, mail.conversation_id is None
    if away == human.ASKED:
        await human.mark(parts, tx, mail.id)
    elif fresh and await human.is_wanted(tx, conversation_id):
        away = human.ASKED_BEFORE
    elif fresh and await sorting.sort(
        parts, tx, mail, asked, found.suggested, conversation_id=conversation_id, now=now
    ):
        return True
    if not away:
        return False
    await mails.move(tx, mail.id, MailStatus.PERSON, away)
    data = {"reason": parts.audit.digest(away)}
    await parts.audit.add(tx, conversation_id, "for_a_person", actor="postroom", now=now, mail_id=mail.id, data=data)
    return True


def _claim_key(read: Read) -> str:
    """Copies count as one only where both are proven or neither is: a forged early copy takes nothing away."""
    return hashlib.sha256(f"{read.email.content_key}\0{read.auth.author or ''}".encode()).hexdigest()


async def _thread(parts: Parts, tx: Tx, read: Read) -> str:
    """Find or start the conversation; what was open in it is overtaken by this mail."""
    now = parts.now()
    mail = read.mail
    author, returned = read.auth.author, read.returned
    known = await threads.find(tx, read.email, mailbox=mail.mailbox, author=author, returned=returned, now=now)
    if known is None:
        fresh = await conversations.start(
            tx,
            mailbox=mail.mailbox,
            correspondent=read.auth.author or "",
            subject_key=threads.subject_key(read.email.subject),
            head=mail.id,
            now=now,
        )
        return fresh.id
    await locks.conversation(tx, known.id)
    await conversations.move_head(tx, known.id, mail.id, now)
    for draft in await drafts.waiting_in(tx, known.id):
        await drafts.decide(
            tx, draft.id, DraftState.VOIDED, by="postroom", now=now, reason="a newer mail came in the conversation"
        )
        await parts.audit.add(
            tx, known.id, "voided", actor="postroom", now=now, mail_id=draft.mail_id, data={"draft": draft.id}
        )
    for run in await runs.open_in(tx, known.id):
        if await _rests_on_a_person(tx, run.id):
            await cancel(parts, tx, run, "a newer mail came in the conversation", now=now)
    await mails.join_older(tx, known.id, mail.id)
    return known.id


async def _rests_on_a_person(tx: Tx, run_id: str) -> bool:
    """False where a reply of this run is on its way already: that one still gets its outcome."""
    for call in await runs.calls(tx, run_id):
        if call.output is None and call.draft_id:
            draft = await drafts.get(tx, call.draft_id)
            if draft and draft.state in {DraftState.UNSEEN, DraftState.APPROVED}:
                return False
    return True


async def bury(parts: Parts, held: Job, reason: str) -> None:
    """Give up on a mail that could not be read in several tries: its bytes are kept, a person looks."""
    now = parts.now()
    async with parts.database.write() as tx:
        await locks.mail(tx, held.ref)
        await jobs.end(tx, held, state=JobState.DEAD, error=reason)
        await mails.move(tx, held.ref, MailStatus.QUARANTINED, f"could not be worked on: {reason}")
        await parts.audit.add(tx, held.ref, "quarantined", actor="postroom", now=now, mail_id=held.ref, reason=reason)
    log.error("mail.given_up", mail=held.ref, reason=reason)
