"""Guarantee 15: one mail at the peer is one mail here, and nothing in plain text survives STARTTLS."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl

import pytest

from inbound import replies, smtp_session
from inbound.data_phase import DataPhase
from inbound.listener import tls_context
from inbound.settings import ListenerSettings
from tests.inbound.door_peer import MAIL, SUPPORT, Peer, open_door, until
from tests.outbound.smtp_peers import certificate

LINE_ENDS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\0\n", b"\0\r\n", b"\r\n\0"]
FALSE_ENDS = [
    left + b"." + right
    for left, right in itertools.product(LINE_ENDS, repeat=2)
    if b"\r\n.\r\n" not in left + b"." + right
]
SMUGGLED = (
    b"MAIL FROM:<boss@shop.example>\r\nRCPT TO:<" + SUPPORT.encode() + b">\r\nDATA\r\nSubject: smuggled\r\n\r\nboo"
)


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
async def test_a_false_end_is_refused_and_nothing_is_stored(false_end: bytes) -> None:
    """One 5xx for the whole of it; what was smuggled is part of the refused mail; the session goes on."""
    async with open_door() as house:
        peer = await house.knock()
        await peer.begin()
        peer.send(MAIL + b"x" + false_end + SMUGGLED + b"\r\n.\r\n")
        assert (await peer.reply()).startswith("554 5.6.0 ")
        assert (await peer.ask("NOOP")).startswith("250 2.0.0 OK")
        assert house.intake.mails == []
        assert (await peer.deliver(MAIL)).startswith("250 ")


@pytest.mark.parametrize("false_end", [b".\n", b".\r", b".\r\r\n", b"\0.\r\n", b".\0\r\n"], ids=repr)
async def test_a_false_end_in_the_first_line_is_refused(false_end: bytes) -> None:
    async with open_door() as house:
        peer = await house.knock()
        await peer.begin()
        assert (await peer.ask(false_end + SMUGGLED + b"\r\n.")).startswith("554 5.6.0 ")
        assert house.intake.mails == []


@pytest.mark.parametrize(
    "false_end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\r\n\0.\r\n"], ids=repr
)
async def test_a_false_end_is_seen_wherever_the_packets_are_cut(false_end: bytes) -> None:
    """Each byte boundary of the sequence and its neighbours, over a real socket without Nagle."""
    wire = b"ab" + false_end + b"cd\r\n.\r\n"
    async with open_door(max_errors=100) as house:
        peer = await house.knock()
        _no_delay(peer)
        for cut in range(1, len(wire)):
            await peer.begin()
            peer.send(wire[:cut])
            await _packet(peer)
            peer.send(wire[cut:])
            assert (await peer.reply()).startswith("554 5.6.0 "), cut
        assert house.intake.mails == []


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
def test_a_false_end_is_seen_by_every_cutting_into_three(false_end: bytes) -> None:
    """All pairs of places, and each byte by itself, right where the bytes are taken in: no packet hides it."""
    wire = b"ab" + false_end + b"cd\r\n.\r\n"
    places = range(len(wire) + 1)
    for cuts in (*itertools.combinations(places, 2), tuple(places)):
        phase, edges = DataPhase(1_000), [0, *cuts, len(wire)]
        ends = [phase.feed(wire[left:right]) for left, right in itertools.pairwise(edges) if left < right]
        assert ends[-1] == b"", cuts
        assert phase.false_end, cuts


async def test_a_false_end_sent_byte_by_byte_is_refused() -> None:
    async with open_door() as house:
        peer = await house.knock()
        _no_delay(peer)
        await peer.begin()
        for byte in b"a\r\n.\r\n".replace(b"\r\n.\r\n", b"\r\n.\r\r\n") + b"b\r\n.\r\n":
            peer.send(bytes([byte]))
            await _packet(peer)
        assert (await peer.reply()).startswith("554 5.6.0 ")


@pytest.mark.parametrize("false_end", [b"\n.\n", b"\r.\r", b"\r\n.\n", b"\n.\r\n"], ids=repr)
async def test_a_peer_that_waits_after_a_false_end_is_answered(
    false_end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It believes that the mail has ended: a 5xx now and no more commands, not a time-out in five minutes."""
    monkeypatch.setattr(smtp_session, "FALSE_END_SECONDS", 0.05)
    async with open_door() as house:
        peer = await house.knock()
        await peer.begin()
        peer.send(MAIL.removesuffix(b"\r\n") + false_end)
        assert (await peer.at_end()).startswith(b"554 5.6.0 ")
        assert house.intake.mails == []


