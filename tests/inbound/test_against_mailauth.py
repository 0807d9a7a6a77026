"""An independent verifier as oracle: npm's mailauth, with the same DNS, says the same of each mail.

What differs is listed in `DIFFERS` with the reason; a difference that is not there is a mistake of ours.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import pytest

from inbound.contracts import AuthResults
from inbound.resolver import StaticZone
from tests.inbound.letters import SIGNED, Asking, ed25519_key, envelope, letter, rsa_key, sign
from tests.peers_node import PEERS, node

Zone = dict[str, dict[str, list[str]]]
SHOP, NEWS = rsa_key("shop.example"), rsa_key("news.shop.example", "n1")
OTHER, COUK = rsa_key("other.example", "o1"), rsa_key("mail.shop.co.uk", "c1")
EDDY = ed25519_key("shop.example")
STRICT_KEY = rsa_key("shop.example", "strict", tags="t=s; ")
TESTING = rsa_key("shop.example", "testing", tags="t=y; ")
KEYS = (SHOP, NEWS, OTHER, COUK, EDDY, STRICT_KEY, TESTING)
PEER = "203.0.113.9"
ANN = "ann@shop.example"


@dataclass(frozen=True)
class Case:
    raw: bytes
    records: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """TXT records beside the keys."""
    more: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    mail_from: str = ANN
    helo: str = "mx.shop.example"
    peer: str = PEER

    @property
    def zone(self) -> Zone:
        found: Zone = {key.name: {"TXT": [key.record]} for key in KEYS}
        for name, value in self.records.items():
            found.setdefault(name, {})["TXT"] = [value] if isinstance(value, str) else list(value)
        for name, kinds in self.more.items():
            found.setdefault(name, {}).update({kind: list(values) for kind, values in kinds.items()})
        return found


REJECT = {"_dmarc.shop.example": "v=DMARC1; p=reject"}


def _flipped(raw: bytes, old: bytes, new: bytes) -> bytes:
    assert old in raw
    return raw.replace(old, new)


def _retagged(raw: bytes, old: str, new: str) -> bytes:
    """A tag of the topmost signature changed after it was made."""
    head, _, rest = raw.partition(b"\r\nFrom:")
    assert old.encode() in head
    return head.replace(old.encode(), new.encode(), 1) + b"\r\nFrom:" + rest


def _dkim_cases() -> dict[str, Case]:
    plain, long = letter(), letter(body="a \t b  \n\n \n\n")
    found = {
        "unsigned": plain,
        "aligned": sign(plain, SHOP),
        "ed25519": sign(plain, EDDY),
        "rsa and ed25519": sign(sign(plain, SHOP), EDDY),
        "unaligned": sign(plain, OTHER),
        "unaligned and aligned": sign(sign(plain, SHOP), OTHER),
        "aligned and unaligned": sign(sign(plain, OTHER), SHOP),
        "of a subdomain": sign(plain, NEWS),
        "for a subdomain": sign(letter("Ann <ann@news.shop.example>"), SHOP),
        "strict key for a subdomain": sign(letter("Ann <ann@news.shop.example>"), STRICT_KEY),
        "strict key": sign(plain, STRICT_KEY),
        "testing": sign(plain, TESTING),
        "body changed": _flipped(sign(plain, SHOP), b"Hello?", b"Hello!"),
        "body appended": sign(plain, SHOP) + b"more\r\n",
        "subject changed": _flipped(sign(plain, SHOP), b"A question", b"A queston"),
        "from changed": _flipped(sign(plain, SHOP), b"From: Ann", b"From: Eve"),
        "header added, not signed": b"X-More: 1\r\n" + sign(plain, SHOP),
        "received added": b"Received: from a by b; Fri, 20 Nov 2026 10:00:00 +0000\r\n" + sign(plain, SHOP),
        "one broken, one good": sign(_retagged(sign(plain, SHOP), "s=s1", "s=no"), EDDY),
        "no such key": _retagged(sign(plain, SHOP), "s=s1", "s=none"),
        "other domain's key named": _retagged(sign(plain, OTHER), "d=other.example", "d=shop.example"),
        "algorithm changed": _retagged(sign(plain, SHOP), "a=rsa-sha256", "a=rsa-sha512"),
        "version two": _retagged(sign(plain, SHOP), "v=1", "v=2"),
        "co.uk aligned by the organisation": sign(letter("Ann <ann@shop.co.uk>"), COUK),
        "folded subject": sign(letter(subject="A question\n that goes on"), SHOP),
        "8-bit subject": sign(letter(subject="Größe"), SHOP),
        "empty body": sign(letter(body=""), SHOP),
        "many blank lines": sign(letter(body="x\n\n\n\n\n"), SHOP),
        "white space only changed": _flipped(sign(long, SHOP), b"a \t b  \r\n", b"a b\r\n"),
        "white space changed, simple": _flipped(
            sign(long, SHOP, forms=(b"simple", b"simple")), b"a \t b  \r\n", b"a b\r\n"
        ),
    }
    for header in (b"simple", b"relaxed"):
        for body in (b"simple", b"relaxed"):
            found[f"forms {header.decode()}/{body.decode()}"] = sign(long, SHOP, forms=(header, body))
    found["from not first"] = sign(plain, SHOP, fields=(*(one for one in SIGNED if one != "from"), "from"))
    records = REJECT | {"_dmarc.shop.co.uk": "v=DMARC1; p=none"}
    return {f"dkim: {name}": Case(raw, records, mail_from="b@bounce.example") for name, raw in found.items()}


def _spf(record: str | Sequence[str], **more: object) -> Case:
    given = {"shop.example": record}
    return Case(letter(), {**given, **REJECT}, **more)  # type: ignore[arg-type]  # the fields of Case


def _spf_cases() -> dict[str, Case]:
    chain = {f"i{n}.example": f"v=spf1 include:i{n + 1}.example -all" for n in range(1, 13)}
    hosts = {"mx.shop.example": {"A": [PEER]}}
    inner = {"good.example": {"TXT": ["v=spf1 ip4:203.0.113.0/24 -all"]}, "bad.example": {"TXT": ["v=spf1 -all"]}}
    return {
        "spf: pass": _spf("v=spf1 ip4:203.0.113.9 -all"),
        "spf: pass by network": _spf("v=spf1 ip4:203.0.113.0/24 -all"),
        "spf: fail": _spf("v=spf1 ip4:192.0.2.1 -all"),
        "spf: softfail": _spf("v=spf1 ip4:192.0.2.1 ~all"),
        "spf: neutral": _spf("v=spf1 ?all"),
        "spf: neutral by default": _spf("v=spf1 ip4:192.0.2.1"),
        "spf: none": _spf("something else"),
        "spf: two records": _spf(["v=spf1 +all", "v=spf1 -all"]),
        "spf: unknown mechanism": _spf("v=spf1 nonsense -all"),
        "spf: bad network": _spf("v=spf1 ip4:999.1.1.1 -all"),
        "spf: a": _spf("v=spf1 a -all", more={"shop.example": {"A": [PEER]}}),
        "spf: a of another": _spf("v=spf1 a:mx.shop.example -all", more=hosts),
        "spf: mx": _spf("v=spf1 mx -all", more={"shop.example": {"MX": ["mx.shop.example"]}, **hosts}),
        "spf: include that passes": _spf("v=spf1 include:good.example -all", more=inner),
        "spf: include that fails": _spf("v=spf1 include:bad.example ~all", more=inner),
        "spf: include of nothing": _spf("v=spf1 include:nowhere.example -all"),
        "spf: redirect": _spf("v=spf1 redirect=good.example", more=inner),
        "spf: redirect to nothing": _spf("v=spf1 redirect=nowhere.example"),
        "spf: exists": _spf(
            "v=spf1 exists:%{ir}.list.example -all", more={"9.113.0.203.list.example": {"A": ["127.0.0.2"]}}
        ),
        "spf: exists not": _spf("v=spf1 exists:%{ir}.list.example -all"),
        "spf: ten includes": Case(letter(), {"shop.example": "v=spf1 include:i1.example -all", **chain, **REJECT}),
        "spf: ip6": _spf("v=spf1 ip6:2001:db8::/32 -all", peer="2001:db8::9"),
        "spf: ip6 fail": _spf("v=spf1 ip6:2001:db8::/32 -all", peer="2001:db9::9"),
        "spf: passes, unaligned": Case(
            letter(), {"other.example": "v=spf1 ip4:203.0.113.9 -all", **REJECT}, mail_from="b@other.example"
        ),
        "spf: passes for a subdomain": Case(
            letter(),
            {"bounce.shop.example": "v=spf1 ip4:203.0.113.9 -all", **REJECT},
            mail_from="b@bounce.shop.example",
        ),
        "spf: null return path": Case(
            letter(), {"mx.shop.example": "v=spf1 ip4:203.0.113.9 -all", **REJECT}, mail_from=""
        ),
    }


def _dmarc_cases() -> dict[str, Case]:
    news, plain = letter("Ann <ann@news.shop.example>"), letter()
    passing = {"bounce.shop.example": "v=spf1 ip4:203.0.113.9 -all"}
    bounce = {"mail_from": "b@bounce.shop.example"}

    def dmarc(record: str | Sequence[str], raw: bytes, at: str = "_dmarc.shop.example", **more: object) -> Case:
        return Case(raw, {at: record, **passing}, **{"mail_from": "b@nowhere.example", **more})  # type: ignore[arg-type]  # the fields of Case

    return {
        "dmarc: none published": Case(sign(plain, SHOP), mail_from="b@nowhere.example"),
        "dmarc: relaxed by default": dmarc("v=DMARC1; p=reject", sign(news, SHOP)),
        "dmarc: adkim strict, other domain": dmarc("v=DMARC1; p=reject; adkim=s", sign(news, SHOP)),
        "dmarc: adkim strict, same domain": dmarc("v=DMARC1; p=reject; adkim=s", sign(plain, SHOP)),
        "dmarc: aspf relaxed": dmarc("v=DMARC1; p=reject", plain, **bounce),
        "dmarc: aspf strict": dmarc("v=DMARC1; p=reject; aspf=s", plain, **bounce),
        "dmarc: of the subdomain itself": dmarc(
            "v=DMARC1; p=none; adkim=s", sign(news, SHOP), "_dmarc.news.shop.example"
        ),
        "dmarc: sp": dmarc("v=DMARC1; p=none; sp=reject", sign(news, NEWS)),
        "dmarc: two records": dmarc(["v=DMARC1; p=reject", "v=DMARC1; p=none"], sign(plain, SHOP)),
        "dmarc: unaligned with p=none": dmarc("v=DMARC1; p=none", sign(plain, OTHER)),
        "dmarc: nothing passes": dmarc("v=DMARC1; p=reject", plain),
        "dmarc: both pass": dmarc("v=DMARC1; p=reject", sign(plain, SHOP), **bounce),
        "dmarc: spf passes, dkim broken": dmarc(
            "v=DMARC1; p=reject", _flipped(sign(plain, SHOP), b"Hello?", b"Hello!"), **bounce
        ),
    }


@cache
def cases() -> dict[str, Case]:
    return {**_dkim_cases(), **_spf_cases(), **_dmarc_cases()}


_STRICT = "adkim=s and aspf=s ask for the very domain (RFC 7489 3.1); mailauth goes on to the organisation's"
_NO_POLICY = "DMARC says nothing; a signature of the author's very domain proves the author all the same"
DIFFERS = {
    "dkim: testing": "a key in testing mode is not to be relied on (RFC 6376 3.6.1, t=y)",
    "dmarc: adkim strict, other domain": _STRICT,
    "dmarc: aspf strict": _STRICT,
    "dmarc: of the subdomain itself": _STRICT,
    "dmarc: none published": _NO_POLICY,
    "dmarc: two records": _NO_POLICY + " (two records are none, RFC 7489 6.6.3)",
}
"""Where we differ, and why."""


@dataclass(frozen=True)
class Verdicts:
    """What mailauth said: each signature as (domain, result), SPF and DMARC."""

    dkim: Sequence[tuple[str, str]]
    spf: str
    dmarc: str


@cache
def oracle() -> dict[str, Verdicts]:
    """All verdicts of mailauth, asked for once."""
    if not node() or not (PEERS / "node_modules" / "mailauth").exists():
        return {}
    asked = [
        {
            "raw": base64.b64encode(one.raw).decode(),
            "zone": one.zone,
            "ip": one.peer,
            "helo": one.helo,
            "mail_from": one.mail_from,
        }
        for one in cases().values()
    ]
    ended = subprocess.run(
        [node(), "verdicts.mjs"],
        cwd=PEERS,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return {name: Verdicts(**said) for name, said in zip(cases(), json.loads(ended.stdout), strict=True)}


async def ours(case: Case) -> AuthResults:
    where = envelope(case.mail_from, peer=case.peer, helo=case.helo)
    return await Asking(StaticZone(case.zone), where).about(case.raw)


@pytest.mark.parametrize("name", cases())
async def test_it_says_the_same(name: str) -> None:
    """Each signature, SPF, and whether DMARC passes."""
    if not oracle():
        pytest.skip("mailauth is not installed: run `npm ci` in tests/peers")
    case, theirs = cases()[name], oracle()[name]
    found = await ours(case)
    mine = {
        "signatures that hold": sorted(one.domain for one in found.dkim if one.result == "pass"),
        "spf": found.spf.result,
        "dmarc": found.method in {"dkim", "spf"},
    }
    wanted = {
        "signatures that hold": sorted(domain for domain, result in theirs.dkim if result == "pass"),
        "spf": theirs.spf,
        "dmarc": theirs.dmarc == "pass",
    }
    if name in DIFFERS:
        assert mine != wanted, "the difference is gone: take it off the list"
        return
    assert mine == wanted
