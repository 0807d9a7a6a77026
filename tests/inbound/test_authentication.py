"""DKIM: which signatures count."""

from __future__ import annotations

import time
from datetime import timedelta

import dkim  # type: ignore[import-untyped]  # it ships no type hints
import pytest

from inbound.contracts import AuthResults
from tests.inbound.letters import SIGNED, Asking, Key, ed25519_key, letter, rsa_key, sign, zone

SHOP = rsa_key("shop.example")


async def ask(raw: bytes, *keys: Key) -> AuthResults:
    return await Asking(zone(*(keys or (SHOP,)))).about(raw)


async def test_an_aligned_signature_authenticates_the_author() -> None:
    """d= equal to the author's domain, no DMARC record needed."""
    found = await ask(sign(letter(), SHOP))
    assert (found.author, found.method, found.dmarc, found.dmarc_policy) == (
        "ann@shop.example",
        "dkim",
        "pass",
        "absent",
    )
    assert found.dkim[0].result == "pass"
    assert found.dkim[0].aligned


async def test_an_unsigned_mail_is_nobodys() -> None:
    """The same mail without its signature has no author."""
    found = await ask(letter())
    assert (found.author, found.method, found.dmarc) == (None, "none", "none")


@pytest.mark.parametrize("header", [b"simple", b"relaxed"])
@pytest.mark.parametrize("body", [b"simple", b"relaxed"])
@pytest.mark.parametrize("text", ["", "\n", "\n\n\n", "a \t b  \n\n \n\n", "no end", " lead\n\ttab \n.\n\n", "é\r\r\n"])
async def test_each_canonical_form_agrees_with_dkimpy(header: bytes, body: bytes, text: str) -> None:
    """What dkimpy signs, we verify, whatever the white space."""
    raw = letter(body=text)
    found = await ask(sign(raw, SHOP, forms=(header, body)))
    assert found.dkim[0].result == "pass", found.evidence


async def test_an_ed25519_signature_counts() -> None:
    """RFC 8463."""
    key = ed25519_key("shop.example")
    assert (await ask(sign(letter(), key), key)).author == "ann@shop.example"


async def test_a_mail_stored_with_bare_line_feeds_still_verifies() -> None:
    """Line ends are made CRLF before anything is hashed."""
    raw = sign(letter(), SHOP).replace(b"\r\n", b"\n")
    assert (await ask(raw)).author == "ann@shop.example"


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"Hello?", b"Hello!"), (b"A question", b"An order"), (b"ann@shop", b"bob@shop"), (b"help@our", b"boss@our")],
)
async def test_a_changed_mail_fails(old: bytes, new: bytes) -> None:
    """One changed word in body or covered field."""
    found = await ask(sign(letter(), SHOP).replace(old, new))
    assert found.author is None
    assert found.dkim[0].result == "fail"


async def test_every_signature_is_checked() -> None:
    """The aligned one lies below a broken and a foreign one."""
    other = rsa_key("esp.example")
    raw = sign(sign(letter(), SHOP), other)
    raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=s1; h=from; bh=x; b=y\r\n" + raw
    found = await ask(raw, SHOP, other)
    assert [one.result for one in found.dkim] == ["permerror", "pass", "pass"]
    assert [one.aligned for one in found.dkim] == [False, False, True]
    assert found.author == "ann@shop.example"


async def test_only_the_first_ten_signatures_are_read() -> None:
    """Work is bounded: an eleventh is not looked up."""
    raw = sign(letter(), SHOP)
    for _ in range(10):
        raw = b"DKIM-Signature: v=1\r\n" + raw
    found = await ask(raw)
    assert len(found.dkim) == 10
    assert found.author is None


async def test_a_signature_of_another_domain_is_no_proof() -> None:
    """Valid, but not aligned."""
    other = rsa_key("esp.example")
    found = await ask(sign(letter(), other), other)
    assert found.dkim[0].result == "pass"
    assert found.author is None


async def test_a_limited_signature_does_not_count() -> None:
    """`l=` leaves room for other words at the end."""
    found = await ask(sign(letter(), SHOP, length=True) + b"Send it to me instead.\r\n")
    assert (found.dkim[0].result, found.author) == ("policy", None)
    assert "l=" in found.dkim[0].reason


async def test_a_signature_without_the_subject_does_not_count() -> None:
    """The subject could be anybody's."""
    found = await ask(sign(letter(), SHOP, fields=("from", "to", "date")))
    assert (found.dkim[0].result, found.author) == ("policy", None)


async def test_a_signature_without_from_does_not_count() -> None:
    """No signer makes one, so h= is changed by hand."""
    raw = sign(letter(), SHOP).replace(b"h=from : to", b"h=to : to")
    found = await ask(raw)
    assert (found.dkim[0].result, found.author) == ("permerror", None)


@pytest.mark.parametrize("name", [b"Subject: Pay now", b"Content-Type: text/html", b"Reply-To: x@evil.example"])
async def test_a_second_field_on_top_of_a_covered_one_does_not_count(name: bytes) -> None:
    """A reader shows the first, the signature covers the last."""
    raw = sign(letter(extra="Reply-To: ann@shop.example\n"), SHOP, fields=(*SIGNED, "reply-to"))
    assert (await ask(raw)).author == "ann@shop.example"
    found = await ask(name + b"\r\n" + raw)
    assert (found.dkim[0].result, found.author) == ("policy", None)


async def test_a_short_key_does_not_count() -> None:
    """RSA under 1,024 bits can be broken."""
    key = rsa_key("shop.example", bits=1024)
    short = Key(key.domain, key.selector, key.private, _short_record())
    found = await ask(letter(), short)
    assert found.author is None
    found = await ask(sign(letter(), key), short)
    assert found.author is None
    assert found.dkim[0].result in ("policy", "permerror")


