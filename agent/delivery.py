"""The outbox as `outbound` sees it: what is due, what may begin, what came of it.

Rules:
- Nothing begins while its mailbox is paused, and nothing that nobody saw in its quiet hours.
- Nothing begins without a token of each bucket of `[reputation]`; it waits until one is there.
- Before each attempt the stored bytes are unsealed, read again and judged anew under today's facts and policy.
- The attempt is committed before the first byte; one that is found open later is in doubt, never tried again by itself.
- The outcome, the run's answer, the mail's state and the audit row are one transaction, fenced by the claim.
- What fails for good goes to a person; no stranger gets a report.
"""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import Literal

import structlog

from agent import feedback
from agent.answers import tool_output
from agent.buckets import wanted
from agent.finalcheck import final_check
from agent.outcome import answer, cancel
from agent.parts import Parts
from agent.policy import REVIEWED
from agent.proposing import said
from agent.quiet import quiet_until
from agent.redraft import redraft
from agent.serving import HAS_IT, Standing, after, told
from agent.states import DraftState, JobKind, JobState, MailStatus, OutboxState
from agent.store import deliveries, drafts, jobs, locks, mails, pauses, reputation, runs
from agent.store.database import FenceLostError, Tx, is_unavailable
from agent.store.deliveries import Delivery
from agent.store.drafts import Draft
from agent.store.jobs import Job
from agent.store.reputation import Full
from outbound.authorize import left_over, restore
from outbound.contracts import Again, Claim, DeliveryResult, Held, InDoubt, Never, Paused, Refused, Sent
from outbound.retry import next_attempt

STORE_PAUSE_SECONDS = 0.5
PAUSE_POLL = timedelta(seconds=5)
"""How soon a paused delivery looks again."""

MAX_CLAIMS = 50
"""Claims of one delivery, its regular retries included, after which a fault of ours is a person's."""

COMES_BACK = {"policy_changed", "too_old", "gate", "letter", *REVIEWED}
"""Codes of the final check after which the same words may still be right: a person decides on them anew."""

log = structlog.get_logger()


