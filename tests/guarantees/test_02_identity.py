"""Guarantee 2: identity is authenticated. What `inbound` has to prove of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from inbound.settings import Forwarder, IdentitySettings
from tests.agent.postroom import CUSTOMER, HOURS, house
from tests.guarantees.attacker import Sink
from tests.inbound.letters import SIGNED, Asking, Key, envelope, letter, rsa_key, sign, zone

SHOP = rsa_key("shop.example")
EVIL = rsa_key("evil.example")
SPF = {"TXT": ["v=spf1 ip4:203.0.113.9 -all"]}
EVERYTHING = {
    "shop.example": SPF,
    "evil.example": {"TXT": ["v=spf1 +all"]},
    "localhost.example": {"TXT": ["v=spf1 ip4:127.0.0.0/8 +all"]},
}
VERDICT = "Authentication-Results: mx.our.example; dmarc=pass header.from=shop.example\n"
FORWARDER = Forwarder(name="group", authserv_id="mx.our.example", dkim_domain="group.example", arc_sealer="arc.example")


def doubled(*lines: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in lines) + sign(letter(), SHOP)


FORGERIES: dict[str, bytes] = {
    "nothing at all": letter(),
    "signed by the attacker": sign(letter(), EVIL),
    "d= of the shop with the attacker's key": sign(letter(), Key("shop.example", "s1", EVIL.private, "")),
    "two From": doubled(b"From: boss@bank.example"),
    "two From, one with a blank before the colon": doubled(b"From : boss@bank.example"),
    "two From, one with a tab before the colon": doubled(b"FROM\t: boss@bank.example"),
    "two From, the colon folded onto the next line": doubled(b"From\r\n : boss@bank.example"),
    "two From, the colon folded behind a blank": doubled(b"From \r\n\t: boss@bank.example"),
    "one From with a blank before the colon": sign(letter(), SHOP).replace(b"\r\nFrom: ", b"\r\nFrom : "),
    "one From with its colon folded": sign(letter(), SHOP).replace(b"\r\nFrom: ", b"\r\nFrom\r\n : "),
    "two From, one behind a broken line": doubled(b"\x01", b"From: boss@bank.example"),
    "a list of authors": sign(letter("ann@shop.example, boss@bank.example"), SHOP),
    "a group of authors": sign(letter("All: ann@shop.example;"), SHOP),
    "a route": sign(letter("<@evil.example:ann@shop.example>"), SHOP),
    "an author in an encoded word": sign(letter("=?utf-8?q?=3Cann=40shop.example=3E?= <x@evil.example>"), SHOP),
    "an author in an encoded word alone": sign(letter("=?utf-8?b?YW5uQHNob3AuZXhhbXBsZQ==?="), EVIL),
    "an author in two encoded words": sign(
        letter("=?utf-8?q?ann=40?= =?utf-8?q?shop.example?= <x@evil.example>"), EVIL
    ),
    "an author in a comment": sign(letter("x@evil.example (ann@shop.example)"), EVIL),
    "an author in a comment inside the address": sign(letter("ann@shop.example(.)evil.example"), EVIL),
    "an author in a nested comment": sign(letter("(ann (<ann@shop.example>)) <x@evil.example>"), EVIL),
    "a quoted author before another": sign(letter('"ann@shop.example" <x@evil.example>'), EVIL),
    "an author with a NUL behind": sign(letter("ann@shop.example\0.evil.example"), EVIL),
    "NUL in the selector": sign(letter(), SHOP).replace(b"s=s1", b"s=s1\x00"),
    "a space in d=": sign(letter(), EVIL).replace(b"d=evil.example", b"d=shop.example evil.example"),
    "NUL in d=": sign(letter(), SHOP).replace(b"d=shop.example", b"d=shop.example\x00.evil.example"),
    "l=": sign(letter(), SHOP, length=True) + b"Pay me.",
    "From not covered": sign(letter(), SHOP).replace(b"h=from : ", b"h="),
    "Subject not covered": sign(letter(), SHOP, fields=("from", "to")),
    "Sender of the shop": sign(letter("x@evil.example", extra="Sender: ann@shop.example\n"), SHOP),
    "Resent-From of the shop": sign(letter("x@evil.example", extra="Resent-From: ann@shop.example\n"), EVIL),
    "Resent-From and Resent-Sender, signed by the shop": sign(
        letter("boss@bank.example", extra="Resent-From: ann@shop.example\nResent-Sender: ann@shop.example\n"), SHOP
    ),
    "Reply-To of the shop": sign(letter("x@other.example", extra="Reply-To: ann@shop.example\n"), EVIL),
    "a verdict by the attacker": letter(extra=VERDICT),
    "a verdict by the attacker, signed by the attacker": sign(
        letter(extra=VERDICT), EVIL, fields=(*SIGNED, "authentication-results")
    ),
    "a verdict in ARC clothes": letter(
        extra="ARC-Seal: i=1; a=rsa-sha256; cv=none; d=arc.example; s=s; b=eA==\n"
        "ARC-Message-Signature: i=1; a=rsa-sha256; d=arc.example; s=s; h=from; bh=eA==; b=eA==\n"
        "ARC-Authentication-Results: i=1; mx.our.example; dmarc=pass header.from=shop.example\n"
    ),
    "a lookalike": sign(letter("ann@sh\u043ep.example"), SHOP),
    "a lookalike as an A-label": sign(letter("ann@xn--shp-gdd.example"), SHOP),
    "full-width letters": sign(letter("ann@\uff53hop.example"), EVIL),
    "a dotless i in another's name": sign(letter("ann@sh\u0131p.example"), SHOP),
    "an invisible character in the domain": sign(letter("ann@shop\u200b.example"), EVIL),
    "another dot": sign(letter("ann@shop\u3002example"), EVIL),
    "a verdict under our name, signed by nobody": VERDICT.replace("mx.our", "MX.OUR").encode() + letter(),
    "a verdict with a version, signed by nobody": letter(extra=VERDICT.replace(";", " 1;", 1)),
    "a subdomain of the attacker that looks like the shop": sign(letter("ann@shop.example.evil.example"), SHOP),
}


@pytest.mark.parametrize("peer", ["198.51.100.66", "127.0.0.1", "::1", ""])
@pytest.mark.parametrize("name", FORGERIES)
async def test_no_forgery_is_authenticated(name: str, peer: str) -> None:
    """From anywhere, loopback included, with a return path that passes SPF for the attacker."""
    asking = Asking(
        zone(SHOP, EVIL, names=EVERYTHING),
        envelope("x@evil.example", peer=peer, helo="shop.example"),
        IdentitySettings(authserv_ids=("mx.our.example",)),
        (FORWARDER,),
    )
    found = await asking.about(FORGERIES[name])
    # Whoever proves who they are is only that: the attacker, never the shop or the bank.
    assert found.author is None or found.author.endswith("evil.example"), found.evidence
    assert (
        found.author is None
        or b"evil.example" in (b"\n" + FORGERIES[name]).partition(b"\nFrom: ")[2].partition(b"\r\n")[0]
    )


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
async def test_loopback_authenticates_nobody(peer: str) -> None:
    """Not even where an SPF record lists it."""
    for domain in ("localhost.example", "shop.example"):
        asking = Asking(zone(names=EVERYTHING), envelope(f"ann@{domain}", peer=peer))
        assert (await asking.about(letter(f"ann@{domain}"))).author is None


async def test_honest_mail_is_authenticated() -> None:
    """By DKIM or by SPF, each alone, with or without a DMARC record; refusing everything would prove nothing."""
    strict = {"_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject; adkim=s; aspf=s"]}}
    for record in ({}, strict):
        signed = await Asking(zone(SHOP, names=record)).about(sign(letter(), SHOP))
        assert (signed.author, signed.method) == ("ann@shop.example", "dkim")
        allowed = await Asking(zone(names={"shop.example": SPF, **record}), envelope("ann@shop.example")).about(
            letter()
        )
        assert (allowed.author, allowed.method) == ("ann@shop.example", "spf")


@pytest.mark.parametrize("name", ["s1._domainkey.shop.example", "shop.example", "_dmarc.shop.example"])
async def test_dns_trouble_is_never_a_pass(name: str) -> None:
    """The record that would prove the author does not answer: temporary, and nobody's."""
    asking = Asking(zone(SHOP, trouble=(name,), names={"shop.example": SPF}), envelope("ann@sub.shop.example"))
    raw = letter("ann@sub.shop.example")
    found = await asking.about(sign(raw, SHOP) if name != "shop.example" else raw)
    if name == "shop.example":
        asking.envelope = envelope("ann@shop.example")
        found = await asking.about(raw)
    assert (found.author, found.temporary) == (None, True)


async def test_who_is_not_proven_gets_nothing_unseen(tmp_path: Path) -> None:
    """A draft that a person sends, at most; the same mail with a signature is answered at once."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        assert sink.given == []
        assert (await home.waiting(mail_id)).proposal.recipient.email == CUSTOMER
        await home.receive(HOURS, author="bob@customer.example")
        await home.settle()
    assert [one.recipient for one in sink.given] == ["bob@customer.example"]
