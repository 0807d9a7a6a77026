"""SMTP servers on loopback: one that fails where it is told to, and a well behaved one (aiosmtpd)."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

NORMAL = {
    "greeting": "220 ready",
    "ehlo": "250-peer\r\n250-SIZE 1000000\r\n250-SMTPUTF8\r\n250 8BITMIME",
    "star": "220 go",
    "auth": "235 ok",
    "mail": "250 ok",
    "rcpt": "250 ok",
    "data": "354 go on",
    "dot": "250 2.0.0 queued as 1",
    "quit": "221 bye",
}
DRIP_SECONDS = 0.03
"""Between two bytes of a server that drips."""


class _EndSessionError(Exception):
    """The script ends this connection."""


@dataclass
class ScriptedServer:
    """Answers as NORMAL does, apart from `script`: step -> an action, or the answer to give.

    A list gives one entry for each time that the step is reached; the last one stays.
    """

    script: dict[str, str | list[str]]
    mails: list[bytes] = field(default_factory=list)
    """What came up to each final dot, dots taken out again; complete mails only."""
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    got_mail: asyncio.Event = field(default_factory=asyncio.Event)
    sessions: set[asyncio.Task[None]] = field(default_factory=set)
    meanwhile: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """What happens elsewhere before the answer to a step."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task: Any = asyncio.current_task()
        self.sessions.add(task)
        with contextlib.suppress(_EndSessionError, OSError, asyncio.IncompleteReadError):
            await self._answer("greeting", reader, writer)
            while line := await reader.readline():
                self.commands.append(line.decode("latin-1").rstrip("\r\n"))
                verb = line[:4].decode("latin-1").lower()
                await self._answer(verb if verb in NORMAL else "ehlo", reader, writer)
                if verb == "data" and self._goes_on():
                    content = await reader.readuntil(b"\r\n.\r\n")
                    stuffed = b"\r\n" + content.removesuffix(b".\r\n")
                    self.mails.append(stuffed.replace(b"\r\n.", b"\r\n").removeprefix(b"\r\n"))
                    self.got_mail.set()
                    await self._answer("dot", reader, writer)
                if verb == "quit":
                    break
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def _said(self, step: str) -> str:
        entry = self.script.get(step, NORMAL[step])
        return entry[0] if isinstance(entry, list) else entry

    def _goes_on(self) -> bool:
        """What was said to DATA asks for the mail."""
        return self._said("data").startswith("354") or self._said("data") == "slow"

    async def _answer(self, step: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if step in self.meanwhile:
            await self.meanwhile[step]()
        said = self._said(step)
        entry = self.script.get(step)
        if isinstance(entry, list) and len(entry) > 1:
            entry.pop(0)
        if said == "timeout":
            await reader.read()
            raise _EndSessionError
        if said == "drip":
            await self._drip(reader, writer)
            raise _EndSessionError
        if said == "reset":
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            raise _EndSessionError
        if said == "half-close":
            writer.write_eof()
            await reader.read()
            raise _EndSessionError
        if said == "slow":
            await self._slowly(NORMAL[step], writer)
            return
        said = {"garbage": "\x00\x1b[2J!!! not smtp", "flood": "250-" + "x" * 100_000}.get(said, said)
        writer.write(said.encode("latin-1") + b"\r\n")
        await writer.drain()
        if said.startswith("421"):
            raise _EndSessionError

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """An answer that never ends, a byte now and then, until the client has gone."""
        answer = b"250-" + b"x" * 100_000
        for n in range(len(answer)):
            writer.write(answer[n : n + 1])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), DRIP_SECONDS)
                return

    async def _slowly(self, said: str, writer: asyncio.StreamWriter) -> None:
        """Each byte in a packet of its own."""
        for one in said.encode("latin-1") + b"\r\n":
            writer.write(bytes([one]))
            await writer.drain()
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def scripted(**script: str | list[str]) -> AsyncIterator[ScriptedServer]:
    peer = ScriptedServer(script)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        await server.wait_closed()
        # The clients are closed by now, so every session ends by itself.
        await asyncio.wait_for(asyncio.gather(*peer.sessions), 5)


@contextlib.contextmanager
def silent_port() -> Any:
    """A port whose queue of connections is full: a further one gets no answer at all."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield listener.getsockname()[1]


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


@dataclass
class Accepted:
    mail_from: str
    rcpt_to: list[str]
    content: bytes
    tls: bool
    options: list[str]


@dataclass
class Sink:
    """What a real server accepted."""

    accepted: list[Accepted] = field(default_factory=list)
    port: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_for(self, number: int) -> None:
        """Until so many were accepted."""
        async with asyncio.timeout(30):
            while len(self.accepted) < number:
                self.news.clear()
                await self.news.wait()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        self.accepted.append(
            Accepted(
                envelope.mail_from,
                list(envelope.rcpt_tos),
                envelope.content,
                session.ssl is not None,
                list(envelope.mail_options),
            )
        )
        self.news.set()
        return "250 taken"


@contextlib.asynccontextmanager
async def sink(*, implicit_tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Sink]:
    taken = Sink()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(taken, hostname="peer", decode_data=False, **options), "127.0.0.1", 0, ssl=implicit_tls
    )
    taken.port = server.sockets[0].getsockname()[1]
    try:
        yield taken
    finally:
        server.close()
        await server.wait_closed()


def accepts_only(user: bytes, password: bytes) -> Any:
    def check(server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
        right = (data.login, data.password) == (user, password)
        # Not `handled`: then aiosmtpd itself answers a wrong password with 535.
        return AuthResult(success=right, handled=right)

    return check


def certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for `name` and 127.0.0.1: (PEM file to trust, the server's context)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / f"{name}.pem", folder / f"{name}.key"
    public.write_bytes(cert.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context
