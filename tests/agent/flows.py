"""Ways that a mail can take, as what a process does from its start: killed anywhere, the next one does the same again.

Each flow looks before it acts, like the people and peers that it stands for: a peer sends a mail again for which it had
no answer, a person decides on what still waits. `tests.agent.ways` says which fail points each one is killed at.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import dkim  # type: ignore[import-untyped]  # it ships no type hints

from agent import (
    answering,
    approval,
    breaker,
    by_hand,
    canary,
    closing,
    entries,
    handling,
    noticing,
    passing_on,
    run,
    suppress_commands,
    switch,
    undo,
    verdicts,
)
from agent.config import Config
from agent.demo_world import finish, static_zone
from agent.forgetting import forget
from agent.models.base import ModelAnswer, ModelRequest, ModelUnavailableError
from agent.models.playbook import PlaybookModel
from agent.parts import Parts
from agent.policy import Rules, Settings
from agent.reported import reported
from agent.retention import prune
from agent.states import DraftState, JobKind, MailStatus
from agent.store import deliveries, jobs, notices
from agent.store.tables import raw_mail
from inbound.contracts import DeliveryEvent, Envelope, ResolverTroubleError, SpamWord
from inbound.resolver import StaticZone
from inbound.spam import Unasked
from outbound import tokens
from outbound.contracts import Again, ApprovedEmail, DeliveryResult, InDoubt, Sent
from tests.agent.postroom import CUSTOMER, HOURS, ORDER, SALES, SIGNED, START, SUPPORT, House, keys
from tests.agent.wire import Wire, delivered
from tests.inbound import letters
from tests.inbound.letters import rsa_key

LETTERS: dict[str, tuple[str, bool, dict[str, str]]] = {
    "known": (HOURS, True, {}),
    "unproven": (HOURS, False, {}),
    "order": (ORDER, True, {"Message-ID": "<first@customer.example>"}),
    "follow-up": (ORDER, True, {"Subject": "Re: A question", "In-Reply-To": "<first@customer.example>"}),
    "strange": ("Tell me about roses.", True, {}),
    "colleague": ("Roses want sun.", True, {"From": "Ruth <ruth@customer.example>", "Subject": "Re: Fwd: A question"}),
    "away": ("I am away.", True, {"Auto-Submitted": "auto-replied"}),
    "looked-into": (HOURS, True, {"From": "Ann Example <ann@mail.customer.example>"}),
}
"""What a peer has to deliver: text, whether it is signed, further headers."""
SEALED = (
    "Authentication-Results: mx.group.example; dkim=pass header.d=shop.example; dmarc=pass header.from=shop.example\n"
)
NAMES = {
    "mail.customer.example": {
        "TXT": ["v=spf1 mx ptr:elsewhere.example a:gate.customer.example -all"],
        "MX": ["mx.customer.example"],
    },
    "mx.customer.example": {"A": ["198.51.100.1"], "AAAA": ["2001:db8::1"]},
}
"""A name whose SPF record asks for all kinds of answers, beside what proves the letters."""


def prepare(folder: Path) -> None:
    """Put the letters and the DNS that proves them into a folder: each process of one test has the same."""
    sealer = rsa_key("sealer.example", "arc")
    names = static_zone({"customer.example": "reject"}, SIGNED, keys())
    (folder / "zone.json").write_text(json.dumps({**names, **NAMES, sealer.name: {"TXT": [sealer.record]}}))
    for name in LETTERS:
        (folder / f"{name}.eml").write_bytes(letter(name))
    given = letters.letter("Ann <ann@shop.example>", extra=SEALED, body=f"{HOURS}\n")
    sealed = dkim.arc_sign(
        given,
        *(part.encode() for part in (sealer.selector, sealer.domain)),
        sealer.private,
        b"mx.group.example",
        [name.encode() for name in letters.SIGNED],
    )
    (folder / "sealed.eml").write_bytes(b"".join(sealed) + given)


def letter(name: str) -> bytes:
    text, signed, more = LETTERS[name]
    given = {
        "From": f"Ann Example <{CUSTOMER}>",
        "To": SUPPORT,
        "Subject": "A question",
        "Date": "@NOW@",
        "Message-ID": f"<{name}@customer.example>",
        **more,
    }
    block = "".join(f"{field}: {value}\n" for field, value in given.items())
    return finish(f"{block}\n{text}\n".encode(), START, keys(), SIGNED if signed else ())


class Failing(PlaybookModel):
    """A model that is away, or broken, as often as a file beside the house says."""

    def __init__(self, parts: Parts, folder: Path, purpose: str, error: Exception, times: int) -> None:
        super().__init__(parts.playbooks)
        self._count = folder / "failed"
        self._purpose, self._error, self._times = purpose, error, times

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        failed = len(self._count.read_text()) if self._count.exists() else 0
        if request.purpose == self._purpose and failed < self._times:
            self._count.write_text("x" * (failed + 1))
            raise self._error
        return await super().respond(request)


class Faulty(Wire):
    """Gives the answer once, before the first delivery; then it delivers."""

    def __init__(self, folder: Path, first: DeliveryResult) -> None:
        super().__init__(folder)
        self._mark = folder / "faulted"
        self._first = first

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        if not self._mark.exists():
            self._mark.touch()
            return self._first
        return await super().deliver(email)


class Interrupted(Wire):
    """Ends in the middle of the first delivery."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._mark = folder / "interrupted"

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        if not self._mark.exists():
            self._mark.touch()
            raise asyncio.CancelledError
        return await super().deliver(email)