async def test_a_true_end_that_comes_slowly_is_no_false_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of CR LF dot CR LF is not suspicious, however long the rest takes."""
    monkeypatch.setattr(smtp_session, "FALSE_END_SECONDS", 0.01)
    async with open_door() as house:
        peer = await house.knock()
        _no_delay(peer)
        await peer.begin()
        for piece in (MAIL, b".", b"\r", b"\n"):
            peer.send(piece)
            await asyncio.sleep(0.03)
        assert (await peer.reply()).startswith("250 ")


@pytest.mark.parametrize(
    "oddity", [b"a\nb", b"a\rb", b"a\0b", b"\n\n\n", b"a\r\r\nb", b"\n..\n", b"\n.a\n", b"a.\nb", b"a.\rb"], ids=repr
)
async def test_a_bare_line_end_elsewhere_is_stored_as_it_came(oddity: bytes) -> None:
    """Real appliances send them: a defect to record, not a mail to lose. The strict setting refuses them."""
    body = MAIL + b"x" + oddity + b"\r\n"
    async with open_door() as house:
        peer = await house.knock()
        assert (await peer.deliver(body)).startswith("250 ")
        assert house.intake.mails[0][0] == body
    async with open_door(strict_line_ends=True) as house:
        peer = await house.knock()
        assert (await peer.deliver(body)).startswith("554 5.6.0 ")
        assert (await peer.deliver(MAIL)).startswith("250 ")
        assert len(house.intake.mails) == 1


async def test_dots_that_the_peer_stuffed_are_taken_out() -> None:
    async with open_door() as house:
        peer = await house.knock()
        assert (await peer.deliver(MAIL + b"..\r\n..\r\n...two\r\n")).startswith("250 ")
        assert house.intake.mails[0][0] == MAIL + b".\r\n.\r\n..two\r\n"


# --- STARTTLS -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """What `tls_certificate` and `tls_key` of the settings give, with a certificate made now."""
    folder = tmp_path_factory.mktemp("tls")
    made, _ = certificate(folder, "shop.example")
    context = tls_context(ListenerSettings(tls_certificate=made, tls_key=made.with_suffix(".key")))
    assert context is not None
    return context


async def test_a_mail_over_tls_says_so_in_its_envelope(server_tls: ssl.SSLContext) -> None:
    async with open_door(tls=server_tls) as house:
        peer = await house.knock()
        assert "STARTTLS" in await peer.ask("EHLO x")
        assert await peer.code("STARTTLS") == 220
        await peer.writer.start_tls(_trusting())
        assert "STARTTLS" not in await peer.ask("EHLO y")
        assert await peer.code("STARTTLS") == 503
        assert (await peer.deliver(MAIL)).startswith("250 ")
        envelope = house.intake.mails[0][1]
        assert (envelope.tls, envelope.helo, envelope.peer) == (True, "y", "127.0.0.1")


async def test_plain_text_behind_starttls_is_thrown_away(server_tls: ssl.SSLContext) -> None:
    """Neither its commands nor its state live on; what comes inside TLS is answered alone."""
    async with open_door(tls=server_tls) as house:
        peer = await house.knock()
        peer.send(b"MAIL FROM:<evil@b.example>\r\nSTARTTLS\r\nEHLO evil\r\nRCPT TO:<" + SUPPORT.encode() + b">\r\n")
        assert (await peer.reply()).startswith("250 ")
        assert (await peer.reply()).startswith("220 ")
        await peer.writer.start_tls(_trusting())
        # The EHLO from before TLS is forgotten, and so is the MAIL.
        assert (await peer.ask("MAIL FROM:<a@b.example>")) == replies.GREET_FIRST.wire().decode()
        assert await peer.code("EHLO y") == 250
        assert (await peer.ask(f"RCPT TO:<{SUPPORT}>")).startswith("503 ")
        assert (await peer.deliver(MAIL)).startswith("250 ")
        assert house.intake.mails[0][1].mail_from == "a@b.example"


async def test_what_is_pipelined_inside_tls_is_kept(server_tls: ssl.SSLContext) -> None:
    async with open_door(tls=server_tls) as house:
        peer = await house.knock()
        await peer.ask("STARTTLS")
        await peer.writer.start_tls(_trusting())
        peer.send(b"EHLO y\r\nNOOP\r\nQUIT\r\n")
        assert (await peer.at_end()).endswith(b"250 2.0.0 OK\r\n221 2.0.0 Bye\r\n")


@pytest.mark.parametrize("instead", [b"EHLO in plain text\r\n" * 20, b""])
async def test_a_failed_handshake_ends_the_session_and_gives_its_place_back(
    instead: bytes, server_tls: ssl.SSLContext
) -> None:
    async with open_door(tls=server_tls, max_connections=1) as house:
        peer = await house.knock()
        await peer.ask("STARTTLS")
        peer.send(instead)
        peer.writer.write_eof()
        assert b"250" not in await peer.at_end()
        await until(lambda: not house.door._state.sessions)
        assert await (await house.knock()).code("NOOP") == 250


def _no_delay(peer: Peer) -> None:
    peer.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def _packet(peer: Peer) -> None:
    """Let what was sent arrive by itself, before more is sent."""
    await peer.writer.drain()
    await asyncio.sleep(0.001)


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
