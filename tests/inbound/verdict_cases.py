"""Mails whose sender we and an independent verifier judge, with the DNS that each of them is judged in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import dkim  # type: ignore[import-untyped]  # it ships no type hints

from tests.inbound.letters import SIGNED, Key, ed25519_key, letter, rsa_key, sign

Zone = dict[str, dict[str, list[str]]]
SHOP, NEWS = rsa_key("shop.example"), rsa_key("news.shop.example", "n1")
OTHER, COUK = rsa_key("other.example", "o1"), rsa_key("mail.shop.co.uk", "c1")
EDDY = ed25519_key("shop.example")
STRICT_KEY = rsa_key("shop.example", "strict", tags="t=s; ")
TESTING = rsa_key("shop.example", "testing", tags="t=y; ")
GROUP, RELAY = rsa_key("group.example", "arc"), rsa_key("relay.example", "arc")
KEYS = (SHOP, NEWS, OTHER, COUK, EDDY, STRICT_KEY, TESTING, GROUP, RELAY)
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
    limited = sign(plain, SHOP, length=True)
    found |= {
        "a limit on the body": limited,
        "a limit on the body, and more behind it": limited + b"Pay me.\r\n",
        "the subject not covered": sign(plain, SHOP, fields=("from", "to", "date")),
        "a second subject on top": b"Subject: Pay me\r\n" + sign(plain, SHOP),
        "a second content type on top": b"Content-Type: text/html\r\n" + sign(plain, SHOP),
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


def sealed(raw: bytes, key: Key, seen: str = "dkim=pass header.d=shop.example", *, chain: str = "") -> bytes:
    """The mail with one more ARC set of what the key's domain saw; `chain` is its verdict on the sets before."""
    name = f"mx.{key.domain}"
    more = f"; arc={chain}" if chain else ""
    raw = f"Authentication-Results: {name}; {seen}{more}\r\n".encode() + raw
    made: list[bytes] = dkim.arc_sign(
        raw,
        key.selector.encode(),
        key.domain.encode(),
        key.private,
        name.encode(),
        include_headers=[one.encode() for one in SIGNED],
    )
    assert made
    return b"".join(made) + raw


def _without(raw: bytes, name: bytes) -> bytes:
    """The topmost field of that name taken out."""
    before, found, after = raw.partition(name + b":")
    assert found
    end = after.index(b"\r\n")
    while after[end + 2 : end + 3] in {b" ", b"\t"}:
        end = after.index(b"\r\n", end + 2)
    return before + after[end + 2 :]


def _arc_cases() -> dict[str, Case]:
    signed = sign(letter(), SHOP)
    one = sealed(signed, GROUP)
    two = sealed(one, RELAY, chain="pass")
    found = {
        "none": signed,
        "one set": one,
        "two sets": two,
        "three sets": sealed(two, GROUP, chain="pass"),
        "of an unsigned mail": sealed(letter(), GROUP, "dkim=none"),
        "sealed after a footer": sealed(signed + b"-- \r\na list\r\n", GROUP),
        "a footer between two sets": sealed(one + b"-- \r\na list\r\n", RELAY, chain="pass"),
        "a footer behind all sets": two + b"-- \r\na list\r\n",
        "the body changed behind it": _flipped(one, b"Hello?", b"Hello!"),
        "the author changed behind it": _flipped(one, b"From: Ann", b"From: Eve"),
        "the verdict changed": _flipped(one, b"header.d=shop.example", b"header.d=bank.example"),
        "an old verdict changed": _flipped(two, b"i=1; mx.group.example", b"i=1; mx.groop.example"),
        "a broken chain sealed over": sealed(_flipped(one, b"i=1; mx.group", b"i=1; mx.grouq"), RELAY, chain="fail"),
        "a whole chain that the second says is broken": sealed(one, RELAY, chain="fail"),
        "cv=pass in the first set": _flipped(one, b"cv=none", b"cv=pass"),
        "cv=none in the second set": _flipped(two, b"cv=pass", b"cv=none"),
        "a number too high": _flipped(one, b"i=1;", b"i=3;"),
        "without a seal": _without(one, b"ARC-Seal"),
        "without a message signature": _without(one, b"ARC-Message-Signature"),
        "without a verdict": _without(one, b"ARC-Authentication-Results"),
        "the key is gone": _flipped(one, b"s=arc;", b"s=old;"),
        "another domain's name": _flipped(one, b"d=group.example", b"d=relay.example"),
    }
    return {f"arc: {name}": Case(raw, REJECT, mail_from="b@group.example") for name, raw in found.items()}


def _forwarded_cases() -> dict[str, Case]:
    spf = {"shop.example": "v=spf1 ip4:192.0.2.7 -all", "group.example": f"v=spf1 ip4:{PEER} -all", **REJECT}
    spf["_dmarc.group.example"] = "v=DMARC1; p=none"
    signed = sign(letter(extra="Received: from mx.shop.example by mx.group.example; x\n"), SHOP)
    tagged = _flipped(signed, b"Subject: A", b"Subject: [help] A")
    srs = "SRS0=abcd=XY=shop.example=ann@group.example"
    resent = b"Resent-From: help@group.example\r\nResent-To: team@our.example\r\n"
    munged = _flipped(signed, b"From: Ann <ann@shop.example>", b"From: Ann via Help <help@group.example>")
    found = {
        "as it was": (signed, ANN),
        "as it was, unsigned": (letter(), ANN),
        "under another return path": (signed, srs),
        "under another return path, unsigned": (letter(), srs),
        "with a null return path": (signed, ""),
        "redirected": (resent + signed, srs),
        "with a footer": (signed + b"-- \r\nhelp list\r\n", srs),
        "with a tag": (tagged, srs),
        "with a tag, signed again": (sign(tagged, GROUP), srs),
        "with the group in From": (munged, srs),
        "with the group in From, signed by it": (sign(munged, GROUP), srs),
        "with a footer, sealed": (sealed(signed + b"-- \r\nhelp list\r\n", GROUP), srs),
    }
    return {f"forwarded: {name}": Case(raw, spf, mail_from=path) for name, (raw, path) in found.items()}


@cache
def cases() -> dict[str, Case]:
    return {**_dkim_cases(), **_spf_cases(), **_dmarc_cases(), **_arc_cases(), **_forwarded_cases()}
