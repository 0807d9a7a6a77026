"""Ways on which something is away or breaks: a model, a name server, a line, the worker, what was to be read."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from agent.models.base import ModelAnswer, ModelRequest, ModelUnavailableError
from agent.models.playbook import PlaybookModel
from agent.parts import Parts
from agent.states import JobKind
from agent.store import jobs
from agent.store.tables import raw_mail
from inbound.contracts import Envelope, ResolverTroubleError, SpamWord
from inbound.resolver import StaticZone
from inbound.spam import Unasked
from outbound.contracts import Again, ApprovedEmail, DeliveryResult, InDoubt
from tests.agent.flows import Stage, resolved
from tests.agent.wire import Wire


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


async def deferred(stage: Stage) -> str:
    stage.home.service.courier = Faulty(stage.folder, Again(reason="451 busy"))
    mail_id = await stage.mail("known")
    await stage.hours_pass(3)
    return await resolved(stage, mail_id)


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
