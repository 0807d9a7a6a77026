"""Shapes of From that could be read in two ways: none of them passes, signed or not."""

from __future__ import annotations

import pytest

from inbound.contracts import Address
from tests.inbound.letters import Asking, envelope, letter, normalized, rsa_key, sign, zone

SHOP = rsa_key("shop.example")
ANN = Address(email="ann@shop.example")


@pytest.mark.parametrize(
    "sender",
    [
        "ann@shop.example",
        "<ann@shop.example>",
        '"Ann, of the (shop) <x@y>" <ann@shop.example>',
        "=?utf-8?q?Ann?= <ann@shop.example>",
        "=?utf-8?q?Ann=2C_=3Cboss=40bank.example=3E?= <ann@shop.example>",
        "Ann (at work (mostly)) <ann@shop.example>",
        "Ann\n <ann@shop.example>",
    ],
)
async def test_one_mailbox_in_any_plain_dress_is_an_author(sender: str) -> None:
    """Display names and comments do not matter."""
    raw = sign(letter(sender), SHOP)
    mail = normalized(raw).model_copy(update={"author": ANN})
    assert (await Asking(zone(SHOP)).about(raw, mail)).author == "ann@shop.example"


@pytest.mark.parametrize(
    "sender",
    [
        "ann@shop.example, boss@bank.example",
        "boss@bank.example, ann@shop.example",
        "<boss@bank.example> <ann@shop.example>",
        "boss@bank.example <ann@shop.example> x",
        "<@bank.example:ann@shop.example>",
        "Team: ann@shop.example;",
        "ann@shop.example@bank.example",
        "ann@shop.example\x00@bank.example",
        "ann@shop.example\rFrom: boss@bank.example",
        "Ann <ann@shop.example",
        '"Ann <ann@shop.example>',
        "Ann (comment <ann@shop.example>",
        '"ann"@shop.example',
        "=?utf-8?q?ann=40shop.example?=",
        "=?utf-8?q?Ann?=ann@shop.example",
        "=?utf-8?q?Ann?= ann@shop.example",
        "ann@shop.example=?utf-8?q?Ann?=",
        "<=?utf-8?q?Ann?=ann@shop.example>",
        "Ann <ann@shop.example =?utf-8?q?Ann?=>",
        "ann@[192.0.2.1]",
        "",
    ],
)
async def test_a_from_that_is_not_one_plain_mailbox_is_nobodys(sender: str) -> None:
    """Even where the normaliser made one author of it and the domain's signature is valid."""
    raw = sign(letter(sender), SHOP)
    mail = normalized(raw).model_copy(update={"author": ANN})
    found = await Asking(zone(SHOP)).about(raw, mail)
    assert (found.author, found.method) == (None, "none")


@pytest.mark.parametrize(
    "line",
    [
        b"From: boss@bank.example",
        b"from: boss@bank.example",
        b"From : boss@bank.example",
        b"From\t: boss@bank.example",
        b"From\x00: boss@bank.example",
        b"\xef\xbb\xbfFrom: boss@bank.example",
        b" From: boss@bank.example",
        b"From boss@bank.example Fri Nov 20 10:00:00 2026",
        b"Fr om: boss@bank.example",
        b"no colon here",
    ],
)
@pytest.mark.parametrize("on_top", [True, False])
async def test_a_second_from_in_any_spelling_is_refused(line: bytes, on_top: bool) -> None:
    """Above the signed one or below all fields, as a field or as a line that a lenient parser takes for one."""
    raw = sign(letter(), SHOP)
    raw = line + b"\r\n" + raw if on_top else raw.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n", 1)
    if line.startswith(b" ") and not on_top:
        return  # there it is the fold of the field before, which the signature covers
    mail = normalized(raw).model_copy(update={"author": ANN})
    found = await Asking(zone(SHOP)).about(raw, mail)
    assert (found.author, found.method) == (None, "none")
    assert all(one.result != "pass" or not one.aligned for one in found.dkim)


async def test_a_folded_line_below_the_last_field_breaks_the_signature() -> None:
    """What hangs on a covered field is part of it."""
    raw = sign(letter(), SHOP).replace(b"\r\n\r\n", b"\r\n From: boss@bank.example\r\n\r\n", 1)
    assert (await Asking(zone(SHOP)).about(raw)).dkim[0].result == "fail"


async def test_the_normaliser_and_the_bytes_must_agree() -> None:
    """Another author in the normalised mail, or none, is nobody."""
    raw = sign(letter(), SHOP)
    for author in (Address(email="boss@shop.example"), None):
        mail = normalized(raw).model_copy(update={"author": author})
        assert (await Asking(zone(SHOP)).about(raw, mail)).author is None


async def test_sender_and_resent_from_are_no_identity() -> None:
    """A signature of their domain says nothing about From."""
    other = rsa_key("bank.example")
    raw = letter("x@shop.example", extra="Sender: boss@bank.example\nResent-From: boss@bank.example\n")
    assert (await Asking(zone(other)).about(sign(raw, other))).author is None


async def test_a_lookalike_domain_is_not_the_domain() -> None:
    """A Cyrillic letter makes another name, whose own signature speaks only for itself."""
    raw = letter("ann@sh\u043ep.example")
    found = await Asking(zone(SHOP)).about(sign(raw, SHOP))
    assert found.author is None


async def test_an_spf_pass_needs_the_one_from_too() -> None:
    """The return path is right, and there are two From fields."""
    asking = Asking(zone(names={"shop.example": {"TXT": ["v=spf1 ip4:203.0.113.9 -all"]}}))
    asking.envelope = envelope("ann@shop.example")
    assert (await asking.about(letter())).method == "spf"
    assert (await asking.about(letter(extra="From : boss@bank.example\n"))).author is None
