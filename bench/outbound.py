"""Replies composed, signed, sealed and handed over a second: `python -m bench.outbound [COUNT]`.

A smarthost that takes everything runs on loopback as a process of its own, without TLS. Four deliveries at once, each
reply another one. Everything is held against bare aiosmtplib over four kept connections, in the same run, twice:

- the sender: mails that were decided and signed before, as they lie in the outbox, against the same bytes. What the
  courier's care costs: addresses, line ends, the switch, one answer at a time.
- the whole: composed, read again, signed, sealed and sent, against aiosmtplib with mails that the standard library
  composes and the same keys sign. What composing strictly, reading twice and sealing costs.

The runs are done in rounds, and medians are told: a machine that others use drifts within a run.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from statistics import median

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

AT_ONCE = 4
DOMAIN, CUSTOMERS = "larkspur.example", "customer.example"
SENDER = f"support@{DOMAIN}"
KEY = b"k" * 32
SUBJECT = "Re: Opening hours"
ROUNDS = 5
BARE = "bare aiosmtplib, the same bytes"
WHOLE = "bare aiosmtplib, composed and signed"
TEXT = "Hello Ann,\n\nwe are open on Saturday from nine to four, and closed on Sunday.\n\n" * 4


class Sink(asyncio.Protocol):
    """An SMTP server that says yes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer, self.in_data = transport, b"", False
        transport.write(b"220 sink ESMTP\r\n")

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
            self.transport.write(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 26214400\r\n")
        elif verb == b"DATA":
            self.in_data = True
            self.transport.write(b"354 go on\r\n")
        elif verb == b"QUIT":
            self.transport.write(b"221 bye\r\n")
            self.transport.close()
        else:
            self.in_data = False
            self.transport.write(b"250 ok\r\n")


async def sink() -> None:
    """Print the port and take mail until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def built(n: int, keys: tuple[DkimKey, ...]) -> ApprovedEmail:
    """One reply, as `agent.dispatch` makes it."""
    now = datetime.now(UTC)
    message_id = tokens.message_id(KEY, f"o-{n}", DOMAIN)
    reply = Reply(
        from_address=SENDER,
        from_name="Larkspur",
        to_address=f"ann{n}@customer.example",
        to_name="Ann",
        subject=SUBJECT,
        body=TEXT,
        message_id=message_id,
        in_reply_to=f"{n}@customer.example",
        references=("first@customer.example",),
        date=now,
        way="unseen",
    )
    composed = compose(reply)
    assert not isinstance(composed, Refused)
    judged = EmailActionPolicy(
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
        policy=judged,
    )
    assert not isinstance(email, Refused)
    return email


async def a_second(count: int, one: Callable[[int, int], Awaitable[None]]) -> float:
    """How many a second; `one` gets the number of the mail and of the worker."""
    waiting = list(range(count))

    async def work(worker: int) -> None:
        while waiting:
            await one(waiting.pop(), worker)

    begun = time.perf_counter()
    await asyncio.gather(*(work(n) for n in range(AT_ONCE)))
    return count / (time.perf_counter() - begun)


def plain(n: int, keys: tuple[DkimKey, ...]) -> bytes:
    """The same reply by the standard library, signed by the same keys."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"Larkspur <{SENDER}>", f"Ann <ann{n}@{CUSTOMERS}>", SUBJECT
    mail["Date"], mail["Message-ID"] = format_datetime(datetime.now(UTC)), f"<o-{n}@{DOMAIN}>"
    mail["In-Reply-To"], mail["References"] = (
        f"<{n}@customer.example>",
        f"<first@customer.example> <{n}@customer.example>",
    )
    mail["Auto-Submitted"] = "auto-replied"
    mail.set_content(TEXT)
    return sign(mail.as_bytes(policy=policy.SMTP), keys)


async def bare(port: int, count: int, made: Callable[[int], bytes]) -> float:
    clients = [SMTP(hostname="127.0.0.1", port=port, start_tls=False) for _ in range(AT_ONCE)]
    for client in clients:
        await client.connect()

    async def one(n: int, worker: int) -> None:
        await clients[worker].sendmail(f"bounces+{n}@{DOMAIN}", [f"ann{n}@customer.example"], made(n))

    found = await a_second(count, one)
    for client in clients:
        await client.quit()
    return found


async def ours(port: int, count: int, made: Callable[[int], ApprovedEmail], *, kept: int = AT_ONCE) -> float:
    courier = SmtpCourier(CourierSettings(kind="smtp", host="127.0.0.1", port=port, tls="none", kept_connections=kept))

    async def one(n: int, _worker: int) -> None:
        result = await courier.deliver(made(n))
        assert isinstance(result, Sent), result

    found = await a_second(count, one)
    await courier.close()
    return found


async def main(count: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.outbound", "--sink", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    rsa = DkimKey(DOMAIN, "r", generate_private_key(public_exponent=65537, key_size=2048))
    both = (rsa, DkimKey(DOMAIN, "e", Ed25519PrivateKey.generate()))
    decided = [built(n, both) for n in range(count)]
    runs: dict[str, Callable[[], Awaitable[float]]] = {
        BARE: lambda: bare(port, count, lambda n: decided[n].raw),
        "the sender, decided and signed before": lambda: ours(port, count, decided.__getitem__),
        "the same, a connection a mail": lambda: ours(port, count, decided.__getitem__, kept=0),
        WHOLE: lambda: bare(port, count, lambda n: plain(n, both)),
        "the whole, RSA-2048 and Ed25519": lambda: ours(port, count, lambda n: built(n, both)),
        "bare aiosmtplib, composed, not signed": lambda: bare(port, count, lambda n: plain(n, ())),
        "the whole, not signed": lambda: ours(port, count, lambda n: built(n, ())),
    }
    try:
        rounds = [{name: await run() for name, run in runs.items()} for _ in range(ROUNDS)]
    finally:
        process.terminate()
        await process.wait()
    base = ""
    for name in runs:
        base = name if name.startswith("bare") else base
        of_base = "" if name == base else f", {median(one[name] / one[base] for one in rounds):.2f} of the bare one"
        print(f"{name:<48}{median(one[name] for one in rounds):6.0f} a second{of_base}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--sink"]:
        asyncio.run(sink())
    else:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000))
