"""Guarantee 16, the door's share: every limit holds, says so clearly, and lets the next one in."""

from __future__ import annotations

import asyncio
import tracemalloc
from datetime import timedelta

import pytest
from pydantic import ValidationError

from inbound import smtp_wire
from inbound.door_state import DoorState, origin_of, peer_address
from inbound.settings import ListenerSettings
from tests.inbound.door_peer import MAIL, NOW, MemoryIntake, OpenDoor, Peer, open_door, until


async def test_a_declared_size_over_the_limit_is_refused_at_mail() -> None:
    async with open_door(max_message_bytes=1_000) as house:
        peer = await house.knock()
        assert (await peer.ask("MAIL FROM:<a@b.example> SIZE=1001")).startswith("552 5.3.4 ")
        assert (await peer.ask("MAIL FROM:<a@b.example> SIZE=99999999999999999999")).startswith("552 5.3.4 ")
        assert await peer.code("MAIL FROM:<a@b.example> SIZE=1000") == 250


async def test_the_size_limit_is_exact_and_the_session_goes_on() -> None:
    async with open_door(max_message_bytes=1_000) as house:
        peer = await house.knock()
        for size, code in ((1_000, "250"), (1_001, "552"), (70_000, "552"), (1_000, "250")):
            body = MAIL + b"x" * (size - len(MAIL) - 2) + b"\r\n"
            assert (await peer.deliver(body)).startswith(code)
        assert [len(data) for data, _ in house.intake.mails] == [1_000, 1_000]


async def test_a_mail_far_over_the_limit_is_not_held_in_memory() -> None:
    """60 MB against a limit of 1 MB: the process grows by a few."""
    async with open_door(max_message_bytes=1_000_000) as house:
        peer = await house.knock()
        await peer.begin()
        megabyte = (b"x" * 998 + b"\r\n") * 1_000
        tracemalloc.start()
        for _ in range(60):
            peer.send(megabyte)
            await peer.writer.drain()
        answer = await peer.ask(b".")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answer.startswith("552 5.3.4 ")
        assert peak < 12_000_000
        assert await peer.code("NOOP") == 250


async def test_a_header_block_over_the_limit_is_refused() -> None:
    async with open_door(max_header_bytes=2_000) as house:
        peer = await house.knock()
        for header in (b"X-Many: 1\r\n" * 300, b"Subject: " + b"x" * 3_000 + b"\r\n", b"To: a\r\n" + b" ,b\r\n" * 700):
            assert (await peer.deliver(header + MAIL)).startswith("552 5.3.4 ")
        assert (await peer.deliver(MAIL + b"body: 1\r\n" * 1_000)).startswith("250 ")


async def test_the_recipient_after_the_last_is_asked_to_come_again() -> None:
    async with open_door(MemoryIntake(everything=True), max_recipients=100) as house:
        peer = await house.knock()
        await peer.ask("MAIL FROM:<a@b.example>")
        answers = [await peer.ask(f"RCPT TO:<u{number}@shop.example>") for number in range(101)]
        assert {answer[:3] for answer in answers[:100]} == {"250"}
        assert answers[100].startswith("452 4.5.3 ")
        # One that is there already costs no place.
        assert await peer.code("RCPT TO:<u5@shop.example>") == 250
        assert await peer.code("DATA") == 354
        assert (await peer.ask(MAIL + b".")).startswith("250 ")
        assert len(house.intake.mails[0][1].rcpt_to) == 100


async def test_the_door_holds_so_many_connections_and_no_more() -> None:
    async with open_door(max_connections=3) as house:
        peers = [await house.knock() for _ in range(3)]
        fourth = await house.knock(greet=False)
        assert (await fourth.at_end()).startswith(b"421 4.3.2 ")
        await peers[0].ask("QUIT")
        await _room(house, 2)
        assert await (await house.knock()).code("NOOP") == 250


async def test_one_address_holds_so_many_connections_and_no_more() -> None:
    async with open_door(max_connections_per_address=2) as house:
        for _ in range(2):
            await house.knock()
        third = await house.knock(greet=False)
        assert (await third.at_end()).startswith(b"421 4.7.0 ")


async def test_a_connection_that_vanishes_gives_its_place_back() -> None:
    """Also one that was reset before the door said a word."""
    async with open_door(max_connections=1) as house:
        for _ in range(20):
            peer = await house.knock(greet=False)
            peer.writer.transport.abort()
            await _room(house, 0)
        assert await (await house.knock()).code("NOOP") == 250


async def test_one_address_sends_so_many_mails_in_a_minute() -> None:
    """The allowance is over all its connections, and fills again with time."""
    async with open_door(max_mails_per_minute_per_address=3) as house:
        for _ in range(3):
            assert (await (await house.knock()).deliver(MAIL)).startswith("250 ")
        peer = await house.knock()
        assert (await peer.ask("MAIL FROM:<a@b.example>")).startswith("452 4.7.28 ")
        house.now[0] = NOW + timedelta(seconds=21)
        assert (await peer.deliver(MAIL)).startswith("250 ")
        assert (await peer.ask("MAIL FROM:<a@b.example>")).startswith("452 4.7.28 ")