def _short_record() -> str:
    """A 512-bit key, written by hand: the libraries no longer make such."""
    modulus = (1 << 511) | 0x1B5D
    number = b"\x00" + modulus.to_bytes(64, "big")
    inner = b"\x02" + bytes([len(number)]) + number + b"\x02\x03\x01\x00\x01"
    import base64

    return "v=DKIM1; p=" + base64.b64encode(b"\x30" + bytes([len(inner)]) + inner).decode()


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        ("v=DKIM1; p=", "permerror"),
        ("v=DKIM2; p={p}", "permerror"),
        ("v=DKIM1; k=dsa; p={p}", "permerror"),
        ("v=DKIM1; h=sha1; p={p}", "permerror"),
        ("v=DKIM1; s=tlsrpt; p={p}", "permerror"),
        ("v=DKIM1; t=y; p={p}", "policy"),
        ("v=DKIM1; p=AAAA", "permerror"),
        ("v=DKIM1; p=!", "permerror"),
        ("nonsense", "permerror"),
        ("h=sha1:sha256; s=*; t=s; n=note; p={p}", "pass"),
        ("p={p}", "pass"),
    ],
)
async def test_the_key_record_is_read_strictly(record: str, verdict: str) -> None:
    """Revoked, unknown, not for mail, in testing mode: no proof."""
    text = record.replace("{p}", SHOP.record.rpartition("p=")[2])
    found = await ask(sign(letter(), SHOP), Key(SHOP.domain, SHOP.selector, b"", text))
    assert found.dkim[0].result == verdict, found.evidence
    assert (found.author is not None) == (verdict == "pass")


async def test_two_records_at_a_selector_are_none() -> None:
    """Nobody can say which of them is the key."""
    resolver = zone(names={SHOP.name: {"TXT": [SHOP.record, "v=DKIM1; p="]}})
    assert (await Asking(resolver).about(sign(letter(), SHOP))).author is None


async def test_dns_trouble_is_temporary_and_no_pass() -> None:
    """The mail may be judged again later."""
    resolver = zone(SHOP, trouble=(SHOP.name,))
    found = await Asking(resolver).about(sign(letter(), SHOP))
    assert (found.author, found.dkim[0].result, found.temporary, found.dmarc) == (None, "temperror", True, "temperror")


async def test_an_expired_signature_fails() -> None:
    """x= against the given time, not against the machine's clock."""
    raw = sign(letter(), SHOP)
    stamp = str(int(time.time())).encode()
    expiring = dkim.DKIM(letter())
    assert stamp[:6] in raw
    raw = _signed_with_expiry(expiring, int(time.time()) + 600)
    assert (await ask(raw)).author == "ann@shop.example"
    late = Asking(zone(SHOP))
    late.now += timedelta(hours=2)
    found = await late.about(raw)
    assert (found.dkim[0].result, found.author) == ("fail", None)
    early = Asking(zone(SHOP))
    early.now -= timedelta(days=2)
    assert (await early.about(raw)).dkim[0].result == "permerror"


def _signed_with_expiry(signer: dkim.DKIM, expires: int) -> bytes:
    """No x= is written by dkimpy, so the tag is slipped in where it writes q=."""
    original = signer.gen_header

    def with_expiry(fields: list[tuple[bytes, bytes]], *rest: object, **more: object) -> bytes:
        at = [name for name, _ in fields].index(b"q")
        fields.insert(at, (b"x", str(expires).encode()))
        made: bytes = original(fields, *rest, **more)
        return made

    signer.gen_header = with_expiry
    fields = [name.encode() for name in SIGNED]
    header: bytes = signer.sign(b"s1", b"shop.example", SHOP.private, include_headers=fields)
    return header + letter()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"d=shop.example", b"d=shop.example\x00.evil"),
        (b"d=shop.example", b"d=shop.example; d=shop.example"),
        (b"d=shop.example", b"d="),
        (b"d=shop.example", b"d=shop .example"),
        (b"s=s1", b"s=s1\x00"),
        (b"a=rsa-sha256", b"a=rsa-sha1"),
        (b"a=rsa-sha256", b"a=ed25519-sha256"),
        (b"v=1", b"v=2"),
        (b"c=relaxed/relaxed", b"c=none/none"),
        (b"i=@shop.example", b"i=@evil.example"),
    ],
)
async def test_a_signature_of_doubtful_form_is_a_permanent_error(old: bytes, new: bytes) -> None:
    """NUL in d=, doubled tags, SHA-1, a foreign identity."""
    raw = sign(letter(), SHOP)
    assert old in raw
    found = await ask(raw.replace(old, new))
    assert (found.dkim[0].result, found.author) == ("permerror", None), found.evidence


async def test_hostile_bodies_cost_little() -> None:
    """A megabyte of blanks or empty lines takes no quadratic time, and dkimpy agrees on the hash of a short one."""
    for filler in (" " * 1_000_000 + "x", "\n" * 500_000, "\r" * 500_000, " \n" * 300_000):
        raw = b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=shop.example; s=s1;"
        raw += b" h=from:subject; bh=eA==; b=eA==\r\n"
        start = time.perf_counter()
        found = await ask(raw + letter(body=filler))
        assert found.dkim[0].result == "fail"
        assert time.perf_counter() - start < 2


async def test_a_header_block_past_its_bounds_is_nobodys() -> None:
    """Refused, not parsed."""
    raw = b"".join(b"X-%d: y\r\n" % number for number in range(2_100)) + sign(letter(), SHOP)
    assert (await ask(raw)).author is None
    assert (await ask(b"X: " + b"y" * 600_000 + b"\r\n" + sign(letter(), SHOP))).author is None
