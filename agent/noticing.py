"""Tell the operator's own people what waits, and send canaries: found, put into words, sent.

Rules:
- What is told is noted with what it is about in one transaction, and put into words in another: killed between them
  nothing is lost, and nothing is told twice.
- The recipients are those of the configuration, and for a mail that a person passes on whom they named; no others.
- A notice may come twice where the process died between the courier's answer and its note: with the same Message-ID,
  and to colleagues. A reply never does.
- A pause stops replies to customers, not notices to colleagues.
"""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta

import httpx2
import structlog

from agent import answering, passing_on
from agent import notices as words
from agent.answering import FORWARD
from agent.notices import EVENTS, OPEN
from agent.parts import Parts
from agent.sorting import forwarded
from agent.states import NoticeState
from agent.store import mails, reputation
from agent.store import notices as store
from agent.store.database import Tx
from agent.store.notices import SLACK, Notice, Waiting
from inbound.aside import aside
from outbound import tokens
from outbound.authorize import authorize
from outbound.compose import Composed, Reply, compose
from outbound.contracts import ApprovedEmail, Courier, DeliveryResult, EmailActionPolicy, InDoubt, Never, Refused, Sent
from outbound.dkim import sign, signs_for
from outbound.retry import next_attempt

LOOK = 100
"""Mails noted in one look."""
SECONDS = 10.0
"""For a chat's answer."""
CARRIES = (FORWARD, passing_on.KIND)
"""Kinds that carry the mail that they are about."""

log = structlog.get_logger()


async def note(parts: Parts) -> int:
    """Note what is to be told now; gives how many mails."""
    settings, now = parts.config.notices, parts.now()
    if not recipients(parts):
        return 0
    noted = 0
    for event in settings.tell:
        if event not in EVENTS:
            continue
        async with parts.database.read() as tx:
            before = now - _limit(parts, event)
            found = await store.untold(tx, event, EVENTS[event][0], before=before, limit=LOOK)
        if found:
            noted += len(found)
            await _note(parts, event, found, now)
    return noted


async def _note(parts: Parts, event: str, found: list[Waiting], now: datetime) -> None:
    async with parts.database.write() as tx:
        for one in found:
            key = f"{event}:{one.mail_id}"
            await store.put(parts.database, tx, key=key, kind=event, mailbox=one.mailbox, mail_id=one.mail_id, now=now)
    log.info("notice.noted", about=event, mails=len(found))


def _limit(parts: Parts, event: str) -> timedelta:
    return timedelta(hours=parts.config.notices.escalate_after_hours) if event == "escalated" else timedelta()


def recipients(parts: Parts) -> tuple[str, ...]:
    """Who is told: the team's addresses, and the chat."""
    settings = parts.config.notices
    return (*settings.team, *([SLACK] if settings.slack_url.get_secret_value() else []))


async def word(parts: Parts) -> None:
    """Put what was noted into words: one notice for each event and recipient."""
    now, desk = parts.now(), parts.config.notices.desk_url
    async with parts.database.read() as tx:
        if not await store.wordless(tx, now=now, limit=1):
            return
    async with parts.database.write() as tx:
        noted = await store.wordless(tx, now=now, limit=LOOK)
        for event in EVENTS:
            about = [one for one in noted if one.kind == event and await store.worded(tx, one, now=now)]
            found = [mail for one in about if (mail := await mails.get(tx, one.mail_id)) is not None]
            still = [
                Waiting(mail.id, mail.mailbox, mail.received_at, mail.status, mail.subject, mail.author)
                for mail in found
                if mail.status in EVENTS[event][0]
            ]
            if still:
                subject, body = words.told(event, still, limit=_limit(parts, event), desk_url=desk, now=now)
                await tell(parts, tx, f"{event}:{about[0].id}", subject, body, now)


async def tell(parts: Parts, tx: Tx, key: str, subject: str, body: str, now: datetime) -> None:
    """Put one notice for each who is told, in this transaction; `key` makes it one however often it is said."""
    sender = parts.config.mailboxes[0].address
    for one in recipients(parts):
        await store.put(
            parts.database,
            tx,
            key=f"{key}:{one}",
            kind="notice",
            mailbox=sender,
            recipient=one,
            subject=subject,
            body=body,
            now=now,
        )


async def tell_breaker(parts: Parts) -> bool:
    """Tell that the breaker is open, once each time that it opens."""
    settings, now = parts.config.notices, parts.now()
    if "breaker" not in settings.tell or not recipients(parts):
        return False
    async with parts.database.read() as tx:
        known = await reputation.get_breaker(tx, parts.config.postroom.tenant_id)
    if known is None or known.state != "open":
        return False
    subject, body = words.breaker(known.since, known.reason, desk_url=settings.desk_url)
    async with parts.database.write() as tx:
        await tell(parts, tx, f"breaker:{known.since.timestamp():.6f}", subject, body, now)
    return True


async def remind(parts: Parts) -> bool:
    """Once a day: what waits. True where something was told."""
    settings, now = parts.config.notices, parts.now()
    if settings.digest_hour < 0 or now.hour < settings.digest_hour or not recipients(parts):
        return False
    async with parts.database.read() as tx:
        if any(one.key == f"digest:{now:%Y-%m-%d}" for one in await store.last(tx, "digest", 1)):
            return False
    async with parts.database.write() as tx:
        sender = parts.config.mailboxes[0].address
        done = NoticeState.SENT
        key = f"digest:{now:%Y-%m-%d}"
        if not await store.put(parts.database, tx, key=key, kind="digest", mailbox=sender, now=now, state=done):
            return False
        counted = await store.counts(tx, OPEN)
        if counted:
            subject, body = words.digest(counted, desk_url=settings.desk_url, now=now)
            await tell(parts, tx, key, subject, body, now)
    return bool(counted)


