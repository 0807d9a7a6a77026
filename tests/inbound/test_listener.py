"""The door over real sockets: what it accepts, what it says, how it opens and closes."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import smtplib
import socket
import struct

import aiosmtplib
import pytest

from inbound.contracts import StoreUnavailableError
from inbound.listener import CannotListenError, Door, PortBusyError
from inbound.replies import Reply
from inbound.settings import ListenerSettings
from inbound.smtp_commands import Transaction
from inbound.smtp_session import SmtpSession
from tests.inbound.door_peer import BOUNCE, MAIL, NOW, SUPPORT, MemoryIntake, Peer, open_door, until


async def test_a_mail_reaches_the_intake_with_its_whole_envelope() -> None:
    """One accept, all recipients in order and each once, mailbox and bounce together."""
    async with open_door() as house:
        peer = await house.knock()
        await peer.begin(BOUNCE, SUPPORT, "Support@SHOP.example", sender="A@B.Example")
        assert await peer.ask(MAIL + b".") == "250 2.0.0 Accepted as m_1\r\n"
        [(data, envelope)] = house.intake.mails
        assert data == MAIL
        assert envelope.door == "smtp"
        assert envelope.mail_from == "a@b.example"
        assert envelope.rcpt_to == (BOUNCE, SUPPORT)
        assert envelope.peer == "127.0.0.1"
        assert envelope.helo == "client.example"
        assert envelope.tls is False
        assert envelope.received_at == NOW


async def test_ehlo_offers_what_is_true_and_no_more() -> None:
    async with open_door(max_message_bytes=12345) as house:
        peer = await house.knock()
        offered = await peer.ask("EHLO x")
        assert "250-SIZE 12345\r\n" in offered
        assert "250-8BITMIME\r\n" in offered
        assert "250-SMTPUTF8\r\n" in offered
        for absent in ("AUTH", "STARTTLS", "CHUNKING", "VRFY", "EXPN", "DSN"):
            assert absent not in offered


async def test_the_null_return_path_is_accepted() -> None:
    async with open_door() as house:
        peer = await house.knock()
        await peer.begin(BOUNCE, sender="")
        assert (await peer.ask(MAIL + b".")).startswith("250 ")
        assert house.intake.mails[0][1].mail_from == ""


async def test_a_mail_to_a_bounce_address_with_a_sender_is_accepted() -> None:
    """Screening decides what it is, not the door."""
    async with open_door() as house:
        peer = await house.knock()
        await peer.begin(BOUNCE, sender="daemon@b.example")
        assert (await peer.ask(MAIL + b".")).startswith("250 ")


async def test_real_clients_deliver_8bit_and_utf8_addresses() -> None:
    async with open_door() as house:
        body = "From: ü@bücher.example\r\nSubject: Größe\r\n\r\n.\r\n..\r\nGrüße\r\n".encode()
        await aiosmtplib.send(
            body,
            sender="ü@bücher.example",
            recipients=["user@bücher.example"],
            hostname="127.0.0.1",
            port=house.door.port,
            start_tls=False,
            mail_options=["SMTPUTF8", "BODY=8BITMIME"],
        )
        [(data, envelope)] = house.intake.mails
        assert data == body
        assert envelope.mail_from == "ü@xn--bcher-kva.example"
        assert envelope.rcpt_to == ("user@xn--bcher-kva.example",)


async def test_smtplib_delivers_to_the_known_and_hears_of_the_unknown() -> None:
    async with open_door() as house:

        def deliver() -> dict[str, tuple[int, bytes]]:
            with smtplib.SMTP("127.0.0.1", house.door.port, timeout=5) as client:
                return client.sendmail("a@b.example", [SUPPORT, "nobody@shop.example"], MAIL)

        refused = await asyncio.to_thread(deliver)
        assert refused["nobody@shop.example"][0] == 550
        assert house.intake.mails[0][1].rcpt_to == (SUPPORT,)


async def test_pipelined_commands_and_mails_are_all_answered_in_order() -> None:
    async with open_door() as house:
        peer = await house.knock()
        one = b"MAIL FROM:<a@b.example> SIZE=10\r\nRCPT TO:<" + SUPPORT.encode() + b">\r\nDATA\r\n" + MAIL + b".\r\n"
        peer.send(one + one + b"NOOP\r\nQUIT\r\n")
        codes = [line[:3] for line in (await peer.at_end()).split(b"\r\n")]
        assert codes == [b"250", b"250", b"354", b"250"] * 2 + [b"250", b"221", b""]
        assert len(house.intake.mails) == 2


async def test_a_client_that_closes_its_half_still_hears_the_end() -> None:
    """`printf ... | nc` is how people try a door."""
    async with open_door() as house:
        peer = await house.knock(greet=False)
        peer.send(
            b"HELO x\nMAIL FROM:<a@b.example>\nRCPT TO:<" + SUPPORT.encode() + b">\nDATA\n" + MAIL + b".\r\nQUIT\n"
        )
        peer.writer.write_eof()
        assert (await peer.at_end()).endswith(b"250 2.0.0 Accepted as m_1\r\n221 2.0.0 Bye\r\n")


async def test_postmaster_without_a_domain_is_the_one_of_this_host() -> None:
    async with open_door() as house:
        peer = await house.knock()
        await peer.begin("Postmaster")
        assert (await peer.ask(MAIL + b".")).startswith("250 ")
        assert house.intake.mails[0][1].rcpt_to == ("postmaster@shop.example",)


@pytest.mark.parametrize("path", ["FROM:<a@b.example>", "from: <a@b.example>", "From:a@b.example", "FROM:<> SIZE=0"])
async def test_lenient_spellings_of_a_return_path_are_read(path: str) -> None:
    async with open_door() as house:
        peer = await house.knock()
        assert await peer.code(f"MAIL {path}") == 250


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:<a@b.example> SIZE=10 SIZE=10", 555),
        ("MAIL FROM:<a@b.example> RET=FULL", 555),
        ("MAIL FROM:<a@b.example> BODY=BINARYMIME", 555),
        ("MAIL FROM:<a@b.example> SIZE=ten", 555),
        ("MAIL FROM:<a@b.example> SMTPUTF8=yes", 555),
        ("MAIL FROM:<ü@b.example>", 553),
        ("MAIL FROM:<a b@b.example>", 501),
        ("MAIL FROM:<a@b.example", 501),
        ("MAIL FROM:<a@@b.example>", 553),
        ("MAIL TO:<a@b.example>", 501),
        ("MAIL", 501),
        ("RCPT TO:<support@shop.example>", 503),
        ("DATA", 503),
        ("STARTTLS", 502),
        ("AUTH PLAIN AGEAYg==", 502),
        ("EXPN staff", 502),
        ("VRFY support", 252),
        ("VRFY", 501),
        ("HELP", 214),
        ("HELP MAIL", 214),
        ("NOOP x", 250),
        ("RSET", 250),
        ("RSET x", 501),
        ("QUIT x", 501),
        ("EHLO", 501),
        ("HELO two words", 501),
        ("XCLIENT ADDR=1.2.3.4", 500),
        ("", 500),
        (b"NOOP \xff", 500),
        (b"NOOP a\0b", 500),
        (b"NOOP a\rMAIL FROM:<a@b.example>", 500),
        (b"NOOP " + b"x" * 5_000, 500),
        (b"NOOP " + b"x" * 300_000, 500),
    ],
)
async def test_each_command_has_its_answer_and_the_session_goes_on(command: str | bytes, code: int) -> None:
    async with open_door() as house:
        peer = await house.knock()
        assert await peer.code(command) == code
        assert await peer.code("NOOP") == 250


async def test_commands_out_of_order_are_refused() -> None:
    async with open_door() as house:
        peer = await house.knock(greet=False)
        await peer.reply()
        assert await peer.code("MAIL FROM:<a@b.example>") == 503
        assert await peer.code("HELO x") == 250
        assert await peer.code("MAIL FROM:<a@b.example>") == 250
        assert await peer.code("MAIL FROM:<a@b.example>") == 503
        assert await peer.code("DATA") == 503
        assert await peer.code(f"RCPT TO:<{SUPPORT}>") == 250
        assert await peer.code("DATA now") == 501
        assert await peer.code("RSET") == 250
        assert await peer.code(f"RCPT TO:<{SUPPORT}>") == 503


@pytest.mark.parametrize("verb", ["GET / HTTP/1.1", "POST / HTTP/1.1", "BDAT 100 LAST"])
async def test_what_is_not_smtp_ends_the_session(verb: str) -> None:
    """A browser's request body must not be read as commands."""
    async with open_door() as house:
        peer = await house.knock()
        peer.send(f"{verb}\r\nMAIL FROM:<a@b.example>\r\n".encode())
        assert await peer.at_end() == b"421 4.7.0 This is not SMTP; closing\r\n"


