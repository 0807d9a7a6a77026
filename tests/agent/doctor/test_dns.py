"""What the doctor makes of DNS: each line in both directions, and no verdict where DNS is silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.doctor import dns
from agent.doctor.finding import Finding, Health
from inbound.resolver import StaticZone
from outbound.dkim import DkimKey

DOMAIN = "shop.example"
KEY = DkimKey(DOMAIN, "s1", Ed25519PrivateKey.generate())
OTHER = DkimKey(DOMAIN, "s1", Ed25519PrivateKey.generate())
RECORD = f"s1._domainkey.{DOMAIN}"


def zone(names: Mapping[str, Mapping[str, Sequence[str]]]) -> StaticZone:
    return StaticZone(names)


def chain(length: int) -> dict[str, dict[str, list[str]]]:
    """An SPF record that includes one that includes one."""
    found = {f"n{n}.example": {"txt": [f"v=spf1 include:n{n + 1}.example -all"]} for n in range(length)}
    return {**found, f"n{length}.example": {"txt": ["v=spf1 ip4:192.0.2.1 -all"]}}


MX = [
    ({DOMAIN: {"mx": ["mx.shop.example"]}, "mx.shop.example": {"a": ["192.0.2.1"]}}, Health.OK, "served by"),
    ({}, Health.FAIL, "no mail can come in"),
    ({DOMAIN: {"a": ["192.0.2.1"]}}, Health.WARN, "fall back"),
    ({DOMAIN: {"mx": ["gone.shop.example"]}}, Health.FAIL, "has no address"),
]
SPF = [
    (["v=spf1 mx -all"], Health.OK, "1 of 10 lookups"),
    (["v=spf1 ip4:192.0.2.0/24 ~all"], Health.OK, "0 of 10 lookups"),
    ([], Health.FAIL, "no record"),
    (["something else", "v=spf10 -all"], Health.FAIL, "no record"),
    (["v=spf1 -all", "v=spf1 mx -all"], Health.FAIL, "2 records"),
    (["v=spf1 mx +all"], Health.FAIL, "everybody"),
    (["v=spf1 all"], Health.FAIL, "everybody"),
    (["v=spf1 mx ?all"], Health.WARN, "refuses nobody"),
    (["v=spf1 mx"], Health.WARN, "refuses nobody"),
    (["v=spf1 include:n0.example -all"], Health.OK, "of 10 lookups"),
    (["v=spf1 include:shop.example -all"], Health.OK, "1 of 10"),
    (["v=spf1 " + " ".join(f"a:h{n}.example" for n in range(11)) + " -all"], Health.FAIL, "more than 10"),
]
DKIM = [
    ([KEY.record()], Health.OK, "the key that signs"),
    ([KEY.record().replace("p=", "p= ")], Health.OK, "the key that signs"),
    ([], Health.FAIL, "look forged"),
    ([OTHER.record()], Health.FAIL, "another key"),
    (["v=DKIM1; k=ed25519; p="], Health.FAIL, "revoked"),
    ([KEY.record() + "; t=y"], Health.WARN, "only tried"),
    ([KEY.record(), KEY.record()], Health.FAIL, "2 records"),
]
DMARC = [
    ({"_dmarc.shop.example": {"txt": ["v=DMARC1; p=reject"]}}, "shop.example", Health.OK, "p=reject"),
    ({"_dmarc.shop.example": {"txt": ["v=DMARC1; p=none"]}}, "shop.example", Health.WARN, "delivered"),
    ({}, "shop.example", Health.FAIL, "no record"),
    ({"_dmarc.shop.example": {"txt": ["v=DMARC1; rua=mailto:x@y"]}}, "shop.example", Health.FAIL, "no policy"),
    ({"_dmarc.shop.example": {"txt": ["v=DMARC1; p=none", "v=DMARC1; p=none"]}}, "shop.example", Health.FAIL, "2"),
    ({"_dmarc.shop.example": {"txt": ["v=DMARC1; p=none; sp=reject"]}}, "a.shop.example", Health.OK, "p=reject"),
]


def expect(found: Finding, health: Health, said: str) -> None:
    assert (found.health, said in found.said) == (health, True), found
    if health is Health.FAIL:
        assert found.set_


@pytest.mark.parametrize(("names", "health", "said"), MX)
async def test_mx(names: dict[str, dict[str, list[str]]], health: Health, said: str) -> None:
    """Where mail goes, and whether somebody is there."""
    expect(await dns.mx(zone(names), DOMAIN, "mail.shop.example"), health, said)


@pytest.mark.parametrize(("records", "health", "said"), SPF)
async def test_spf(records: list[str], health: Health, said: str) -> None:
    """One record that receivers can follow, and that says no to others."""
    expect(await dns.spf(zone({DOMAIN: {"txt": records}, **chain(3)}), DOMAIN), health, said)


async def test_a_chain_of_includes_is_counted_to_its_end() -> None:
    """Eleven lookups over eleven records are one too many, ten are not."""
    names = {DOMAIN: {"txt": ["v=spf1 include:n0.example -all"]}}
    expect(await dns.spf(zone({**names, **chain(9)}), DOMAIN), Health.OK, "10 of 10")
    expect(await dns.spf(zone({**names, **chain(10)}), DOMAIN), Health.FAIL, "more than 10")
    expect(await dns.spf(zone({**names, **chain(500)}), DOMAIN), Health.FAIL, "more than 10")


@pytest.mark.parametrize(("records", "health", "said"), DKIM)
async def test_dkim(records: list[str], health: Health, said: str) -> None:
    """The record has to be that of the key, not only to be there."""
    expect(await dns.dkim(zone({RECORD: {"txt": records}}), KEY), health, said)


@pytest.mark.parametrize(("names", "domain", "health", "said"), DMARC)
async def test_dmarc(names: dict[str, dict[str, list[str]]], domain: str, health: Health, said: str) -> None:
    """The domain's own record, or that of the domain above with its sp."""
    expect(await dns.dmarc(zone(names), domain), health, said)


@pytest.mark.parametrize(
    ("names", "health", "said"),
    [
        ({"mx.example": {"a": ["192.0.2.1"]}, "192.0.2.1": {"ptr": ["mx.example"]}}, Health.OK, "each other"),
        ({"mx.example": {"a": ["192.0.2.1"]}}, Health.WARN, "has no name"),
        ({"mx.example": {"a": ["192.0.2.1"]}, "192.0.2.1": {"ptr": ["pool.isp.example"]}}, Health.WARN, "not back"),
        ({}, Health.WARN, "has no address"),
    ],
)
async def test_ptr(names: dict[str, dict[str, list[str]]], health: Health, said: str) -> None:
    """Forward and back."""
    expect(await dns.ptr(zone(names), "mx.example"), health, said)


async def test_silent_dns_is_no_finding() -> None:
    """Nobody is told to publish what may stand there."""
    silent = StaticZone({}, trouble=[DOMAIN])
    found = await dns.asked("SPF", lambda: dns.spf(silent, DOMAIN))
    assert found.health is Health.SKIPPED
    assert found.set_ == ""