async def send(parts: Parts, courier: Courier, lease: timedelta) -> int:
    """Send what is due; gives how many were tried."""
    due = await store.claim(parts.database, now=parts.now(), lease=lease, limit=10)
    for one in due:
        result = await _to_chat(parts, one) if one.recipient == SLACK else await _by_mail(parts, courier, one)
        await _finish(parts, one, result)
    return len(due)


async def _finish(parts: Parts, one: Notice, result: DeliveryResult) -> None:
    now = parts.now()
    detail = result.detail if isinstance(result, Sent) else result.reason
    again = None if isinstance(result, Sent | Never) else next_attempt(one.attempts, now, random.random())
    async with parts.database.write() as tx:
        if again is not None:
            await store.put_back(tx, one, due_at=again, detail=detail)
        else:
            state = NoticeState.SENT if isinstance(result, Sent) else NoticeState.FAILED
            ended = await store.end(tx, one, state, detail, now=now)
            if ended and one.kind == FORWARD:
                await forwarded(parts, tx, one.mail_id, one.recipient, sent=isinstance(result, Sent), now=now)
            if ended and one.kind == passing_on.KIND:
                await passing_on.passed(parts, tx, one, sent=isinstance(result, Sent), now=now)
    if isinstance(result, Sent):
        log.info("notice.sent", notice=one.id, kind=one.kind)
    else:
        log.error("notice.not_sent", notice=one.id, kind=one.kind, reason=detail[:300], again=again is not None)


async def _by_mail(parts: Parts, courier: Courier, one: Notice) -> DeliveryResult:
    raw, meant = b"", False
    if one.kind in CARRIES:
        async with parts.database.read() as tx:
            raw = await mails.raw(tx, one.mail_id) or b""
            meant = one.kind == passing_on.KIND and await passing_on.was_meant(parts, tx, one)
        if not raw:
            return Never(reason="the mail's bytes are not kept any more")
    # A small one is signed on the event loop: under a millisecond of processor for 16 KB, with both keys.
    email = await aside(len(raw), approved, parts, one, raw, meant)
    if isinstance(email, Refused):
        return Never(reason=f"{email.code}: {email.reason}")
    try:
        return await courier.deliver(email)
    except Exception as error:  # noqa: BLE001 (as in the sender of replies; here it is tried again)
        return InDoubt(reason=f"the {courier.name} courier failed: {type(error).__name__}")


def approved(parts: Parts, one: Notice, attached: bytes = b"", meant: bool = False) -> ApprovedEmail | Refused:
    """The notice's final bytes, signed and sealed.

    Refused where the configuration names its recipient no more, unless a person `meant` it for them.
    """
    sender = parts.config.mailbox_of(one.mailbox) or parts.config.mailboxes[0]
    domain = sender.address.rpartition("@")[2]
    allowed = meant or one.recipient in _known(parts, one.kind)
    message_id = tokens.message_id(parts.keys.token, one.id, domain)
    composed = compose(
        Reply(
            from_address=sender.address,
            from_name=sender.name or "Postroom",
            to_address=one.recipient,
            subject=one.subject,
            body=one.body,
            message_id=message_id,
            date=one.created_at,
            way="notice",
            reply_to=answering.reply_to(parts, one),
            attached=attached,
        )
    )
    if isinstance(composed, Refused):
        return composed
    keys = tuple(key for key in parts.dkim_keys if signs_for(key.domain, domain))
    policy = EmailActionPolicy(
        action_id=one.id,
        risk_level="low",
        requires_human_review=False,
        review_reason="",
        allowed_sender=sender.address,
        allowed_recipient=allowed,
        max_attachment_count=1 if one.kind in CARRIES else 0,
        decision="allow",
    )
    return authorize(
        Composed.of(sign(composed.raw, keys)),
        key=parts.keys.seal,
        action_id=one.id,
        message_id=message_id,
        way="notice",
        return_path=tokens.verp(parts.keys.token, one.id, domain),
        sender=sender.address,
        recipient=one.recipient,
        thread_head="",
        policy_version="notice",
        approved_by="postroom",
        approved_at=one.created_at,
        policy=policy,
    )


def _known(parts: Parts, kind: str) -> set[str]:
    """Who may get a notice of this kind, by today's configuration."""
    if kind == "canary":
        return {one.to for one in parts.config.canaries}
    if kind == passing_on.KIND:
        return set()
    if kind == FORWARD:
        return {one for rule in parts.config.triage for one in rule.forward_to} | set(parts.config.answering.people)
    if kind == answering.UNSENT:
        return set(parts.config.answering.people)
    return set(parts.config.notices.team)


async def _to_chat(parts: Parts, one: Notice) -> DeliveryResult:
    url = parts.config.notices.slack_url.get_secret_value()
    try:
        async with asyncio.timeout(SECONDS), httpx2.AsyncClient(follow_redirects=False, trust_env=False) as client:
            answer = await client.post(url, json={"text": words.for_chat(one.subject, one.body)}, timeout=SECONDS)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
        return InDoubt(reason=f"the chat's webhook: {type(error).__name__}")
    if 200 <= answer.status_code < 300:
        return Sent(detail=f"the chat answered {answer.status_code}")
    reason = f"the chat answered {answer.status_code}"
    return InDoubt(reason=reason) if answer.status_code == 429 or answer.status_code >= 500 else Never(reason=reason)


async def look(parts: Parts) -> None:
    """Find and word what is to be told."""
    await answering.ask_people(parts)
    await note(parts)
    await word(parts)
    await tell_breaker(parts)
    await remind(parts)
