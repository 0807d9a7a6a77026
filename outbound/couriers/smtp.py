"""Courier: hands each mail to a smarthost over SMTP. One attempt, one transaction, an RCPT for each recipient.

    where                  what happens                                   outcome
    ---------------------  ---------------------------------------------  ---------
    addresses              not plain, control characters                  never
    connect .. AUTH        refused, reset, time-out, garbage, any code    again
    STARTTLS               not offered, refused, certificate not valid    again
    after EHLO             SMTPUTF8 needed and not offered                never
    any answer             421                                            again
    any answer             530, 534, 535, 538 (our credentials)           again
    MAIL, DATA             4xx                                            again
    MAIL, DATA             5xx                                            never
    each RCPT              4xx                                            again, for that recipient
    each RCPT              5xx                                            never, for that recipient
    MAIL, RCPT, DATA       reset, time-out, garbage, unexpected code      again
    before DATA            sending is paused, or nobody can say           paused
    final dot              2xx                                            sent
    final dot              4xx                                            again
    final dot              5xx                                            never
    final dot              reset, time-out, garbage, 1xx, 3xx             in doubt
    QUIT, or afterwards    anything                                       (no change)

Rules:
- Before the server said 354 it has no mail: whatever fails there can be tried again. From the first byte of the mail
  on, only an answer with a code decides.
- Recipients that were taken at RCPT get the mail, the others do not hold it back: they are named in the outcome
  (`unserved`), and another attempt serves them alone. Where nobody is taken there is no DATA: again, if one may be.
- The switch is asked after RCPT was answered and before DATA is said: a pause stops a mail that is connected already.
- The bytes on the wire are the approved ones, dots stuffed, and nothing else: no line end is mended, nothing is added.
- Addresses are checked here and put on the wire as they are: aiosmtplib would mend them silently.
- Log-in is CRAM-MD5, PLAIN or LOGIN, whatever is offered first of them, or XOAUTH2 where a token is set.
- TLS is verified, 1.2 at least; `starttls` and `tls` never go on without it. Nothing secret goes over plain text.
- A kept connection that turns out dead before DATA is replaced once within the same attempt; the server had nothing.
- Bounded in time: see `CourierSettings.longest_attempt_seconds`.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path

from aiosmtplib import SMTP, SMTPException, SMTPResponse, SMTPResponseException, SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol

from outbound.addresses import canonical, needs_smtputf8
from outbound.contracts import (
    Again,
    ApprovedEmail,
    DeliveryResult,
    InDoubt,
    Never,
    Paused,
    Sent,
    Switch,
    Unserved,
    always_on,
)
from outbound.couriers.refusals import says_nobody
from outbound.couriers.wording import one_line
from outbound.settings import CourierSettings

# What aiosmtplib and the loop raise for anything that a peer can do; ValueError from answers that do not decode.
_TROUBLE = (SMTPException, OSError, ValueError)
_OUR_CREDENTIALS = frozenset({530, 534, 535, 538})
_LONGEST_IDLE_SECONDS = 20.0
_QUIT_SECONDS = 2.0
_BARE_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class _Step(Enum):
    """How far an attempt went when it failed."""

    CONNECT = "the opening (connection, greeting, TLS, log-in)"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "the final dot"


@dataclass
class _Place:
    """Where an attempt stands."""

    step: _Step = _Step.MAIL
    unserved: list[Unserved] = field(default_factory=list)


class _StaleConnectionError(Exception):
    """A kept connection was dead already; the server has seen nothing of this mail."""


class SmtpCourier:
    name = "smtp"

    def __init__(self, settings: CourierSettings, switch: Switch = always_on) -> None:
        self._settings = settings
        self._switch = switch
        self._context = None if settings.tls == "none" else _tls_context(settings)
        self._idle: list[tuple[float, SMTP]] = []
        self._goodbyes: set[asyncio.Task[None]] = set()
        self._closed = False

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        problem = _unsendable(email)
        if problem:
            return Never(reason=problem)
        deadline = asyncio.get_running_loop().time() + self._settings.before_mail_seconds
        kept = self._take_idle()
        if kept is not None:
            try:
                return await self._attempt(kept, email, deadline, kept=True)
            except _StaleConnectionError:
                # Closed by _attempt; the server had nothing of this mail.
                pass
        fresh = self._new()
        try:
            async with asyncio.timeout_at(deadline):
                await fresh.connect(timeout=self._settings.connect_timeout_seconds)
                if fresh.is_ehlo_or_helo_needed:
                    await fresh.ehlo()
        except _TROUBLE as error:
            fresh.close()
            return Again(reason=f"{self._peer()}: {_described(error, _Step.CONNECT)}")
        except BaseException:
            fresh.close()
            raise
        return await self._attempt(fresh, email, deadline, kept=False)

    async def close(self) -> None:
        """Say goodbye on the kept connections, without waiting long."""
        self._closed = True
        while self._idle:
            self._say_goodbye(self._idle.pop()[1])
        await asyncio.gather(*self._goodbyes)

    async def _attempt(self, smtp: SMTP, email: ApprovedEmail, deadline: float, *, kept: bool) -> DeliveryResult:
        """Run one transaction; the connection is kept after it, or closed."""
        at = _Place()
        result: DeliveryResult | None = None
        try:
            if needs_smtputf8(email.return_path, *email.to_serve, email.sender) and not _speaks_utf8(smtp):
                result = Never(reason=f"{self._peer()}: cannot take non-ASCII addresses (no SMTPUTF8)")
                return result
            async with asyncio.timeout_at(deadline):
                result = await self._opened(smtp, email, at, kept=kept)
            if result is not None:
                return result
            protocol = _protocol(smtp)
            protocol.write(_stuffed(email.raw))
            at.step = _Step.DOT
            answer = await protocol.read_response(timeout=self._settings.answer_timeout_seconds)
            result = self._answered(answer).model_copy(update={"unserved": tuple(at.unserved)})
        except _TROUBLE as error:
            if kept and at.step is _Step.MAIL:
                raise _StaleConnectionError from error
            reason, unserved = f"{self._peer()}: {_described(error, at.step)}", tuple(at.unserved)
            in_doubt = at.step is _Step.DOT
            result = (InDoubt if in_doubt else Again)(reason=reason, unserved=unserved)
        finally:
            # After anything but a clean acceptance (a cancellation too) nobody knows what the server waits for.
            if isinstance(result, Sent):
                self._keep(smtp)
            else:
                smtp.close()
        return result

    async def _opened(self, smtp: SMTP, email: ApprovedEmail, at: _Place, *, kept: bool) -> DeliveryResult | None:
        """Say all that comes before the mail itself; None where the server waits for it."""
        answer = await smtp.execute_command(*_mail_from(smtp, email))
        if kept and answer.code == 421:
            raise _StaleConnectionError
        if not _goes_on(_Step.MAIL, answer.code):
            return self._refused(_Step.MAIL, answer)
        at.step = _Step.RCPT
        for address in email.to_serve:
            answer = await smtp.execute_command(b"RCPT", b"TO:<%b>" % address.encode())
            if answer.code == 421:
                return self._refused(_Step.RCPT, answer).model_copy(update={"unserved": tuple(at.unserved)})
            if not _goes_on(_Step.RCPT, answer.code):
                at.unserved.append(self._unserved(address, answer))
        if len(at.unserved) == len(email.to_serve):
            return _nobody(at.unserved)
        at.step = _Step.DATA
        if held := await self._held(email):
            return Paused(reason=held)
        answer = await smtp.execute_command(b"DATA")
        if _goes_on(_Step.DATA, answer.code):
            return None
        return self._refused(_Step.DATA, answer).model_copy(update={"unserved": tuple(at.unserved)})

    async def _held(self, email: ApprovedEmail) -> str:
        """Why the mail may not go any more; where nobody can say, that is why."""
        try:
            return await self._switch(email)
        except Exception as error:  # noqa: BLE001 (a store that is away, say: nothing was given, so nothing is in doubt)
            return f"it cannot be seen whether sending is paused: {type(error).__name__}"

    def _answered(self, answer: SMTPResponse) -> DeliveryResult:
        """What the answer to the final dot means: its first digit decides (RFC 5321 4.3.2)."""
        if 200 <= answer.code <= 299:
            return Sent(detail=one_line(f"{answer.code} {answer.message}"))
        if 400 <= answer.code <= 599:
            return self._refused(_Step.DOT, answer)
        return InDoubt(reason=f"{self._peer()}: {_answer(_Step.DOT, answer.code, answer.message)}")

    def _refused(self, step: _Step, answer: SMTPResponse) -> Again | Never:
        reason = f"{self._peer()}: {_answer(step, answer.code, answer.message)}"
        if 500 <= answer.code <= 599 and answer.code not in _OUR_CREDENTIALS:
            return Never(reason=reason)
        return Again(reason=reason)

    def _unserved(self, address: str, answer: SMTPResponse) -> Unserved:
        refused = self._refused(_Step.RCPT, answer)
        again, nobody = isinstance(refused, Again), says_nobody(answer.code, answer.message)
        return Unserved(address=address, reason=refused.reason, again=again, nobody=nobody and not again)

    def _new(self) -> SMTP:
        settings = self._settings
        return SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=settings.password.get_secret_value() or None,
            oauth_token_generator=partial(access_token, settings.token_file) if settings.token_file else None,
            local_hostname=settings.local_hostname,
            timeout=settings.command_timeout_seconds,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            tls_context=self._context,
        )

    def _take_idle(self) -> SMTP | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            since, smtp = self._idle.pop()
            if smtp.is_connected and now - since < _LONGEST_IDLE_SECONDS:
                return smtp
            smtp.close()
        return None

    def _keep(self, smtp: SMTP) -> None:
        if self._closed or len(self._idle) >= self._settings.kept_connections:
            self._say_goodbye(smtp)
        else:
            self._idle.append((asyncio.get_running_loop().time(), smtp))

    def _say_goodbye(self, smtp: SMTP) -> None:
        """Apart from the delivery: its outcome stands, and waiting here could only lose it."""
        task = asyncio.create_task(_quit(smtp, min(_QUIT_SECONDS, self._settings.command_timeout_seconds)))
        self._goodbyes.add(task)
        task.add_done_callback(self._goodbyes.discard)

    def _peer(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"


async def access_token(file: Path) -> str:
    """The OAuth token of this moment. Raises ValueError for a file that holds none, OSError where there is no file."""
    token = (await asyncio.to_thread(file.read_text, "ascii")).strip()
    if not token or not token.isprintable() or " " in token:
        raise ValueError(f"{file} holds no access token")
    return token


def _tls_context(settings: CourierSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _unsendable(email: ApprovedEmail) -> str:
    for what, address in (("return path", email.return_path), *(("recipient", one) for one in email.to_serve)):
        if canonical(address) != address:
            return f"the {what} is not an address that can go on the wire"
    if _BARE_LINE_END.search(email.raw) or not email.raw.endswith(b"\r\n"):
        return "the mail's line ends are not CRLF throughout"
    return ""


def _protocol(smtp: SMTP) -> SMTPProtocol:
    if smtp.protocol is None:
        raise SMTPServerDisconnected("connection lost")
    return smtp.protocol


def _speaks_utf8(smtp: SMTP) -> bool:
    return smtp.supports_extension("smtputf8") and smtp.supports_extension("8bitmime")


def _mail_from(smtp: SMTP, email: ApprovedEmail) -> tuple[bytes, ...]:
    options: list[bytes] = []
    if smtp.supports_extension("size"):
        options.append(b"SIZE=%d" % len(email.raw))
    if not email.raw.isascii() and smtp.supports_extension("8bitmime"):
        options.append(b"BODY=8BITMIME")
    if needs_smtputf8(email.return_path, *email.to_serve, email.sender):
        options.append(b"SMTPUTF8")
    return (b"MAIL", b"FROM:<%b>" % email.return_path.encode(), *options)


def _nobody(unserved: list[Unserved]) -> Again | Never:
    """The outcome where no recipient was taken: tried again as long as one of them may be."""
    waits = [one for one in unserved if one.again]
    kind = Again if waits else Never
    return kind(reason=(waits or unserved)[0].reason, unserved=tuple(unserved))


def _goes_on(step: _Step, code: int) -> bool:
    return code == 354 if step is _Step.DATA else code in {250, 251}


def _stuffed(raw: bytes) -> bytes:
    """RFC 5321 4.5.2, and the final dot."""
    stuffed = raw.replace(b"\r\n.", b"\r\n..")
    return (b"." if raw.startswith(b".") else b"") + stuffed + b".\r\n"


def _answer(step: _Step, code: int, message: str) -> str:
    return one_line(f"at {step.value} it answered {code} {message}")


def _described(error: Exception, step: _Step) -> str:
    if isinstance(error, SMTPResponseException):
        return _answer(step, error.code, error.message)
    if isinstance(error, ssl.SSLError):
        return one_line(f"TLS failed: {getattr(error, 'verify_message', '') or error.reason or error}")
    if isinstance(error, TimeoutError):
        return f"no answer in time at {step.value}"
    return one_line(f"at {step.value}: {error}")


async def _quit(smtp: SMTP, seconds: float) -> None:
    with contextlib.suppress(*_TROUBLE):
        await smtp.quit(timeout=seconds)
    smtp.close()
