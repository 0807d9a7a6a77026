"""One SMTP session's conversation: it refuses early, and says 250 when the mail is safe.

Rules:
- 250 after DATA only when `Intake.accept` returned; whatever else happened there is a 451 and the peer keeps the mail.
- Unknown recipients are refused at RCPT. A null return path and a recipient that is a bounce address are accepted.
- One mail is one `accept` with all its recipients.
- No AUTH. Nothing that the client wrote is logged, addresses least of all.
- A connection lost while the mail is being stored does not stop the storing.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import ClassVar

import structlog

from inbound import replies
from inbound.contracts import Envelope, Intake, Recipient, StoreUnavailableError
from inbound.data_phase import DataPhase, has_bare_line_end, header_exceeds
from inbound.door_state import DoorState, origin_of
from inbound.replies import Reply
from inbound.settings import ListenerSettings
from inbound.smtp_commands import Transaction, is_host_name, read_command, read_mail, read_recipient
from inbound.smtp_wire import HangUpError, SmtpWire

FALSE_END_SECONDS = 2.0
"""A peer that falls silent after a false end of DATA believes that it has ended, and waits."""

# A browser that was tricked into talking to us, or a client that uses what was never offered: the lines that follow
# are not commands.
_FOREIGN = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PATCH", "DELETE", "BDAT"})

log = structlog.get_logger()


class SmtpSession(SmtpWire):
    """LMTP differs in `door`, in `verbs` and in `answer_mail`."""

    door: ClassVar[str] = "smtp"

    def __init__(
        self,
        settings: ListenerSettings,
        intake: Intake,
        state: DoorState,
        *,
        clock: Callable[[], datetime],
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(settings, state, tls)
        self._intake = intake
        self._clock = clock
        self._helo = ""
        self._transaction: Transaction | None = None
        self._errors = 0
        self._leaving = False

    async def converse(self) -> None:
        await self.say(replies.greeting(self._settings.hostname))
        while not self._leaving and (line := await self.next_line()) is not None:
            reply = await self._obey(line)
            if reply is not None:
                await self.say(reply)
                self._errors += reply.refuses
            if self._errors >= self._settings.max_errors:
                raise HangUpError(replies.TOO_MANY_ERRORS)
            if self._stopping:
                raise HangUpError(replies.SHUTTING_DOWN)

    async def _obey(self, line: bytes) -> Reply | None:
        command = read_command(line)
        if isinstance(command, Reply):
            return command
        name, argument = command
        if name in _FOREIGN:
            raise HangUpError(replies.NOT_SMTP)
        verb = self.verbs.get(name)
        return await verb(self, argument) if verb else replies.UNKNOWN_COMMAND

    # --- commands -----------------------------------------------------------------------------

    async def _ehlo(self, name: str) -> Reply:
        if not self._introduce(name):
            return replies.BAD_ARGUMENT
        starttls = self.tls_context is not None and not self.has_tls
        return replies.capabilities(self._settings.hostname, self._settings.max_message_bytes, starttls=starttls)

    async def _plain_helo(self, name: str) -> Reply:
        return replies.hello(self._settings.hostname) if self._introduce(name) else replies.BAD_ARGUMENT

    def _introduce(self, name: str) -> bool:
        if not is_host_name(name):
            return False
        self._helo, self._transaction = name, None
        return True

    async def _starttls(self, argument: str) -> Reply | None:
        if argument:
            return replies.NO_ARGUMENT_WANTED
        if self.tls_context is None:
            return replies.NOT_OFFERED
        if self.has_tls:
            return replies.ALREADY_TLS
        self._helo, self._transaction = "", None
        await self.begin_tls(self.tls_context)
        return None

    async def _mail(self, argument: str) -> Reply:
        if not self._helo:
            return replies.GREET_FIRST
        if self._transaction is not None:
            return replies.NESTED_MAIL
        transaction = read_mail(argument, self._settings.max_message_bytes)
        if isinstance(transaction, Reply):
            return transaction
        if not self._state.may_send(origin_of(self._peer), self._clock()):
            return replies.TOO_MANY_MAILS
        self._transaction = transaction
        return replies.SENDER_OK

    async def _rcpt(self, argument: str) -> Reply:
        if self._transaction is None:
            return replies.MAIL_FIRST
        address = read_recipient(argument, self._settings.hostname, utf8=self._transaction.utf8)
        if isinstance(address, Reply):
            return address
        try:
            known = self._intake.recipient(address)
        except Exception as error:  # noqa: BLE001 (nobody knows whether it is ours: the peer keeps the mail)
            log.error("door.lookup_failed", peer=self._peer, error=type(error).__name__)
            return replies.TRY_LATER
        if known is Recipient.UNKNOWN:
            return replies.UNKNOWN_RECIPIENT
        recipients = self._transaction.recipients
        if address not in recipients and len(recipients) >= self._settings.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        recipients[address] = None
        return replies.RECIPIENT_OK

    async def _data(self, argument: str) -> Reply | None:
        if argument:
            return replies.NO_ARGUMENT_WANTED
        transaction = self._transaction
        if transaction is None:
            return replies.MAIL_FIRST
        if not transaction.recipients:
            return replies.RECIPIENTS_FIRST
        self._busy = True
        try:
            await self.say(replies.GO_AHEAD)
            outcome = await self._take_mail(transaction)
            self._transaction = None
            return await self.answer_mail(outcome, transaction)
        finally:
            self._busy = False

    async def answer_mail(self, outcome: Reply, transaction: Transaction) -> Reply | None:  # noqa: ARG002 (LMTP answers each recipient)
        """Say what became of the mail: return one reply, or say several."""
        return outcome

    async def _rset(self, argument: str) -> Reply:
        if argument:
            return replies.NO_ARGUMENT_WANTED
        self._transaction = None
        return replies.RESET

    async def _quit(self, argument: str) -> Reply:
        if argument:
            return replies.NO_ARGUMENT_WANTED
        self._leaving = True
        return replies.BYE

    async def _noop(self, _: str) -> Reply:
        return replies.OK

    async def _help(self, _: str) -> Reply:
        return replies.HELP

    async def _vrfy(self, argument: str) -> Reply:
        return replies.CANNOT_VERIFY if argument else replies.BAD_ARGUMENT

    async def _not_offered(self, _: str) -> Reply:
        return replies.NOT_OFFERED

    verbs: ClassVar[Mapping[str, Callable[[SmtpSession, str], Awaitable[Reply | None]]]] = {
        "EHLO": _ehlo,
        "HELO": _plain_helo,
        "STARTTLS": _starttls,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "DATA": _data,
        "RSET": _rset,
        "NOOP": _noop,
        "QUIT": _quit,
        "HELP": _help,
        "VRFY": _vrfy,
        "EXPN": _not_offered,
        "AUTH": _not_offered,
    }

    # --- the mail -----------------------------------------------------------------------------

    async def _take_mail(self, transaction: Transaction) -> Reply:
        phase = DataPhase(self._settings.max_message_bytes)
        held, crowded = 0, False
        try:
            while (rest := phase.feed(await self._next_chunk(phase))) is None:
                more, held = phase.held - held, phase.held
                if not self._state.hold(more) and not crowded:
                    crowded = True
                    phase.discard()
            self.give_back(rest)
            if crowded:
                return replies.CROWDED
            if phase.too_large:
                return replies.TOO_LARGE
            if phase.false_end:
                return replies.FALSE_END
            message = phase.take()
            return self._unfit(message) or await self._store(message, transaction)
        finally:
            self._state.hold(-held)

    async def _next_chunk(self, phase: DataPhase) -> bytes:
        idle = self._settings.idle_seconds
        silence = replies.FALSE_END if phase.false_end else replies.IDLE
        try:
            chunk = await self.next_chunk(min(idle, FALSE_END_SECONDS) if phase.false_end else idle)
        except TimeoutError:
            raise HangUpError(silence) from None
        if not chunk:
            # A mail without its end was never sent (RFC 5321 section 4.1.1.4).
            raise HangUpError(silence) if phase.false_end else ConnectionResetError
        return chunk

    def _unfit(self, message: bytes) -> Reply | None:
        """What the settings forbid to store, before anything parses it."""
        if self._settings.strict_line_ends and has_bare_line_end(message):
            return replies.BARE_LINE_END
        if header_exceeds(message, self._settings.max_header_bytes):
            return replies.HEADER_TOO_LARGE
        return None

    async def _store(self, message: bytes, transaction: Transaction) -> Reply:
        envelope = Envelope(
            door=self.door,
            mail_from=transaction.mail_from,
            rcpt_to=tuple(transaction.recipients),
            peer=self._peer,
            helo=self._helo,
            tls=self.has_tls,
            received_at=self._clock(),
        )
        delivery = asyncio.ensure_future(self._intake.accept(message, envelope))
        self._state.deliveries.add(delivery)
        delivery.add_done_callback(self._state.deliveries.discard)
        try:
            receipt = await asyncio.shield(delivery)
        except StoreUnavailableError:
            return replies.TRY_LATER
        except Exception as error:  # noqa: BLE001 (not known to be stored: the peer must keep it)
            log.error("door.accept_failed", peer=self._peer, error=type(error).__name__)
            return replies.TRY_LATER
        log.info("door.accepted", mail_id=receipt.mail_id, size=len(message), duplicate=receipt.duplicate)
        return replies.accepted(receipt)
