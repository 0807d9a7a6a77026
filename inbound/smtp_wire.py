"""The wire of one SMTP session on top of aiosmtpd's protocol: input, output, TLS, time, and the last words.

Rules:
- Every wait has a bound: one command, one packet of a mail, the whole session, the closing.
- Input is read into one buffer, so that pipelined commands are never lost, save what came before TLS in plain text.
- However a session ends, its place at the door is given back.
- The last reply reaches the peer: nothing is closed over unread input for as long as `LINGER_SECONDS`.
"""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from asyncio import sslproto
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP

from inbound import replies
from inbound.door_state import DoorState, origin_of, peer_address
from inbound.replies import Reply
from inbound.settings import ListenerSettings
from inbound.smtp_commands import MAX_COMMAND

CHUNK = 65_536
LINGER_SECONDS = 1.0

log = structlog.get_logger()


class HangUpError(Exception):
    """Say `reply`, then close."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class SmtpWire(SMTP, ABC):
    """A subclass holds the conversation; it calls these methods and none of aiosmtpd's commands."""

    # Doubles as the reader's flow control, which stops reading at twice this.
    line_length_limit = CHUNK

    def __init__(self, settings: ListenerSettings, state: DoorState, tls: ssl.SSLContext | None) -> None:
        super().__init__(
            None,
            hostname=settings.hostname,
            tls_context=tls,
            timeout=settings.session_seconds + 2 * LINGER_SECONDS,
            loop=asyncio.get_running_loop(),
        )
        self._settings = settings
        self._state = state
        self._input = bytearray()
        self._peer = ""
        self._refused: Reply | None = None
        self._busy = False
        """A mail is coming in: a stopping door waits for it."""
        self._stopping = False

    @abstractmethod
    async def converse(self) -> None:
        """Talk until the session is over. Raises HangUpError."""

    # --- coming and going ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # aiosmtpd is called here a second time when TLS begins.
        first = self.transport is None
        if first:
            self._peer = peer_address(transport.get_extra_info("peername"))
            self._refused = self._state.enter(origin_of(self._peer))
        super().connection_made(transport)
        if first and self._handler_coroutine is not None:
            self._state.sessions[self] = self._handler_coroutine
            self._handler_coroutine.add_done_callback(self._gone)

    def eof_received(self) -> bool | None:
        """A client may close its half and still wait for our replies (aiosmtpd would stop here)."""
        asyncio.StreamReaderProtocol.eof_received(self)
        return self.session is not None and self.session.ssl is None

    def stop_soon(self, *, at_once: bool) -> None:
        """End with a 421: after the mail that is coming in, or at once."""
        self._stopping = True
        if (at_once or not self._busy) and self._handler_coroutine is not None:
            self._handler_coroutine.cancel()

    def _gone(self, _: asyncio.Task[None]) -> None:
        # Not a `finally` of the task: one that is cancelled before its first step never gets there.
        self._abort()
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._state.sessions.pop(self, None)
        if self._refused is None:
            self._state.leave(origin_of(self._peer))

    def _abort(self) -> None:
        for transport in (self.transport, self._original_transport):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    # --- the session's frame ------------------------------------------------------------------

    async def _handle_client(self) -> None:
        """Run the conversation, and end every way of failing with the reply that it deserves."""
        farewell: Reply | None = None
        try:
            async with asyncio.timeout(self._settings.session_seconds):
                await (self.converse() if self._refused is None else self._turn_away(self._refused))
        except HangUpError as end:
            farewell = end.reply
        except TimeoutError:
            farewell = replies.SESSION_TOO_LONG
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            farewell = replies.SHUTTING_DOWN
        except OSError:
            log.info("door.connection_lost", peer=self._peer)
            return
        except Exception as error:  # noqa: BLE001 (whatever broke one session must not break the door)
            log.error("door.session_failed", peer=self._peer, error=type(error).__name__)
            farewell = replies.TROUBLE
        if farewell is not None:
            log.info("door.hung_up", peer=self._peer, reason=farewell.text)
            self._writer.write(farewell.wire())
        # Whoever was turned away at once has sent nothing yet, whoever said QUIT nothing more.
        unread = bool(self._input) or (farewell is not None and self._refused is None)
        await self._hang_up(linger=unread)

    async def _turn_away(self, reply: Reply) -> None:
        raise HangUpError(reply)

    async def _hang_up(self, *, linger: bool) -> None:
        if self.transport is None:
            return
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                if linger and self._writer.can_write_eof():
                    self._writer.write_eof()
                    while await self._reader.read(CHUNK):
                        pass
                self._writer.close()
                await self._writer.wait_closed()
        except (OSError, RuntimeError):
            self._abort()

    # --- reading and writing ------------------------------------------------------------------

    async def say(self, reply: Reply) -> None:
        self._writer.write(reply.wire())
        await self._writer.drain()

    async def next_line(self) -> bytes | None:
        """One command with its line end; more than MAX_COMMAND bytes where it was longer; None at the end."""
        overlong = b""
        try:
            async with asyncio.timeout(self._settings.idle_seconds):
                while (end := self._input.find(b"\n")) < 0:
                    if len(self._input) > MAX_COMMAND:
                        overlong = bytes(self._input[: MAX_COMMAND + 1])
                        self._input.clear()
                    chunk = await self._reader.read(CHUNK)
                    if not chunk:
                        return None
                    self._input += chunk
        except TimeoutError:
            raise HangUpError(replies.IDLE) from None
        line = bytes(self._input[: end + 1])
        del self._input[: end + 1]
        return overlong or line

    async def next_chunk(self, seconds: float) -> bytes:
        """Bytes of a mail, as many as there are; empty at the end of the input. Raises TimeoutError."""
        if self._input:
            chunk = bytes(self._input)
            self._input.clear()
            return chunk
        async with asyncio.timeout(seconds):
            return await self._reader.read(CHUNK)

    def give_back(self, rest: bytes) -> None:
        """Put back what followed the end of a mail: the next command."""
        self._input[:0] = rest

    # --- TLS ----------------------------------------------------------------------------------

    @property
    def has_tls(self) -> bool:
        return self._tls_protocol is not None

    async def begin_tls(self, context: ssl.SSLContext) -> None:
        """Say 220 and shake hands, forgetting all plain text that somebody put behind STARTTLS (RFC 3207).

        What comes between the 220 and the handshake lies in the reader, which aiosmtpd empties when TLS begins.
        Raises OSError where the handshake fails.
        """
        self._input.clear()
        await self.say(replies.TLS_READY)
        plain = self.transport
        if not isinstance(plain, asyncio.Transport):
            raise ConnectionResetError
        done = self.loop.create_future()
        tls: Any = sslproto.SSLProtocol(self.loop, self, context, done, server_side=True)
        self._tls_protocol, self._original_transport = tls, plain
        plain.set_protocol(tls)
        self.transport = tls._get_app_transport()  # noqa: SLF001 (aiosmtpd's way: it has no public name)
        tls.connection_made(plain)
        try:
            async with asyncio.timeout(self._settings.idle_seconds):
                await done
        except TimeoutError:
            raise ConnectionResetError from None
