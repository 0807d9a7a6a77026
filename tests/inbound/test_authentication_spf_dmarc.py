"""SPF on our own resolver, DMARC alignment and policy."""

from __future__ import annotations

import asyncio
import time

import pytest

from inbound import dmarc
from inbound.contracts import AuthResults, Envelope
from inbound.resolver import StaticZone
from inbound.settings import IdentitySettings
from tests.inbound.letters import Asking, envelope, letter, rsa_key, sign, zone

SHOP = rsa_key("shop.example")
Zone = dict[str, dict[str, list[str]]]


async def ask(record: str, *, where: Envelope | None = None, names: Zone | None = None) -> AuthResults:
    asking = Asking(zone(names={"shop.example": {"TXT": [record]}, **(names or {})}))
    asking.envelope = where or envelope("ann@shop.example")
    return await asking.about(letter())


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        ("v=spf1 ip4:203.0.113.9 -all", "pass"),
        ("v=spf1 ip4:203.0.113.0/24 -all", "pass"),
        ("v=spf1 ip4:203.0.112.0/24 -all", "fail"),
        ("v=spf1 ~all", "softfail"),
        ("v=spf1 ?all", "neutral"),
        ("v=spf1", "neutral"),
        ("v=spf10 +all", "none"),
        ("not spf", "none"),
        ("v=spf1 a:mail.shop.example -all", "pass"),
        ("v=spf1 mx -all", "fail"),
        ("v=spf1 mx:list.shop.example -all", "pass"),
        ("v=spf1 include:esp.example -all", "pass"),
        ("v=spf1 redirect=esp.example", "pass"),
        ("v=spf1 exists:%{i}.ok.shop.example -all", "pass"),
        ("v=spf1 ptr -all", "pass"),
        ("v=spf1 include:absent.example -all", "permerror"),
        ("v=spf1 include:shop.example -all", "permerror"),
        ("v=spf1 include:loop.example -all", "permerror"),
        ("v=spf1 ip4:1.2.3 -all", "permerror"),
        ("v=spf1 frobnicate -all", "permerror"),
        ("v=spf1 a:v1.example a:v2.example a:v3.example ip4:203.0.113.9", "permerror"),
        ("v=spf1 " + " ".join(f"a:h{n}.shop.example" for n in range(12)) + " +all", "permerror"),
        ("v=spf1 " + "a" * 2_500 + " +all", "permerror"),
        ("v=spf1 a:" + "a" * 1_900 + "! +all", "permerror"),
    ],
)
async def test_spf_is_evaluated_on_our_resolver(record: str, verdict: str) -> None:
    """Mechanisms, limits and broken records; every lookup goes to the zone."""
    many = {f"h{n}.shop.example": {"A": ["192.0.2.1"]} for n in range(12)}
    names: Zone = {
        "mail.shop.example": {"A": ["203.0.113.9"]},
        "list.shop.example": {"MX": ["mail.shop.example"]},
        "esp.example": {"TXT": ["v=spf1 ip4:203.0.113.9 -all"]},
        "loop.example": {"TXT": ["v=spf1 include:loop2.example"]},
        "loop2.example": {"TXT": ["v=spf1 include:loop.example"]},
        "203.0.113.9.ok.shop.example": {"A": ["127.0.0.2"]},
        "203.0.113.9": {"PTR": ["mail.shop.example"]},
    }
    found = await ask(record, names={**names, **many})
    assert found.spf.result == verdict, found.evidence
    assert (found.author is not None) == (verdict == "pass")


@pytest.mark.parametrize(
    "peer",
    ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "10.0.0.5", "172.17.0.1", "192.168.1.1", "fe80::1", ""],
)
@pytest.mark.parametrize("record", ["v=spf1 +all", "v=spf1 ip4:127.0.0.1 ip6:::1 ip4:172.16.0.0/12 -all"])
async def test_a_local_address_never_passes(peer: str, record: str) -> None:
    """No peer address confers trust: 127.0.0.1 least of all."""
    found = await ask(record, where=envelope("ann@shop.example", peer=peer))
    assert (found.spf.result, found.author) == ("none", None)


async def test_only_an_smtp_client_is_checked() -> None:
    """The HTTP client of a webhook is the provider, whose address half the world's SPF records allow."""
    for door in ("lmtp", "webhook:mailer"):
        where = envelope("ann@shop.example").model_copy(update={"door": door})
        assert (await ask("v=spf1 ip4:203.0.113.9 -all", where=where)).author is None


async def test_a_null_return_path_is_checked_by_helo() -> None:
    """RFC 7208 section 2.4."""
    where = envelope("", helo="mx.shop.example")
    names = {"mx.shop.example": {"TXT": ["v=spf1 ip4:203.0.113.9 -all"]}}
    found = await ask("v=spf1 -all", where=where, names=names)
    assert (found.spf.result, found.spf.domain, found.author) == ("pass", "mx.shop.example", "ann@shop.example")


async def test_a_pass_of_another_domain_is_no_proof() -> None:
    """SPF says who sent, alignment says whether that is the author."""
    asking = Asking(zone(names={"evil.example": {"TXT": ["v=spf1 +all"]}}))
    asking.envelope = envelope("x@evil.example")
    found = await asking.about(letter())
    assert (found.spf.result, found.author, found.dmarc) == ("pass", None, "none")


