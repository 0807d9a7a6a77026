"""Guarantee 14: no relay, and nothing accepted to be bounced later."""

from __future__ import annotations

import pytest

from inbound.addresses import canonical
from tests.inbound.door_peer import BOUNCE, MAIL, SUPPORT, OpenDoor, open_door

RELAY_SPELLINGS = [
    "nobody@shop.example",
    "victim@evil.example",
    "victim%evil.example@shop.example",
    "victim%evil.example%a.example@shop.example",
    "support%shop.example@evil.example",
    "@shop.example:victim@evil.example",
    "@shop.example,@b.example:victim@evil.example",
    "@evil.example:support@shop.example",
    "evil.example!victim@shop.example",
    "shop.example!evil.example!victim",
    "evil.example!victim",
    "evil.example!victim@shop.example.",
    '"victim@evil.example"@shop.example',
    '"victim@evil.example"',
    '"victim%evil.example"@shop.example',
    '"sup\\port"@shop.example',
    '""@shop.example',
    '"support@shop.example"@evil.example',
    "victim@evil.example@shop.example",
    "support@shop.example@evil.example",
    "support@shop.example:25@evil.example",
    "support@[127.0.0.1]",
    "support@[IPv6:::1]",
    "support@127.0.0.1",
    "support@localhost",
    "support@shop.example..",
    "support@.shop.example",
    "support@sub.shop.example",
    "support@notshop.example",
    "support@shop.example.evil.example",
    "support@shop.example,victim@evil.example",
    "support@shop.example;victim@evil.example",
    "support@shop.example(comment)",
    "support+tag@shop.example",
    "support.@shop.example",
    ".support@shop.example",
    "=?utf-8?q?support?=@shop.example",
    "bounce+@shop.example",
    "bounce+other@shop.example",
    "victim@evil.example\\@shop.example",
    "support",
    "support@",
    "@shop.example",
    "/etc/passwd@shop.example",
    "|/bin/sh@shop.example",
    "support\xa0@shop.example",
    "supp\u200bort@shop.example",
    "su\u0440port@shop.example",  # a Cyrillic letter
    "support@sh\u043ep.example",  # another one
    "support@shop.example\u202e",
]

# Spellings of ours that mean nothing else: accepted, and stored in the one form.
OUR_SPELLINGS = {
    "SUPPORT@Shop.Example": SUPPORT,
    "support@shop.example.": SUPPORT,
    '"support"@shop.example': SUPPORT,
    "user@bücher.example": "user@xn--bcher-kva.example",
    "user@BÜCHER.example": "user@xn--bcher-kva.example",
    "user@XN--BCHER-KVA.example": "user@xn--bcher-kva.example",
    "support@ｓｈｏｐ.example": SUPPORT,
    "BOUNCE+T0KEN@shop.example": BOUNCE,
}


async def _rcpt(house: OpenDoor, recipient: str, *, options: str = " SMTPUTF8") -> str:
    peer = await house.knock()
    assert await peer.code(f"MAIL FROM:<a@b.example>{options}") == 250
    return await peer.ask(f"RCPT TO:<{recipient}>")


@pytest.mark.parametrize("spelling", RELAY_SPELLINGS)
async def test_no_spelling_of_a_strange_recipient_is_accepted(spelling: str) -> None:
    """550 at RCPT (501 where it is no path at all), and DATA is refused after it."""
    async with open_door() as house:
        peer = await house.knock()
        await peer.ask("MAIL FROM:<a@b.example> SMTPUTF8")
        assert (await peer.ask(f"RCPT TO:<{spelling}>"))[:9] in {"550 5.1.1", "501 5.5.4"}
        assert await peer.code("DATA") == 503
        assert await peer.code(MAIL.split(b"\r\n")[0]) == 500
        assert house.intake.mails == []


@pytest.mark.parametrize("spelling", RELAY_SPELLINGS)
async def test_a_strange_recipient_is_not_canonically_ours(spelling: str) -> None:
    """The list above is honest: each of them really is somebody else."""
    assert canonical(spelling) not in {SUPPORT, BOUNCE, "user@xn--bcher-kva.example"}


@pytest.mark.parametrize("spelling", OUR_SPELLINGS)
async def test_another_spelling_of_ours_is_stored_in_its_one_form(spelling: str) -> None:
    async with open_door() as house:
        peer = await house.knock()
        await peer.begin(spelling, options=" SMTPUTF8")
        await peer.ask(MAIL + b".")
        assert house.intake.mails[0][1].rcpt_to == (OUR_SPELLINGS[spelling],)


async def test_an_unknown_recipient_is_refused_with_its_code() -> None:
    async with open_door() as house:
        assert (await _rcpt(house, "nobody@shop.example")).startswith("550 5.1.1 ")


async def test_an_address_beyond_ascii_needs_smtputf8() -> None:
    async with open_door() as house:
        assert (await _rcpt(house, "user@bücher.example", options="")).startswith("553 5.6.7 ")


@pytest.mark.parametrize("sender", ["", "support@shop.example", "postmaster@shop.example", "a@localhost"])
@pytest.mark.parametrize("helo", ["shop.example", "localhost", "[127.0.0.1]"])
async def test_no_sender_and_no_greeting_makes_a_relay(sender: str, helo: str) -> None:
    """A peer on 127.0.0.1 that says it is us is a stranger like any other."""
    async with open_door() as house:
        peer = await house.knock()
        await peer.ask(f"EHLO {helo}")
        await peer.ask(f"MAIL FROM:<{sender}>")
        assert (await peer.ask("RCPT TO:<victim@evil.example>")).startswith("550 ")


async def test_a_recipient_that_cannot_be_looked_up_stays_at_the_peer() -> None:
    """A bug in the lookup is a 451, never an acceptance and never a bounce."""
    async with open_door() as house:
        house.intake.ours = None  # type: ignore[assignment]  # the lookup now raises
        assert (await _rcpt(house, SUPPORT)).startswith("451 ")
