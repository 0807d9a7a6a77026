"""Where every door puts its mail: durable in one commit, many mails to a commit, only then the door's 250.

Rules:
- The raw bytes and the work that they cause are stored in one transaction; `accept` returns after it.
- A lone mail is committed at once; mails that arrive while a commit runs share the next one.
- The same bytes with the same envelope are stored once, however often a peer repeats them.
- A store that does not take the mail is a StoreUnavailableError: the peer keeps the mail.
- Nothing is parsed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from typing import Protocol

import structlog

from agent.ids import new_id
from agent.store import mails
from agent.store.database import Database
from agent.store.mails import Arrival
from agent.version import VERSION
from inbound.contracts import Envelope, Receipt, Recipient, Seen, StoreUnavailableError

GROUP_LIMIT = 100
"""Mails in one commit at most."""
GROUP_BYTES = 50_000_000
"""Bytes in one commit at most (one mail may exceed it alone)."""

log = structlog.get_logger()


class Addressbook(Protocol):
    """Which recipient addresses are ours."""

    def mailboxes_of(self, recipients: tuple[str, ...]) -> tuple[str, ...]:
        """Our mailboxes among the recipients, in configuration order."""

    def recipient(self, address: str) -> Recipient: ...


class DoorIntake:
    """The `Intake` that the doors see. Run `run()` as a task beside it."""

    def __init__(self, database: Database, addresses: Addressbook, stored: Callable[[], None]) -> None:
        self._database = database
        self._addresses = addresses
        self._stored = stored
        self._queue: asyncio.Queue[tuple[Arrival, asyncio.Future[Receipt]]] = asyncio.Queue(maxsize=1000)

    def recipient(self, address: str) -> Recipient:
        return self._addresses.recipient(address)

    async def accept(self, data: bytes, envelope: Envelope, seen: Seen | None = None) -> Receipt:
        done: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        await self._queue.put((self._arrival(data, envelope, seen), done))
        return await done

    def _arrival(self, data: bytes, envelope: Envelope, seen: Seen | None) -> Arrival:
        content = hashlib.sha256(data)
        keyed = content.copy()
        keyed.update(b"\0" + envelope.mail_from.encode() + b"\0")
        keyed.update("\n".join(sorted(envelope.rcpt_to)).encode())
        return Arrival(
            id=new_id("m", envelope.received_at),
            door_key=keyed.hexdigest(),
            sha256=content.hexdigest(),
            data=data,
            envelope=envelope.model_dump(mode="json"),
            mailboxes=self._addresses.mailboxes_of(envelope.rcpt_to),
            received_at=envelope.received_at,
            version=VERSION,
            seen=seen,
        )

    async def run(self) -> None:
        """Commit groups until cancelled; whoever still waits then is told to try later."""
        try:
            while True:
                await self._commit(await self._group())
        finally:
            while not self._queue.empty():
                _, done = self._queue.get_nowait()
                _fail(done, "the service stops")

    async def _group(self) -> list[tuple[Arrival, asyncio.Future[Receipt]]]:
        group = [await self._queue.get()]
        size = len(group[0][0].data)
        while not self._queue.empty() and len(group) < GROUP_LIMIT and size < GROUP_BYTES:
            group.append(self._queue.get_nowait())
            size += len(group[-1][0].data)
        return group

    async def _commit(self, group: list[tuple[Arrival, asyncio.Future[Receipt]]]) -> None:
        try:
            answers = await mails.accept_all(self._database, [arrival for arrival, _ in group])
        except asyncio.CancelledError:
            for _, done in group:
                _fail(done, "the service stops")
            raise
        except Exception as error:  # noqa: BLE001 (whatever it was, the mail is not durable: the peer must keep it)
            log.error("intake.failed", mails=len(group), error=str(error)[:300])
            for _, done in group:
                _fail(done, "the store did not take the mail")
            return
        self._stored()
        for (arrival, done), (mail_id, duplicate) in zip(group, answers, strict=True):
            replayed = not mail_id and arrival.seen is not None and arrival.seen.bound
            if not done.done():
                done.set_result(Receipt(mail_id=mail_id, duplicate=duplicate, replayed=replayed))


def _fail(done: asyncio.Future[Receipt], reason: str) -> None:
    with contextlib.suppress(asyncio.InvalidStateError):
        done.set_exception(StoreUnavailableError(reason))