async def test_garbage_is_answered_line_by_line() -> None:
    """Two thousand lines of half-right commands: each has its reply, and none is trouble on our side."""
    dice = random.Random(7)
    words = [
        b"MAIL",
        b"RCPT",
        b"EHLO",
        b"HELO",
        b"NOOP",
        b"RSET",
        b"VRFY",
        b"FROM:",
        b"TO:",
        b"<",
        b">",
        b"@",
        b" ",
        b'"',
    ]
    words += [
        b"a@b.example",
        SUPPORT.encode(),
        b"\t",
        b"\xff",
        b"\xc3\xbc",
        b"SIZE=9",
        b"BODY=",
        b"SMTPUTF8",
        b"\\",
        b"%",
        b"\r",
    ]
    async with open_door(max_errors=10_000) as house:
        peer = await house.knock()
        for _ in range(2_000):
            answer = await peer.ask(b"".join(dice.choices(words, k=dice.randint(1, 7))))
            assert re.match(r"[25][0-9]{2}[ -]", answer)


class LmtpSession(SmtpSession):
    """What LMTP (RFC 2033) needs beyond SMTP."""

    door = "lmtp"
    verbs = {"LHLO": SmtpSession.verbs["EHLO"]} | {
        name: verb for name, verb in SmtpSession.verbs.items() if name not in {"EHLO", "HELO"}
    }

    async def answer_mail(self, outcome: Reply, transaction: Transaction) -> Reply | None:
        for _ in transaction.recipients:
            await self.say(outcome)
        return None