class Hiccup(StaticZone):
    """DNS that gives no answer until a file is there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(json.loads((folder / "zone.json").read_text()))
        self._back = folder / "dns-is-back"

    async def txt(self, name: str) -> list[str]:
        if not self._back.exists():
            raise ResolverTroubleError(name)
        return await super().txt(name)


@dataclass
class Stage:
    """What a flow has in hand."""

    home: House
    folder: Path

    async def mail(self, name: str, *, mail_from: str = CUSTOMER, peer: str = "127.0.0.1") -> str:
        """Deliver one of the letters, as a peer does until it is acknowledged."""
        raw = (self.folder / f"{name}.eml").read_bytes()
        return await self.home.receive_raw(raw, mail_from=mail_from, peer=peer)

    async def status(self, mail_id: str) -> MailStatus:
        return (await self.home.mail(mail_id)).status

    async def approve(self, mail_id: str) -> None:
        if await self.status(mail_id) is MailStatus.WAITING:
            draft = await self.home.waiting(mail_id)
            await approval.approve(self.home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)

    async def hours_pass(self, hours: int) -> None:
        """Work whenever something falls due."""
        for _ in range(hours):
            self.home.clock.advance(hours=1)
            await self.home.settle()


Flow = Callable[[Stage], Awaitable[str]]


async def rejected(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if await stage.status(mail_id) is MailStatus.WAITING:
        await approval.reject(stage.home.parts, (await stage.home.waiting(mail_id)).id, by="ruth", reason="no")
    await stage.home.settle()
    return mail_id


async def edited(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if await stage.status(mail_id) is MailStatus.WAITING:
        draft = await stage.home.waiting(mail_id)
        if draft.origin == "model":
            seen = draft.approval_hash
            subject, text = draft.proposal.subject, "We open at nine.\n"
            await approval.edit(stage.home.parts, draft.id, by="ruth", seen_hash=seen, subject=subject, plain_text=text)
    await stage.approve(mail_id)
    await stage.home.settle()
    return mail_id


async def taken_back(stage: Stage) -> str:
    """An approval that is taken back while it is held: nothing leaves, the same words wait again."""
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if not any(one.state is DraftState.VOIDED for one in await stage.home.drafts(mail_id)):
        if await stage.status(mail_id) is MailStatus.WAITING:
            draft = await stage.home.waiting(mail_id)
            hold = timedelta(days=1)
            await approval.approve(stage.home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash, hold=hold)
        held = [one for one in await stage.home.drafts(mail_id) if one.state is DraftState.APPROVED]
        await undo.undo(stage.home.parts, held[0].id, by="ruth")
    await stage.hours_pass(1)
    return mail_id


async def noted(stage: Stage) -> str:
    """A colleague's note, left again until it is there."""
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    await handling.note(stage.home.parts, mail_id, "Ask @ben about the hours.", by="ruth")
    return mail_id


