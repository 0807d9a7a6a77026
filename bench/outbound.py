"""Replies composed, signed, sealed and handed over a second: `python -m bench.outbound [COUNT]`.

Measured beside bare aiosmtplib in the same run, round after round, medians of three: once with the smarthost on this
machine (Postfix' smtp-sink, else one of ours), where only processors count and an RSA-2048 signature alone costs more
than a whole mail costs aiosmtplib; and once with one that is 10 ms away, as smarthosts are. Bare is

- kept: connections that are kept, and bytes that are made already: the most that the library can do;
- send: `aiosmtplib.send`, a connection a mail, as scripts use it.

What composing and signing cost by themselves stands first.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from statistics import median

import aiosmtplib
from aiosmtplib import SMTP
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from outbound import tokens
from outbound.authorize import authorize
from outbound.compose import Composed, Reply, compose
from outbound.contracts import ApprovedEmail, EmailActionPolicy, Refused, Sent
from outbound.couriers.smtp import SmtpCourier
from outbound.dkim import DkimKey, sign
from outbound.settings import CourierSettings

PLACES = ((0.0, 4), (0.01, 20))
"""How far the smarthost is (seconds), and how many deliveries at once."""
ROUNDS = 3
DOMAIN = "larkspur.example"
SENDER = f"support@{DOMAIN}"
KEY = b"k" * 32
TEXT = "Hello Ann,\n\nwe are open on Saturday from nine to four, and closed on Sunday.\n\n" * 4


class Sink(asyncio.Protocol):
    """An SMTP server that says yes."""

    def __init__(self, delay: float) -> None:
        self.delay = delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer, self.in_data = transport, b"", False
        self._say(b"220 sink ESMTP\r\n")

    def _say(self, answer: bytes) -> None:
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, answer)
        else:
            self.transport.write(answer)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = b"\r\n.\r\n" if self.in_data else b"\r\n"
            line, found, rest = self.buffer.partition(end)
            if not found:
                return
            self.buffer = rest
            self._answer(line)

    def _answer(self, line: bytes) -> None:
        verb = b"" if self.in_data else line[:4].upper()
        if verb == b"EHLO":
            self._say(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 26214400\r\n")
        elif verb == b"DATA":
            self.in_data = True
            self._say(b"354 go on\r\n")
        elif verb == b"QUIT":
            self._say(b"221 bye\r\n")
            asyncio.get_running_loop().call_later(self.delay, self.transport.close)
        else:
            self.in_data = False
            self._say(b"250 ok\r\n")


async def sink(delay: float) -> None:
    """Print the port and take mail until the process is ended."""
    server = await asyncio.get_running_loop().create_server(lambda: Sink(delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@asynccontextmanager
async def smarthost(delay: float) -> AsyncIterator[int]:
    """A process that takes everything; gives its port once it answers."""
    if delay == 0 and (found := shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")):
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = int(held.getsockname()[1])
        as_nobody = ["-u", "nobody"] if os.getuid() == 0 else []
        process = await asyncio.create_subprocess_exec(found, *as_nobody, "-c", f"127.0.0.1:{port}", "1000", stdout=-3)
        await _answers(port)
    else:
        command = [sys.executable, "-m", "bench.outbound", "--sink", str(delay)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        port = int(await process.stdout.readline())
    try:
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _answers(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def built(n: int, keys: tuple[DkimKey, ...]) -> ApprovedEmail:
    """One reply, as `agent.dispatch` makes it."""
    now = datetime.now(UTC)
    message_id = tokens.message_id(KEY, f"o-{n}", DOMAIN)
    reply = Reply(
        from_address=SENDER,
        from_name="Larkspur",
        to_address=f"ann{n}@customer.example",
        to_name="Ann",
        subject="Re: Opening hours",
        body=TEXT,
        message_id=message_id,
        in_reply_to=f"{n}@customer.example",
        references=("first@customer.example",),
        date=now,
        way="unseen",
    )
    composed = compose(reply)
    assert not isinstance(composed, Refused)
    policy = EmailActionPolicy(
        action_id=f"a-{n}",
        risk_level="low",
        requires_human_review=False,
        review_reason="",
        allowed_sender=SENDER,
        allowed_recipient=True,
        decision="allow",
    )
    email = authorize(
        Composed.of(sign(composed.raw, keys)),
        key=KEY,
        action_id=f"a-{n}",
        message_id=message_id,
        way="unseen",
        return_path=tokens.verp(KEY, f"o-{n}", DOMAIN),
        sender=SENDER,
        recipient=reply.to_address,
        thread_head="m-1",
        policy_version="v1",
        approved_by="postroom",
        approved_at=now,
        policy=policy,
    )
    assert not isinstance(email, Refused)
    return email


async def a_second(count: int, at_once: int, one: Callable[[int, int], Awaitable[None]]) -> float:
    """How many a second; `one` gets the number of the mail and of the worker."""
    waiting = list(range(count))

    async def work(worker: int) -> None:
        while waiting:
            await one(waiting.pop(), worker)

    begun = time.perf_counter()
    await asyncio.gather(*(work(n) for n in range(at_once)))
    return count / (time.perf_counter() - begun)


async def kept(port: int, at_once: int, made: Sequence[ApprovedEmail]) -> float:
    clients = [SMTP(hostname="127.0.0.1", port=port, start_tls=False) for _ in range(at_once)]
    for client in clients:
        await client.connect()

    async def one(n: int, worker: int) -> None:
        email = made[n]
        await clients[worker].sendmail(email.return_path, [email.recipient], email.raw)

    found = await a_second(len(made), at_once, one)
    for client in clients:
        await client.quit()
    return found


async def sent(port: int, at_once: int, made: Sequence[ApprovedEmail]) -> float:
    async def one(n: int, _worker: int) -> None:
        email = made[n]
        await aiosmtplib.send(
            email.raw,
            sender=email.return_path,
            recipients=[email.recipient],
            hostname="127.0.0.1",
            port=port,
            start_tls=False,
        )

    return await a_second(len(made), at_once, one)


async def ours(port: int, at_once: int, count: int, *, pooled: bool, keys: tuple[DkimKey, ...]) -> float:
    settings = CourierSettings(
        kind="smtp", host="127.0.0.1", port=port, tls="none", kept_connections=at_once if pooled else 0
    )
    courier = SmtpCourier(settings)

    async def one(n: int, _worker: int) -> None:
        result = await courier.deliver(built(n, keys))
        assert isinstance(result, Sent), result

    found = await a_second(count, at_once, one)
    await courier.close()
    return found


def alone(count: int, keys: tuple[DkimKey, ...]) -> None:
    """What is done before a byte leaves, on one processor: by its own time, which other work does not change."""
    plain = [built(n, ()).raw for n in range(count)]
    for name, one in (
        ("composed, read again and sealed", lambda n: built(n + count, ())),
        ("signed by RSA-2048 and Ed25519", lambda n: sign(plain[n], keys)),
    ):
        begun = time.process_time()
        for n in range(count):
            one(n)
        print(f"{name:<44} {count / (time.process_time() - begun):6.0f} a second")


async def compared(count: int, delay: float, at_once: int, keys: tuple[DkimKey, ...]) -> None:
    made = [built(n, ()) for n in range(count)]
    async with smarthost(delay) as port:
        rows: dict[str, Callable[[], Awaitable[float]]] = {
            "bare, kept": lambda: kept(port, at_once, made),
            "bare, send": lambda: sent(port, at_once, made),
            "ours, pooled, not signed": lambda: ours(port, at_once, count, pooled=True, keys=()),
            "ours, pooled, signed": lambda: ours(port, at_once, count, pooled=True, keys=keys),
            "ours, a connection a mail, signed": lambda: ours(port, at_once, count, pooled=False, keys=keys),
        }
        rounds = [{name: await timed(one, count) for name, one in rows.items()} for _ in range(ROUNDS)]
    where = f"{delay * 1000:g} ms away" if delay else "on this machine"
    print(f"\n{f'{where}, {at_once} at once':<36} a second  of kept  of send   CPU ms")
    for name in rows:
        many = median(one[name][0] for one in rounds)
        of_kept, of_send = (median(one[name][0] / one[by][0] for one in rounds) for by in ("bare, kept", "bare, send"))
        used = median(one[name][1] for one in rounds)
        print(f"{name:<36} {many:8.0f} {of_kept:8.2f} {of_send:8.2f} {used:8.2f}")


async def timed(one: Callable[[], Awaitable[float]], count: int) -> tuple[float, float]:
    """How many a second, and what of this process' own time (milliseconds) each one took."""
    begun = time.process_time()
    found = await one()
    return found, (time.process_time() - begun) / count * 1000


async def main(count: int) -> None:
    rsa = DkimKey(DOMAIN, "r", generate_private_key(public_exponent=65537, key_size=2048))
    ed25519 = DkimKey(DOMAIN, "e", Ed25519PrivateKey.generate())
    alone(count, (rsa, ed25519))
    for delay, at_once in PLACES:
        await compared(count, delay, at_once, (rsa, ed25519))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--sink"]:
        asyncio.run(sink(float(sys.argv[2])))
    else:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