class StoredOutbox:
    """The `Outbox` over the store."""

    def __init__(self, parts: Parts, lease: timedelta) -> None:
        self._parts = parts
        self._lease = lease
        self._busy = False
        """Whether the last look found something."""

    async def claim(self, now: datetime) -> Claim | None:
        """Take the next due delivery; what a crash left open becomes in doubt on the way."""
        while True:
            seen: list[Delivery | None] = []

            async def look(tx: Tx, held: Job, seen: list[Delivery | None] = seen) -> None:
                seen.append(await deliveries.get(tx, held.ref))

            found = await jobs.claim(
                self._parts.database,
                JobKind.DELIVER,
                now=now,
                lease=self._lease,
                limit=1,
                which=deliveries.NOT_PAUSED,
                surely=self._busy,
                then=look,
            )
            self._busy = bool(found)
            if not found:
                return None
            claim = self._sound(found[0], seen[0]) or await self._claimed(found[0], now)
            if claim is not None:
                return claim

    def _sound(self, held: Job, delivery: Delivery | None) -> Claim | None:
        """The claim of a delivery that waits and whose seal holds; anything else is looked at under its lock."""
        if delivery is None or delivery.state is not OutboxState.QUEUED or held.attempts > MAX_CLAIMS:
            return None
        email = restore(delivery.email, self._parts.keys.seal)
        if isinstance(email, Refused):
            return None
        return Claim(outbox_id=delivery.id, token=held.token, attempts=delivery.attempts, email=email)

    async def _claimed(self, held: Job, now: datetime) -> Claim | None:
        async with self._parts.database.write() as tx:
            delivery = await deliveries.locked(tx, held.ref)
            if delivery is None or delivery.state not in {OutboxState.QUEUED, OutboxState.ATTEMPTING}:
                await jobs.end(tx, held)
                return None
            if delivery.state is OutboxState.ATTEMPTING:
                reason = "Postroom stopped during the attempt; the mail may or may not have been accepted"
                await self._doubt(tx, held, delivery, reason, now)
                return None
            email = restore(delivery.email, self._parts.keys.seal)
            if held.attempts > MAX_CLAIMS:
                email = Refused(code="given_up", reason=f"it could not be worked on in {MAX_CLAIMS} tries")
            if isinstance(email, Refused):
                await self._refuse(tx, held, delivery, email, now)
                return None
        return Claim(outbox_id=delivery.id, token=held.token, attempts=delivery.attempts, email=email)

    async def begin_attempt(self, claim: Claim, now: datetime) -> Claim | Refused | Held:
        held = _job(claim)
        try:
            async with self._parts.database.write() as tx:
                delivery = await deliveries.locked(tx, claim.outbox_id)
                await jobs.check(tx, held)
                if delivery is None or delivery.state is not OutboxState.QUEUED:
                    return Held(reason="the delivery is not queued any more")
                await locks.switch(tx, turning=False)
                rests = await self._rests(tx, claim, delivery, now)
                if rests is not None:
                    await jobs.put_back(tx, held, due_at=rests[0], counted=False)
                    return rests[1]
                return await self._begin(tx, held, claim, delivery, now)
        except FenceLostError as error:
            return Held(reason=str(error))

    async def _begin(
        self, tx: Tx, held: Job, claim: Claim, delivery: Delivery, now: datetime
    ) -> Claim | Refused | Held:
        """Judge the stored bytes anew, take what the attempt takes from the buckets, and record it."""
        checked = await final_check(self._parts, tx, delivery, now)
        if isinstance(checked, Refused):
            await self._refuse(tx, held, delivery, checked, now)
            return checked
        full = await self._no_room(tx, delivery, now)
        if full is not None:
            return await self._wait_for_room(tx, held, delivery, full, now)
        if not await deliveries.begin(tx, delivery.id, now):
            return Held(reason="the delivery is not queued any more")
        await self._audit(tx, delivery, "attempt", now, n=delivery.attempts + 1)
        if delivery.settled:
            checked = left_over(checked, delivery.settled, self._parts.keys.seal)
        return claim.model_copy(update={"email": checked})

    async def _rests(self, tx: Tx, claim: Claim, delivery: Delivery, now: datetime) -> tuple[datetime, Held] | None:
        """When to look again, and why: a pause holds everything, quiet hours what nobody saw."""
        paused = await pauses.covering(tx, delivery.mailbox)
        if paused is not None:
            return now + PAUSE_POLL, Held(reason=f"paused by {paused.by}")
        mailbox = self._parts.config.mailbox_of(delivery.mailbox)
        if mailbox is None or claim.email.way != "unseen":
            return None
        until = quiet_until(now, mailbox.quiet_hours, mailbox.time_zone)
        return None if until is None else (until, Held(reason=f"quiet hours until {until:%Y-%m-%d %H:%M} UTC"))

    async def _no_room(self, tx: Tx, delivery: Delivery, now: datetime) -> Full | None:
        """Take what this attempt takes from the buckets of our good name; the one that holds it back, if one does."""
        buckets = wanted(
            self._parts.config.reputation,
            recipients=[one for one in delivery.recipients if one not in delivery.settled],
            mailbox=delivery.mailbox,
            tenant=self._parts.config.postroom.tenant_id,
        )
        return await reputation.take(self._parts.database, tx, list(buckets), now)

    async def _wait_for_room(self, tx: Tx, held: Job, delivery: Delivery, full: Full, now: datetime) -> Held:
        """Let it wait for a token; said once for each bucket, however often it is looked at until then."""
        told = f"held: {full.bucket.told()} is used up"
        when = f"{told}; next at {full.until:%Y-%m-%d %H:%M:%S} UTC"
        await jobs.put_back(tx, held, due_at=full.until, error=told, counted=False)
        if delivery.detail != told:
            queued = OutboxState.QUEUED
            await deliveries.move(tx, delivery.id, [queued], queued, now=now, detail=told)
            await mails.move(tx, delivery.mail_id, MailStatus.SENDING, when)
            await self._audit(tx, delivery, "held", now, bucket=full.bucket.scope)
        return Held(reason=f"no room in the bucket of the {full.bucket.scope}")

    async def finish(self, claim: Claim, result: DeliveryResult, now: datetime) -> bool:
        """Record the outcome. A store that is away for a moment is asked again while the lease lasts."""
        until = asyncio.get_running_loop().time() + self._lease.total_seconds()
        while True:
            try:
                return await self._finish(claim, result, now)
            except Exception as error:
                if not is_unavailable(error) or asyncio.get_running_loop().time() >= until:
                    raise
                log.warning("delivery.outcome_waits", delivery=claim.outbox_id, error=type(error).__name__)
                await asyncio.sleep(STORE_PAUSE_SECONDS)

    async def _finish(self, claim: Claim, result: DeliveryResult, now: datetime) -> bool:
        held = _job(claim)
        try:
            async with self._parts.database.write() as tx:
                delivery = await deliveries.locked(tx, claim.outbox_id)
                await jobs.check(tx, held)
                if delivery is None or delivery.state is not OutboxState.ATTEMPTING:
                    return False
                await self._settle(tx, held, delivery, result, now)
        except FenceLostError:
            return False
        log.info("delivery.attempted", delivery=delivery.id, mail=delivery.mail_id, result=result.kind)
        self._parts.wake.set(JobKind.RUN)
        return True

    async def _settle(self, tx: Tx, held: Job, delivery: Delivery, result: DeliveryResult, now: datetime) -> None:
        if not isinstance(result, Paused):
            await feedback.refused(self._parts, tx, delivery, result.unserved, now=now)
        standing = after(delivery.recipients, delivery.settled, result)
        match result:
            case Paused(reason=reason):
                await self._stopped(tx, held, delivery, reason, now)
            case InDoubt(reason=reason):
                await self._doubt(tx, held, delivery, _doubtful(reason, standing), now, standing)
            case Sent(detail=said) | Again(reason=said) | Never(reason=said):
                lost = delivery.recipient in standing.refused and not standing.anybody
                if standing.waits and not lost:
                    await self._later(tx, held, delivery, said, now, standing)
                else:
                    await self._over(tx, held, delivery, said, now, standing)

    async def _over(self, tx: Tx, held: Job, delivery: Delivery, said: str, now: datetime, standing: Standing) -> None:
        """Nobody is served any more: it is sent where its author has it, else it failed."""
        if not standing.has(delivery.recipient):
            await self._fail(
                tx, held, delivery, said if len(delivery.recipients) == 1 else told(standing), now, standing
            )
            return
        detail = "; ".join(one for one in (said, told(standing)) if one)
        await self._end(tx, held, delivery, OutboxState.SENT, MailStatus.ANSWERED, "sent", detail, now, standing)
        await self._answer(tx, delivery, self._left(delivery), now)

    def _left(self, delivery: Delivery) -> str:
        return tool_output(success=True, messageId=delivery.message_id, **{"from": delivery.mailbox})

    async def _later(
        self, tx: Tx, held: Job, delivery: Delivery, reason: str, now: datetime, standing: Standing
    ) -> None:
        """Put it off for those who wait; where no try is left, it is over."""
        tries = sum(one.result != "paused" for one in await deliveries.attempts(tx, delivery.id))
        due = next_attempt(tries, now, random.random())
        if due is None:
            given_up = f"given up after {tries} attempts"
            said = told(standing) if standing.anybody else reason
            await self._over(tx, held, delivery, f"{given_up}: {said}", now, standing.given_up(given_up))
            return
        why = told(standing) if standing.anybody else reason
        await deliveries.end_attempt(tx, delivery.id, result="again", detail=why, now=now)
        attempting, settled = [OutboxState.ATTEMPTING], _kept(standing)
        await deliveries.move(tx, delivery.id, attempting, OutboxState.QUEUED, now=now, detail=why, settled=settled)
        await jobs.put_back(tx, held, due_at=due, error=why)
        late = f"not accepted yet ({why}); next attempt {due:%Y-%m-%d %H:%M} UTC"
        await mails.move(tx, delivery.mail_id, MailStatus.SENDING, late)
        await self._audit(tx, delivery, "deferred", now, detail=self._parts.audit.digest(why))
        queued = tool_output(success=True, status="queued", detail=why[:300])
        await self._answer(tx, delivery, self._left(delivery) if standing.has(delivery.recipient) else queued, now)

    async def _stopped(self, tx: Tx, held: Job, delivery: Delivery, reason: str, now: datetime) -> None:
        """A pause came between the begin of the attempt and the mail itself: it goes on after the pause."""
        await deliveries.end_attempt(tx, delivery.id, result="paused", detail=reason, now=now)
        await deliveries.move(tx, delivery.id, [OutboxState.ATTEMPTING], OutboxState.QUEUED, now=now, detail=reason)
        await jobs.put_back(tx, held, due_at=now + PAUSE_POLL, error=reason, counted=False)
        await self._audit(tx, delivery, "held", now, detail=self._parts.audit.digest(reason))

    async def _fail(
        self, tx: Tx, held: Job, delivery: Delivery, reason: str, now: datetime, standing: Standing
    ) -> None:
        await self._end(tx, held, delivery, OutboxState.FAILED, MailStatus.PERSON, "never", reason, now, standing)
        await self._answer(tx, delivery, tool_output(success=False, reason=f"delivery failed: {reason[:300]}"), now)

    async def _doubt(
        self,
        tx: Tx,
        held: Job,
        delivery: Delivery,
        reason: str,
        now: datetime,
        standing: Standing | None = None,
    ) -> None:
        doubtful = OutboxState.IN_DOUBT
        await self._end(tx, held, delivery, doubtful, MailStatus.IN_DOUBT, "in_doubt", reason, now, standing)
        await self._answer(
            tx,
            delivery,
            tool_output(success=False, reason="it is not known whether the mail was accepted; a person looks"),
            now,
        )

    async def _end(
        self,
        tx: Tx,
        held: Job,
        delivery: Delivery,
        state: OutboxState,
        status: MailStatus,
        result: str,
        detail: str,
        now: datetime,
        standing: Standing | None = None,
    ) -> None:
        await deliveries.end_attempt(tx, delivery.id, result=result, detail=detail, now=now)
        settled = _kept(standing)
        await deliveries.move(tx, delivery.id, [OutboxState.ATTEMPTING], state, now=now, detail=detail, settled=settled)
        await mails.move(tx, delivery.mail_id, status, detail)
        await self._audit(tx, delivery, state.value, now, detail=self._parts.audit.digest(detail))
        await jobs.end(tx, held, state=JobState.DONE)

    async def _refuse(self, tx: Tx, held: Job, delivery: Delivery, why: Refused, now: datetime) -> None:
        """The final check says no: nothing was on the wire, the draft is void, a person sees why."""
        if delivery.settled.get(delivery.recipient) == HAS_IT:
            await self._leave_the_rest(tx, held, delivery, why, now)
            return
        await deliveries.move(
            tx, delivery.id, [OutboxState.QUEUED], OutboxState.REFUSED, now=now, detail=f"{why.code}: {why.reason}"
        )
        draft = await drafts.get(tx, delivery.draft_id)
        if draft is not None and draft.state in {DraftState.UNSEEN, DraftState.APPROVED}:
            await drafts.void(tx, draft.id, draft.state, now=now, reason=why.reason)
        await self._audit(tx, delivery, "stopped", now, code=why.code)
        await jobs.end(tx, held, error=why.code)
        stopped = f"the reply was stopped before sending: {why.reason}"
        if why.code == "newer_mail":
            await mails.move(tx, delivery.mail_id, MailStatus.JOINED, stopped)
            run = await runs.get(tx, draft.run_id) if draft and draft.run_id else None
            if run is not None:  # the newer mail's own run answers both; this one must not propose again
                await cancel(self._parts, tx, run, why.reason, now=now)
        elif draft is not None and why.code in COMES_BACK:
            await self._again_for_a_person(tx, draft, stopped, now)
        else:
            await mails.move(tx, delivery.mail_id, MailStatus.PERSON, stopped)
            await self._answer(tx, delivery, tool_output(success=False, reason=why.reason), now)
        log.warning("delivery.stopped", delivery=delivery.id, mail=delivery.mail_id, code=why.code)

    async def _leave_the_rest(self, tx: Tx, held: Job, delivery: Delivery, why: Refused, now: datetime) -> None:
        """The author has it, and others get it no more: it stays an answer, and nobody may write it a second time."""
        missing = {one: why.reason for one in delivery.recipients if one not in delivery.settled}
        detail = told(Standing({**delivery.settled, **missing}, {}))
        await deliveries.move(tx, delivery.id, [OutboxState.QUEUED], OutboxState.SENT, now=now, detail=detail)
        await mails.move(tx, delivery.mail_id, MailStatus.ANSWERED, detail)
        await self._audit(tx, delivery, "stopped", now, code=why.code)
        await jobs.end(tx, held, error=why.code)

    async def _again_for_a_person(self, tx: Tx, draft: Draft, why: str, now: datetime) -> None:
        """Let the same words wait again: nobody writes twice what only took too long."""
        mail = await mails.get(tx, draft.mail_id)
        if mail is None:
            raise LookupError(f"the mail {draft.mail_id} of a draft is gone")
        words = draft.proposal
        origin: Literal["model", "person"] = "person" if draft.origin == "person" else "model"
        fresh = await redraft(
            self._parts,
            tx,
            draft,
            mail,
            origin=origin,
            subject=words.subject,
            plain_text=words.plain_text,
            now=now,
            why=why,
        )
        await mails.move(tx, mail.id, MailStatus.WAITING, "; ".join(fresh.reasons))
        data = {"draft": draft.id, "new": fresh.id, **said(self._parts, fresh.proposal, fresh.added)}
        await self._parts.audit.add(
            tx, draft.conversation_id, "waits_again", actor="postroom", now=now, mail_id=mail.id, data=data
        )

    async def _answer(self, tx: Tx, delivery: Delivery, output: str, now: datetime) -> None:
        draft = await drafts.get(tx, delivery.draft_id)
        if draft is not None:
            await answer(self._parts, tx, draft, output, now=now)

    async def _audit(self, tx: Tx, delivery: Delivery, event: str, now: datetime, **data: object) -> None:
        await self._parts.audit.add(
            tx,
            delivery.conversation_id,
            event,
            actor="sender",
            now=now,
            mail_id=delivery.mail_id,
            data={"delivery": delivery.id, **data},
        )


def _kept(standing: Standing | None) -> dict[str, str] | None:
    """What is stored of it: nothing where one recipient is all, whose outcome is the delivery's."""
    return None if standing is None or len(standing.settled) + len(standing.waits) == 1 else standing.settled


def _doubtful(reason: str, standing: Standing) -> str:
    """The doubt, and who surely has not got it."""
    refused = told(Standing(standing.refused, {}))
    return f"{reason}; {refused}" if refused else reason


def _job(claim: Claim) -> Job:
    return Job(JobKind.DELIVER, claim.outbox_id, claim.token, claim.attempts)