async def test_spf_trouble_is_temporary() -> None:
    """A name that nobody answers for is neither pass nor fail."""
    asking = Asking(zone(trouble=("shop.example",)))
    asking.envelope = envelope("ann@shop.example")
    found = await asking.about(letter())
    assert (found.spf.result, found.author, found.temporary) == ("temperror", None, True)


class _Slow(StaticZone):
    async def txt(self, name: str) -> list[str]:
        await asyncio.sleep(30)
        return await super().txt(name)


async def test_the_time_limit_holds_over_everything() -> None:
    """A name server that never answers costs the limit once, and the mail is nobody's for now."""
    asking = Asking(_Slow({}), envelope("ann@shop.example"), IdentitySettings(dns_timeout_seconds=0.3))
    start = time.perf_counter()
    found = await asking.about(sign(sign(letter(), SHOP), rsa_key("esp.example")))
    assert time.perf_counter() - start < 2
    assert (found.author, found.temporary, found.spf.result) == (None, True, "temperror")
    assert {one.result for one in found.dkim} == {"temperror"}


@pytest.mark.parametrize(
    ("domain", "author", "together"),
    [
        ("shop.example", "shop.example", True),
        ("mail.shop.example", "shop.example", True),
        ("shop.example", "mail.shop.example", True),
        ("a.co.uk", "b.co.uk", False),
        ("co.uk", "b.co.uk", False),
        ("uk", "b.co.uk", False),
        ("com", "shop.com", False),
        ("one.github.io", "two.github.io", False),
        ("github.io", "two.github.io", False),
        ("evilshop.example", "shop.example", False),
        ("shop.example.evil.example", "shop.example", False),
        ("SHOP.example.", "shop.example", True),
        ("xn--bcher-kva.example", "mail.xn--bcher-kva.example", True),
        ("", "", False),
    ],
)
def test_alignment_is_by_the_organisational_domain(domain: str, author: str, together: bool) -> None:
    """Public suffixes, private ones included, belong to nobody."""
    assert dmarc.aligned(domain, author) is together
    assert dmarc.aligned(domain, author, strict=True) is (together and domain.lower().rstrip(".") == author)


@pytest.mark.parametrize(
    ("records", "action", "author"),
    [
        ({"_dmarc.shop.example": "v=DMARC1; p=reject"}, "reject", True),
        ({"_dmarc.shop.example": "v=DMARC1; p=reject; sp=none"}, "none", True),
        ({"_dmarc.shop.example": "v=DMARC1; p=none; adkim=s"}, "none", False),
        ({"_dmarc.shop.example": "v=DMARC1; p=none; aspf=s"}, "none", True),
        ({"_dmarc.mail.shop.example": "v=DMARC1; p=quarantine"}, "quarantine", True),
        ({"_dmarc.mail.shop.example": "v=DMARC1; p=bogus; rua=mailto:x@y"}, "none", True),
        ({"_dmarc.mail.shop.example": "v=DMARC1; p=bogus"}, "absent", True),
        ({"_dmarc.mail.shop.example": "p=reject; v=DMARC1"}, "absent", True),
        ({}, "absent", True),
    ],
)
async def test_the_policy_is_found_and_read(records: dict[str, str], action: str, author: bool) -> None:
    """The author is below the signing domain; adkim=s asks for the same one."""
    resolver = zone(SHOP, names={name: {"TXT": [text]} for name, text in records.items()})
    found = await Asking(resolver).about(sign(letter("ann@mail.shop.example"), SHOP))
    assert found.dmarc_policy == action
    assert (found.author is not None) is author


async def test_two_policies_are_none() -> None:
    """RFC 7489 6.6.3: nobody can say which one is meant."""
    resolver = zone(SHOP, names={"_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]}})
    assert (await Asking(resolver).about(sign(letter(), SHOP))).dmarc_policy == "absent"


async def test_strict_spf_asks_for_the_same_domain() -> None:
    """aspf=s: a return path of a subdomain is not aligned."""
    spf = {"TXT": ["v=spf1 ip4:203.0.113.9 -all"]}
    for record, author in (("v=DMARC1; p=none", "ann@shop.example"), ("v=DMARC1; p=none; aspf=s", None)):
        asking = Asking(zone(names={"bounce.shop.example": spf, "_dmarc.shop.example": {"TXT": [record]}}))
        asking.envelope = envelope("x@bounce.shop.example")
        assert (await asking.about(letter())).author == author


async def test_an_unproven_mail_of_a_domain_with_a_policy_fails() -> None:
    """dmarc=fail only where something is published."""
    resolver = zone(names={"_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject"]}})
    found = await Asking(resolver).about(letter())
    assert (found.dmarc, found.dmarc_policy, found.author) == ("fail", "reject", None)


async def test_without_the_policy_only_equal_domains_are_aligned() -> None:
    """The policy could have asked for strict alignment, and DNS does not tell."""
    resolver = zone(SHOP, trouble=("_dmarc.shop.example", "_dmarc.mail.shop.example"))
    assert (await Asking(resolver).about(sign(letter(), SHOP))).author == "ann@shop.example"
    found = await Asking(resolver).about(sign(letter("ann@mail.shop.example"), SHOP))
    assert (found.author, found.temporary, found.dmarc) == (None, True, "temperror")