class LmtpDoor(Door):
    session = LmtpSession


async def test_lmtp_follows_by_a_subclass() -> None:
    """LHLO, and one reply for each recipient, in order."""
    intake = MemoryIntake()
    door = LmtpDoor(ListenerSettings(port=0), intake, clock=lambda: NOW)
    peer = Peer(*await asyncio.open_connection("127.0.0.1", await door.start()))
    assert await peer.code("NOOP") == 220
    assert (await peer.reply()).startswith("250 ")
    assert await peer.code("EHLO x") == 500
    assert await peer.code("LHLO x") == 250
    await peer.begin(SUPPORT, BOUNCE)
    assert await peer.ask(MAIL + b".") == "250 2.0.0 Accepted as m_1\r\n"
    assert await peer.reply() == "250 2.0.0 Accepted as m_1\r\n"
    assert intake.mails[0][1].door == "lmtp"
    await peer.close()
    await door.stop()


@pytest.mark.parametrize("error", [StoreUnavailableError("full"), RuntimeError("bug"), OSError("disk"), TimeoutError()])
async def test_a_store_that_fails_is_a_451_and_the_next_mail_may_succeed(error: Exception) -> None:
    async with open_door() as house:
        peer = await house.knock()
        house.intake.fails = error
        assert (await peer.deliver(MAIL)).startswith("451 4.3.0 ")
        house.intake.fails = None
        assert (await peer.deliver(MAIL)).startswith("250 ")
        assert len(house.intake.mails) == 1


