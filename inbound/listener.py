"""The SMTP door: opens the port in the service's own event loop, lets sessions in, and closes in good order.

Rules:
- Never aiosmtpd's Controller: no second thread, no second loop.
- A port that cannot be had is an error that names host, port and setting.
- Stopping lets mails that are coming in end within `stop_seconds`; the others hear a 421 and come again.
- aiosmtpd's own log stays silent: its lines for each connection cost more than they tell.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from inbound.contracts import Intake
from inbound.door_state import DoorState
from inbound.settings import ListenerSettings
from inbound.smtp_session import SmtpSession

_BACKLOG = 512
_FAREWELL_SECONDS = 3.0
"""For the 421 and the closing of what is still there when the door is shut."""


class CannotListenError(Exception):
    """The port could not be opened. The text is for the operator."""


class PortBusyError(CannotListenError):
    """Another program has the port."""


class Door:
    """Serves SMTP on one port. A door for LMTP is a subclass with another `session`."""

    session: ClassVar[type[SmtpSession]] = SmtpSession
    section: ClassVar[str] = "listener"
    """Of config.toml, for error texts."""

    def __init__(
        self,
        settings: ListenerSettings,
        intake: Intake,
        *,
        clock: Callable[[], datetime],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._clock = clock
        self._tls = tls
        self._state = DoorState(settings)
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port that is open (the configured one may be 0); 0 before `start`."""
        return self._port

    async def start(self) -> int:
        """Open the port and return its number. Raises PortBusyError, CannotListenError."""
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        host, port = self._settings.host, self._settings.port
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._open_session, host, port, backlog=_BACKLOG
            )
        except OSError as error:
            raise self._explain(error, host, port) from error
        self._port = int(self._server.sockets[0].getsockname()[1])
        return self._port

    async def stop(self) -> None:
        """Accept no more, let the mails that are coming in end, say goodbye to the rest."""
        if self._server is None:
            return
        self._server.close()
        for guest in list(self._state.sessions):
            guest.stop_soon(at_once=False)
        # Whoever is not in a mail leaves by itself; the wait is for the others.
        await self._wait(self._settings.stop_seconds)
        for guest in list(self._state.sessions):
            guest.stop_soon(at_once=True)
        await self._wait(_FAREWELL_SECONDS)
        await self._server.wait_closed()
        self._server = None

    async def _wait(self, seconds: float) -> None:
        running = {*self._state.sessions.values(), *self._state.deliveries}
        if running:
            await asyncio.wait(running, timeout=seconds)

    def _open_session(self) -> SmtpSession:
        return self.session(self._settings, self._intake, self._state, clock=self._clock, tls=self._tls)

    def _explain(self, error: OSError, host: str, port: int) -> CannotListenError:
        setting = f"set another `port` in [{self.section}] of config.toml"
        if error.errno == errno.EADDRINUSE:
            return PortBusyError(f"Port {port} on {host} is used by another program: stop that one, or {setting}.")
        if isinstance(error, PermissionError):
            return CannotListenError(f"This user may not open port {port} on {host}: {setting}, above 1023 say.")
        return CannotListenError(
            f"Cannot listen on {host} port {port} ({error.strerror or error}): "
            f"see `host` and `port` in [{self.section}] of config.toml."
        )


def tls_context(settings: ListenerSettings) -> ssl.SSLContext | None:
    """Build what STARTTLS needs, or None where no certificate is set. Raises OSError (ssl.SSLError is one)."""
    if settings.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context