async def test_too_many_errors_end_the_session() -> None:
    """Guessing recipients is an error like any other."""
    async with open_door(max_errors=3) as house:
        peer = await house.knock()
        await peer.ask("MAIL FROM:<a@b.example>")
        for number in range(3):
            assert (await peer.ask(f"RCPT TO:<guess{number}@shop.example>")).startswith("550 ")
        assert (await peer.at_end()).startswith(b"421 4.7.0 ")


async def test_a_silent_peer_is_shown_out() -> None:
    async with open_door(idle_seconds=0.25) as house:
        peer = await house.knock(greet=False)
        await peer.reply()
        assert (await peer.at_end()).startswith(b"421 4.4.2 ")


async def test_a_command_that_drips_in_has_one_time_limit_in_all() -> None:
    async with open_door(idle_seconds=0.3) as house:
        peer = await house.knock()
        dripping = asyncio.create_task(_drip(peer, b"x"))
        assert (await peer.at_end()).startswith(b"421 4.4.2 ")
        dripping.cancel()


async def test_silence_in_the_middle_of_a_mail_ends_it() -> None:
    async with open_door(idle_seconds=0.25) as house:
        peer = await house.knock()
        await peer.begin()
        peer.send(MAIL)
        assert (await peer.at_end()).startswith(b"421 4.4.2 ")
        assert house.intake.mails == []


async def test_nobody_stays_longer_than_a_session_by_dripping_a_mail() -> None:
    async with open_door(idle_seconds=5, session_seconds=0.4) as house:
        peer = await house.knock()
        await peer.begin()
        dripping = asyncio.create_task(_drip(peer, b"x\r\n"))
        assert (await peer.at_end()).startswith(b"421 4.4.2 ")
        dripping.cancel()
        assert house.intake.mails == []


async def test_a_peer_that_reads_no_reply_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its replies fill the buffers, the door stops reading, and the session ends all the same."""
    monkeypatch.setattr(smtp_wire, "LINGER_SECONDS", 0.05)
    async with open_door(session_seconds=0.5) as house:
        peer = await house.knock()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        flood = asyncio.create_task(_flood(peer))
        await until(lambda: not house.door._state.sessions)
        flood.cancel()


async def test_mail_in_memory_has_a_limit_over_all_connections() -> None:
    """The second large mail is asked to come again; the first one is stored; then there is room."""
    async with open_door(max_buffered_bytes=150_000, max_message_bytes=120_000) as house:
        first, second = await house.knock(), await house.knock()
        large = MAIL + (b"y" * 98 + b"\r\n") * 1_000
        await first.begin()
        first.send(large)
        await first.writer.drain()
        await until(lambda: house.door._state._held > 90_000)
        assert (await second.deliver(large)).startswith("452 4.3.1 ")
        assert (await first.ask(b".")).startswith("250 ")
        assert (await second.deliver(large)).startswith("250 ")
        assert house.door._state._held == 0


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"max_message_bytes": 300_000_000}, "max_buffered_bytes"),
        ({"tls_key": "key.pem"}, "tls_certificate"),
        ({"hostname": "two words"}, "hostname"),
        ({"hostname": "a\r\n250 b"}, "hostname"),
        ({"hostname": "a\n"}, "hostname"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(values: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        ListenerSettings.model_validate(values)


async def test_a_long_line_in_a_mail_is_no_reason_to_refuse_it() -> None:
    """RFC 5321 has 998; real mail has more, and loses nothing by it."""
    async with open_door() as house:
        peer = await house.knock()
        body = MAIL + b"z" * 300_000 + b"\r\n"
        assert (await peer.deliver(body)).startswith("250 ")
        assert house.intake.mails[0][0] == body


def test_the_table_of_addresses_is_bounded() -> None:
    state = DoorState(ListenerSettings(max_mails_per_minute_per_address=1))
    for number in range(30_000):
        state.may_send(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", NOW)
    assert len(state._allowances) <= 10_000


def test_a_clock_that_was_set_back_gives_no_mail_and_takes_none() -> None:
    state = DoorState(ListenerSettings(max_mails_per_minute_per_address=2))
    assert state.may_send("192.0.2.1", NOW)
    assert state.may_send("192.0.2.1", NOW - timedelta(hours=1))
    assert not state.may_send("192.0.2.1", NOW - timedelta(hours=1))
    assert state.may_send("192.0.2.1", NOW - timedelta(minutes=59))


@pytest.mark.parametrize(
    ("peername", "address", "origin"),
    [
        (("192.0.2.1", 1), "192.0.2.1", "192.0.2.1"),
        (("::ffff:192.0.2.1", 1, 0, 0), "192.0.2.1", "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 1, 0, 0), "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::1", "fe80::/64"),
        (None, "", ""),
        ("/run/door.sock", "", ""),
    ],
)
def test_limits_by_address_count_what_one_customer_owns(peername: object, address: str, origin: str) -> None:
    assert peer_address(peername) == address
    assert origin_of(address) == origin


async def _drip(peer: Peer, drop: bytes) -> None:
    while True:
        peer.send(drop)
        await asyncio.sleep(0.01)


async def _flood(peer: Peer) -> None:
    while True:
        peer.send(b"HELP\r\n" * 10_000)
        await peer.writer.drain()
        await asyncio.sleep(0)


async def _room(house: OpenDoor, sessions: int) -> None:
    """Wait until so many are left: the door learns of a lost connection a moment later."""
    await until(lambda: max(len(house.door._state.sessions), house.door._state._inside) <= sessions)