async def test_nothing_is_said_before_the_intake_returned() -> None:
    async with open_door(MemoryIntake(gate=asyncio.Event())) as house:
        peer = await house.knock()
        await peer.begin()
        peer.send(MAIL + b".\r\n")
        await house.intake.started.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await peer.reader.readline()
        assert house.intake.gate is not None
        house.intake.gate.set()
        assert (await peer.reply()).startswith("250 ")


async def test_a_peer_that_vanishes_does_not_stop_the_storing() -> None:
    async with open_door(MemoryIntake(gate=asyncio.Event()), stop_seconds=5) as house:
        peer = await house.knock()
        await peer.begin()
        peer.send(MAIL + b".\r\n")
        await house.intake.started.wait()
        # A reset, as when its machine went down: no orderly end.
        peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.writer.transport.abort()
        await until(lambda: not house.door._state.sessions)
        assert house.intake.gate is not None
        house.intake.gate.set()
        await house.door.stop()
        assert len(house.intake.mails) == 1


async def test_a_mail_that_was_cut_off_is_not_stored() -> None:
    async with open_door() as house:
        peer = await house.knock()
        await peer.begin()
        peer.send(MAIL + b".\r")
        peer.writer.write_eof()
        assert await peer.at_end() == b""
        assert house.intake.mails == []


async def test_a_busy_port_is_named_with_its_setting() -> None:
    async with open_door() as house:
        second = Door(ListenerSettings(port=house.door.port), MemoryIntake(), clock=lambda: NOW)
        with pytest.raises(PortBusyError) as busy:
            await second.start()
        for word in (str(house.door.port), "127.0.0.1", "[listener]", "port"):
            assert word in str(busy.value)


async def test_a_host_that_is_not_ours_is_named() -> None:
    door = Door(ListenerSettings(host="192.0.2.1", port=0), MemoryIntake(), clock=lambda: NOW)
    with pytest.raises(CannotListenError, match=r"192\.0\.2\.1.*\[listener\]"):
        await door.start()


async def test_stopping_says_goodbye_to_the_idle_and_lets_a_mail_end() -> None:
    async with open_door(stop_seconds=5) as house:
        idle, busy = await house.knock(), await house.knock()
        await busy.begin()
        busy.send(MAIL[:10])
        stopping = asyncio.create_task(house.door.stop())
        assert (await idle.at_end()).startswith(b"421 4.3.2 ")
        assert not stopping.done()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", house.door.port)
        busy.send(MAIL[10:] + b".\r\n")
        assert (await busy.reply()).startswith("250 ")
        assert (await busy.at_end()).startswith(b"421 4.3.2 ")
        await stopping
        assert len(house.intake.mails) == 1


async def test_stopping_waits_no_longer_than_it_may() -> None:
    async with open_door(stop_seconds=0.05) as house:
        peer = await house.knock()
        await peer.begin()
        peer.send(MAIL)
        stopping = asyncio.create_task(house.door.stop())
        assert (await peer.at_end()).startswith(b"421 4.3.2 ")
        await stopping
        assert house.intake.mails == []


async def test_no_log_shows_what_the_client_wrote(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with open_door() as house:
        peer = await house.knock()
        await peer.ask("CANARY-COMMAND x")
        await peer.ask("MAIL FROM:<CANARY@b.example>")
        await peer.ask("RCPT TO:<CANARY@shop.example>")
        await peer.ask(f"RCPT TO:<{SUPPORT}>")
        await peer.ask("DATA")
        house.intake.fails = RuntimeError("CANARY")
        await peer.ask(MAIL + b"CANARY\x1b[31m\r\n.")
        await peer.ask("EHLO CANARY")
        await peer.ask("QUIT")
    written = capfd.readouterr()
    assert not [record for record in caplog.records if record.name == "mail.log"]
    assert "CANARY" not in caplog.text + written.out + written.err