async def closed(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    await closing.close(stage.home.parts, mail_id, by="ruth", reason="by phone")
    await stage.home.settle()
    return mail_id


async def pruned(stage: Stage) -> str:
    mail_id = await stage.mail("known")
    await stage.home.settle()
    stage.home.clock.advance(days=100)
    await prune(stage.home.parts)
    return mail_id


async def cancelled(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    await closing.cancel_run(stage.home.parts, mail_id, by="ruth", reason="mine")
    await stage.home.settle()
    return mail_id


async def begun_again(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if not any(one.state is DraftState.REJECTED for one in await stage.home.drafts(mail_id)):
        await closing.close(stage.home.parts, mail_id, by="ruth", reason="by mistake")
    await closing.retry(stage.home.parts, mail_id, by="ruth")
    await stage.home.settle()
    return mail_id


async def joined(stage: Stage) -> str:
    first = await stage.mail("order")
    await stage.home.settle()
    await stage.mail("follow-up")
    await stage.home.settle()
    return first


async def expired(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    stage.home.clock.advance(days=stage.home.parts.config.worker.run_expires_days + 1)
    await run.expire(stage.home.parts)
    await stage.home.settle()
    return mail_id


async def deferred(stage: Stage) -> str:
    stage.home.service.courier = Faulty(stage.folder, Again(reason="451 busy"))
    mail_id = await stage.mail("known")
    await stage.hours_pass(3)
    return await resolved(stage, mail_id)


async def resolved(stage: Stage, mail_id: str) -> str:
    """A person finds out what became of a reply in doubt, and says so."""
    if await stage.status(mail_id) is MailStatus.IN_DOUBT:
        outcome = "sent" if delivered(stage.folder) else "resend"
        await switch.resolve(stage.home.parts, mail_id, outcome, by="ruth")  # type: ignore[arg-type]  # one of the two
        await stage.hours_pass(1)
    return mail_id


async def interrupted(stage: Stage) -> str:
    """An attempt that never had an outcome, as a process leaves it that ends in the middle of one."""
    stage.home.service.courier = Interrupted(stage.folder)
    mail_id = await stage.mail("known")
    with suppress(asyncio.CancelledError):
        await stage.home.settle()
    await stage.hours_pass(1)
    return await resolved(stage, mail_id)


async def doubtful(stage: Stage) -> str:
    stage.home.service.courier = Faulty(stage.folder, InDoubt(reason="broken after the final dot"))
    mail_id = await stage.mail("known")
    await stage.hours_pass(1)
    await resolved(stage, mail_id)
    return await resolved(stage, mail_id)


async def recorded(stage: Stage) -> str:
    mail_id = await stage.mail("away")
    await stage.home.settle()
    return mail_id


async def quarantined(stage: Stage) -> str:
    mail_id = await stage.home.receive_raw(b"From: a@b.example\r\n" + b"X-Pad: x\r\n" * 60_000, mail_from=CUSTOMER)
    await stage.home.settle()
    return mail_id


async def duplicate(stage: Stage) -> str:
    await stage.mail("known")
    await stage.home.settle()
    raw = (stage.folder / "known.eml").read_bytes()
    copy = await stage.home.receive_raw(b"Received: by other.example\r\n" + raw, mail_from=CUSTOMER, to=(SALES,))
    await stage.home.settle()
    return copy


async def paused(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if await stage.status(mail_id) is MailStatus.WAITING:
        await switch.pause(stage.home.parts, SUPPORT, by="ruth")
        await stage.approve(mail_id)
    await stage.home.settle()
    await switch.resume(stage.home.parts, SUPPORT, by="ruth")
    await stage.home.settle()
    return mail_id


async def judged_anew(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    rules = {SUPPORT: Rules(settings=Settings(threshold=0.5)), SALES: Rules()}
    await approval.rejudge(replace(stage.home.parts, rules=rules))
    return mail_id


def with_model(stage: Stage, purpose: str, error: Exception, times: int) -> None:
    object.__setattr__(stage.home.parts, "model", Failing(stage.home.parts, stage.folder, purpose, error, times))


async def model_away_while_reading(stage: Stage) -> str:
    with_model(stage, "extract", ModelUnavailableError("503"), 2)
    mail_id = await stage.mail("known")
    await stage.hours_pass(3)
    return mail_id


async def model_away_in_a_run(stage: Stage) -> str:
    with_model(stage, "run", ModelUnavailableError("503"), 2)
    mail_id = await stage.mail("known")
    await stage.hours_pass(3)
    return mail_id


async def dns_away(stage: Stage) -> str:
    object.__setattr__(stage.home.parts, "resolver", Hiccup(stage.folder))
    mail_id = await stage.mail("known")
    await stage.home.settle()
    (stage.folder / "dns-is-back").touch()
    await stage.hours_pass(1)
    return mail_id


class Judging:
    """Gives no answer at first, then says spam."""

    def __init__(self, folder: Path) -> None:
        self._mark = folder / "asked"

    async def ask(self, _raw: bytes, _envelope: Envelope) -> SpamWord | Unasked:
        if self._mark.exists():
            return SpamWord(source="rspamd", flagged=True)
        self._mark.touch()
        return Unasked("busy")

    async def close(self) -> None:
        """Nothing is open."""


async def sifted(stage: Stage) -> str:
    object.__setattr__(stage.home.parts, "rspamd", Judging(stage.folder))
    mail_id = await stage.mail("known")
    await stage.home.settle()
    stage.home.clock.advance(minutes=2)
    await stage.home.settle()
    return mail_id


async def given_up_while_reading(stage: Stage) -> str:
    with_model(stage, "extract", RuntimeError("a fault of ours"), 99)
    mail_id = await stage.mail("known")
    await stage.hours_pass(8)
    return mail_id


async def given_up_in_a_run(stage: Stage) -> str:
    with_model(stage, "run", RuntimeError("a fault of ours"), 99)
    mail_id = await stage.mail("known")
    await stage.hours_pass(8)
    return mail_id


async def kept_up(stage: Stage) -> str:
    """Work that takes longer than its lease."""
    mail_id = await stage.mail("known")
    database, lease = stage.home.parts.database, timedelta(minutes=1)
    for held in await jobs.claim(database, JobKind.TRIAGE, now=stage.home.clock(), lease=lease, limit=1):
        await jobs.extend(database, held, now=stage.home.clock(), lease=lease)
    await stage.hours_pass(1)
    return mail_id


async def vanished(stage: Stage) -> str:
    """Its bytes were pruned before anybody read them: the job ends, and nothing breaks."""
    mail_id = await stage.mail("known")
    async with stage.home.parts.database.write() as tx:
        await tx.execute(raw_mail.delete())
    await stage.home.settle()
    return mail_id


async def told(stage: Stage) -> str:
    """A provider reports that the reply was delivered, as often as it likes."""
    mail_id = await stage.mail("known")
    await stage.home.settle()
    async with stage.home.parts.database.read() as tx:
        sent = [one.message_id for one in await deliveries.of_mail(tx, mail_id)]
    event = DeliveryEvent(kind="delivered", recipient=CUSTOMER, original_message_id=sent[0] if sent else "")
    await reported(stage.home.parts, [event, event])
    return await resolved(stage, mail_id)


async def forgotten(stage: Stage) -> str:
    """The author wants to be forgotten; said again until nothing of them is left."""
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    await forget(stage.home.parts, CUSTOMER, by="ruth")
    return mail_id


async def tripped(stage: Stage) -> str:
    """The breaker opened by a person while a reply is on its way: it waits, the team is told; then it is closed."""
    object.__setattr__(stage.home.parts, "config", watched(stage.home.parts.config))
    parts = stage.home.parts
    mail_id = await stage.mail("known")
    await stage.home.service.triager.drain()
    await stage.home.service.runner.drain()
    if await stage.status(mail_id) is not MailStatus.WAITING:
        await breaker.trip(parts, by="ruth", reason="a blocklist names us")
    await stage.home.settle()
    await noticing.tell_breaker(parts)
    async with parts.database.read() as tx:
        told = [one for one in await notices.last(tx, "notice", 10) if one.key.startswith("breaker:")]
    assert len(told) == 1, told
    await breaker.close(parts, by="ruth")
    return mail_id


async def written_by_hand(stage: Stage) -> str:
    """A person answers in their own words what no entry answers."""
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if not any(one.origin == "person" for one in await stage.home.drafts(mail_id)):
        await closing.cancel_run(stage.home.parts, mail_id, by="ruth", reason="mine")
    subject, text = "Re: A question", "We open at nine.\n"
    await by_hand.write(stage.home.parts, mail_id, by="ruth", subject=subject, plain_text=text)
    await stage.approve(mail_id)
    await stage.home.settle()
    return mail_id


async def passed_on(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    await passing_on.pass_on(stage.home.parts, mail_id, "ben@elsewhere.example", by="ruth")
    return mail_id


async def found_right(stage: Stage) -> str:
    mail_id = await stage.mail("known")
    await stage.home.settle()
    for draft in await stage.home.drafts(mail_id):
        await verdicts.say(stage.home.parts, draft.id, good=True, by="ruth")
    return await resolved(stage, mail_id)


async def taught(stage: Stage) -> str:
    """The file is there before the audit says so: said again, it is there already, and nothing is overwritten."""
    values = stage.home.parts.config.model_dump(by_alias=True)
    (stage.folder / "playbook").mkdir(exist_ok=True)
    values["mailbox"][0]["playbook"] = stage.folder / "playbook"
    object.__setattr__(stage.home.parts, "config", Config.model_validate(values))
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    wanted = entries.Wanted("sundays", "sundays", "sunday", "Are you open on Sunday?", "We are closed on Sundays.")
    await entries.save(stage.home.parts, mail_id, wanted, by="ruth")
    assert (stage.folder / "playbook" / "sundays.md").exists()
    return mail_id


class Told(Wire):
    """Keeps each mail under its Message-ID: the same one twice is one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(exist_ok=True)
        self.folder = folder

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        (self.folder / email.message_id).write_bytes(email.raw)
        return Sent(detail="250 ok")


def watched(config: Config) -> Config:
    """The same with a team that is told and a door that is tried."""
    values = config.model_dump(by_alias=True)
    values["notices"] = {"team": ["team@people.example"]}
    values["canary"] = [{"to": SUPPORT, "every_minutes": 600}]
    return Config.model_validate(values)


async def suppressed(stage: Stage) -> str:
    """The author is on the list when their mail is answered: no reply; then they are taken off."""
    parts = stage.home.parts
    mail_id = await stage.mail("unproven")
    await suppress_commands.put(parts, [(CUSTOMER, "manual", "asked for it")], "ruth")
    await stage.home.settle()
    await stage.approve(mail_id)
    await stage.home.settle()
    await suppress_commands.take_out(parts, CUSTOMER, "ruth")
    return mail_id


async def escalated(stage: Stage) -> str:
    """A draft that nobody looks at, and a canary that does not come in: the team is told of both."""
    object.__setattr__(stage.home.parts, "config", watched(stage.home.parts.config))
    parts, courier = stage.home.parts, Told(stage.folder / "told")
    mail_id = await stage.mail("unproven")
    for hours in (1, 1, 1, 21, 1, 1, 1):
        stage.home.clock.advance(hours=hours)
        await stage.home.settle()
        await noticing.look(parts)
        await canary.watch(parts)
        while await noticing.send(parts, courier, timedelta(minutes=10)):
            pass
    subjects = {message_from_bytes(one.read_bytes())["Subject"] for one in courier.folder.iterdir()}
    # What waits, what waits too long, the canary itself and that it is silent.
    assert len(subjects) == 4, subjects
    return mail_id


async def answered_by_mail(stage: Stage) -> str:
    """A colleague gets the mail forwarded and answers it by mail."""
    values = stage.home.parts.config.model_dump(by_alias=True)
    values["answering"] = {"people": ["ruth@customer.example"]}
    object.__setattr__(stage.home.parts, "config", Config.model_validate(values))
    parts, courier = stage.home.parts, Told(stage.folder / "told")
    mail_id = await stage.mail("strange")
    await stage.home.settle()
    await noticing.look(parts)
    while await noticing.send(parts, courier, timedelta(minutes=10)):
        pass
    async with parts.database.read() as tx:
        (forward,) = await notices.last(tx, answering.FORWARD)
    to = tokens.answer_to(parts.keys.token, forward.id, SUPPORT.partition("@")[2])
    raw = (stage.folder / "colleague.eml").read_bytes()
    await stage.home.receive_raw(raw, mail_from="ruth@customer.example", to=(to,))
    await stage.home.settle()
    return await resolved(stage, mail_id)
