"""Verdicts of border servers, forwarders and groups: what counts, and which forgeries do not."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

import dkim  # type: ignore[import-untyped]  # it ships no type hints
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import ValidationError

from inbound import canonicalization
from inbound.contracts import AuthResults
from inbound.header_block import split
from inbound.settings import Forwarder, IdentitySettings
from tests.inbound.letters import SIGNED, Asking, Key, envelope, letter, rsa_key, sign, zone

GROUP = rsa_key("group.example", "lists")
SEALER = rsa_key("sealer.example", "arc")
SIGNED_BY_GROUP = Forwarder(name="group", authserv_id="mx.group.example", dkim_domain="group.example")
VERDICT = "mx.group.example; dkim=pass header.d=shop.example header.s=s1; dmarc=pass (p=none) header.from=shop.example"
COVERED = (*SIGNED, "authentication-results")
BORDER = IdentitySettings.model_validate({"authserv_ids": ["mx.our.example"], "networks": ["203.0.113.0/28"]})


def verdict(value: str = VERDICT) -> str:
    return f"Authentication-Results: {value}\n"


async def forwarded(raw: bytes, forwarder: Forwarder = SIGNED_BY_GROUP, *more: Key) -> AuthResults:
    return await Asking(zone(GROUP, SEALER, *more), forwarders=(forwarder,)).about(raw)


async def test_a_verdict_that_the_groups_signature_covers_counts() -> None:
    """The author's own signature is broken, the group saw it whole and says so under its own signature."""
    found = await forwarded(sign(letter(extra=verdict()), GROUP, fields=COVERED))
    assert (found.author, found.method, found.forwarder) == ("ann@shop.example", "relay", "group")


async def test_it_counts_from_a_loopback_client_too() -> None:
    """The proof is the signature, not the address."""
    asking = Asking(zone(GROUP), envelope(peer="127.0.0.1"), forwarders=(SIGNED_BY_GROUP,))
    assert (await asking.about(sign(letter(extra=verdict()), GROUP, fields=COVERED))).method == "relay"


@pytest.mark.parametrize(
    "raw",
    [
        letter(extra=verdict()),
        sign(letter(extra=verdict()), GROUP, fields=SIGNED),
        verdict().replace("\n", "\r\n").encode() + sign(letter(), GROUP, fields=SIGNED),
        verdict().replace("\n", "\r\n").encode() + sign(letter(), GROUP, fields=COVERED),
        verdict().replace("\n", "\r\n").encode()
        + sign(letter(extra=verdict("mx.group.example; dmarc=fail header.from=shop.example")), GROUP, fields=COVERED),
        sign(letter(extra=verdict()), rsa_key("evil.example"), fields=COVERED),
        sign(letter(extra=verdict()), GROUP, fields=COVERED, length=True),
        sign(letter(extra=verdict()), GROUP, fields=COVERED).replace(b"Hello?", b"Pay me"),
    ],
    ids=[
        "unsigned",
        "not covered",
        "put on top",
        "put on top of a signature that covers none",
        "put on top of another",
        "signed by somebody else",
        "with l=",
        "changed",
    ],
)
async def test_a_forged_verdict_counts_for_nothing(raw: bytes) -> None:
    """Anybody can write the id of the group."""
    found = await forwarded(raw, SIGNED_BY_GROUP, rsa_key("evil.example"))
    assert (found.author, found.method) == (None, "none")


@pytest.mark.parametrize(
    "value",
    [
        "mx.group.example; dmarc=pass",
        "mx.group.example; dmarc=pass header.from=other.example",
        "mx.group.example; dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=x@evil.example",
        "mx.group.example; dkim=pass header.d=shop.example header.i=@evil.example",
        "mx.group.example; dkim=pass header.d=shop.example; dmarc=fail header.from=shop.example",
        "mx.group.example; dmarc=pass header.from=shop.example; dmarc=fail header.from=shop.example",
        "mx.group.example; dkim=fail header.d=shop.example",
        "mx.group.example; spf=softfail smtp.mailfrom=shop.example",
        "mx.group.example; spf=pass smtp.helo=shop.example",
        "mx.group.example; arc=pass header.from=shop.example",
        "mx.group.example; none",
        "mx.group.example.evil.example; dmarc=pass header.from=shop.example",
        "xmx.group.example; dmarc=pass header.from=shop.example",
        "mx.group.example 2; dmarc=pass header.from=shop.example",
        "(mx.group.example) evil.example; dmarc=pass header.from=shop.example",
        "mx.group.example; ((((dmarc=pass header.from=shop.example",
        "mx.group.example; dmarc=pass header.from=shop.example.evil.example",
        "x" * 9_000 + "; dmarc=pass header.from=shop.example",
        "mx.group.example; " + "(" * 3_000 + "dmarc=pass header.from=shop.example",
    ],
)
async def test_a_verdict_that_names_no_aligned_domain_is_none(value: str) -> None:
    """Even signed by the group."""
    found = await forwarded(sign(letter(extra=verdict(value)), GROUP, fields=COVERED))
    assert (found.author, found.method) == (None, "none"), found.evidence


@pytest.mark.parametrize(
    "value",
    [
        "MX.Group.Example; dmarc=pass header.from=Shop.Example",
        'mx.group.example 1; dkim=pass reason="good" header.i=@mail.shop.example header.b=abc',
        "mx.group.example; spf=pass (ok) smtp.mailfrom=ann@shop.example",
        "mx.group.example;\n\tdkim=fail header.d=x.example;\n\tdkim=pass header.d=shop.example",
        "mx.group.example; dmarc=pass action=none header.from=shop.example; compauth=pass reason=100",
    ],
)
async def test_usual_spellings_of_a_verdict_are_read(value: str) -> None:
    """Case, version, comments, folds, several results, unknown properties."""
    found = await forwarded(sign(letter(extra=verdict(value)), GROUP, fields=COVERED))
    assert found.method == "relay", found.evidence


async def test_the_list_id_must_fit_where_one_is_set() -> None:
    """A signing domain may serve many lists."""
    forwarder = SIGNED_BY_GROUP.model_copy(update={"list_id": "help.group.example"})
    for list_id, author in (("Help <help.group.example>", "ann@shop.example"), ("<x.group.example>", None)):
        raw = sign(letter(extra=f"List-Id: {list_id}\n" + verdict()), GROUP, fields=COVERED)
        assert (await forwarded(raw, forwarder)).author == author


async def test_a_border_servers_verdict_counts_from_its_address() -> None:
    """Above or below its own Received: both are its hop."""
    value = verdict("mx.our.example; dmarc=pass header.from=shop.example")
    received = "Received: from a by mx.our.example; x\n"
    for extra in (value + received, received + value, received + value + "Received: from b by a; x\n"):
        found = await Asking(settings=BORDER).about(letter(extra=extra))
        assert (found.author, found.method, found.forwarder) == ("ann@shop.example", "relay", None)


@pytest.mark.parametrize(
    ("peer", "extra"),
    [
        ("198.51.100.1", verdict("mx.our.example; dmarc=pass header.from=shop.example")),
        ("127.0.0.1", verdict("mx.our.example; dmarc=pass header.from=shop.example")),
        ("203.0.113.9", verdict("mx.other.example; dmarc=pass header.from=shop.example")),
        (
            "203.0.113.9",
            "Received: from a by b\nReceived: from c by a\n"
            + verdict("mx.our.example; dmarc=pass header.from=shop.example"),
        ),
        (
            "203.0.113.9",
            verdict("mx.our.example; dmarc=fail header.from=shop.example")
            + "Received: from a by b\n"
            + verdict("mx.our.example; dmarc=pass header.from=shop.example"),
        ),
        (
            "203.0.113.9",
            verdict("mx.our.example; ((")
            + "Received: from a by b\n"
            + verdict("mx.our.example; dmarc=pass header.from=shop.example"),
        ),
    ],
    ids=["elsewhere", "loopback", "another id", "below the second Received", "not the topmost", "below a broken one"],
)
async def test_a_verdict_from_another_hop_counts_for_nothing(peer: str, extra: str) -> None:
    """Only the topmost verdict of the server that hands the mail to us."""
    found = await Asking(envelope=envelope(peer=peer), settings=BORDER).about(letter(extra=extra))
    assert (found.author, found.method) == (None, "none")


async def test_a_borders_address_gets_no_spf_pass() -> None:
    """The border is in our own domain's SPF record; a forged mail that it passed on is not from us."""
    record = {"TXT": ["v=spf1 ip4:203.0.113.9 -all"]}
    asking = Asking(zone(names={"shop.example": record}), envelope("ann@shop.example"))
    assert (await asking.about(letter())).method == "spf"
    asking.settings = BORDER
    found = await asking.about(letter())
    assert (found.author, found.spf.result) == (None, "none")


def test_a_network_of_everybody_is_refused() -> None:
    """That would be trust in any peer."""
    for network in ("0.0.0.0/0", "::/0"):
        with pytest.raises(ValidationError):
            IdentitySettings.model_validate({"networks": [network]})


REWRITING = Forwarder(
    name="group",
    authserv_id="mx.group.example",
    dkim_domain="group.example",
    list_id="help.group.example",
    author_from="x-original-from",
)
LIST = "List-Id: <help.group.example>\n"


async def test_a_rewritten_mail_is_from_its_original_author() -> None:
    """Never from the group, whose own signature is aligned with the From that it wrote."""
    raw = letter("'Ann' via Help <help@group.example>", extra=LIST + "X-Original-From: ann@shop.example\n" + verdict())
    fields = (*COVERED, "x-original-from")
    found = await forwarded(sign(raw, GROUP, fields=fields), REWRITING)
    assert (found.author, found.method, found.forwarder) == ("ann@shop.example", "relay", "group")
    uncovered = await forwarded(sign(raw, GROUP, fields=COVERED), REWRITING)
    assert (uncovered.author, uncovered.method) == (None, "none")


@pytest.mark.parametrize(
    "extra",
    [
        "",
        "X-Original-From: boss@bank.example\n",
        "X-Original-From: ann@shop.example\nX-Original-From: ann@shop.example\n",
        "X-Original-From: ann@shop.example, boss@shop.example\n",
        "Reply-To: ann@shop.example\n",
    ],
)
async def test_a_rewritten_mail_without_a_proven_original_is_nobodys(extra: str) -> None:
    """Not the group's either: a reply must not go back to it."""
    raw = letter("'Ann' via Help <help@group.example>", extra=LIST + extra + verdict())
    found = await forwarded(sign(raw, GROUP, fields=(*COVERED, "x-original-from", "x-original-from")), REWRITING)
    assert found.author is None


async def test_in_a_mail_with_its_own_from_the_original_field_is_the_authors_words() -> None:
    """A colleague of the boss writes X-Original-From themselves; the group left From alone."""
    raw = letter("mallory@shop.example", extra=LIST + "X-Original-From: boss@shop.example\n" + verdict())
    found = await forwarded(sign(raw, GROUP, fields=(*COVERED, "x-original-from")), REWRITING)
    assert found.author == "mallory@shop.example"


def sealed(raw: bytes, key: Key, srv_id: str) -> bytes:
    """Add an ARC set over the Authentication-Results with that id."""
    made: list[bytes] = dkim.arc_sign(
        raw, key.selector.encode(), key.domain.encode(), key.private, srv_id.encode(), [n.encode() for n in SIGNED]
    )
    assert made
    return b"".join(made) + raw


ARC = Forwarder(name="group", authserv_id="mx.group.example", arc_sealer="sealer.example")


async def test_a_listed_sealers_chain_counts() -> None:
    """The verdict is in the sealed set."""
    found = await forwarded(sealed(letter(extra=verdict()), SEALER, "mx.group.example"), ARC)
    assert (found.author, found.method, found.forwarder) == ("ann@shop.example", "relay", "group"), found.evidence


def sealed_twice(other: Key) -> bytes:
    """An older set of another domain below the listed sealer's."""
    raw = sealed(
        letter(extra=verdict("mx.first.example; dmarc=fail header.from=shop.example")), other, "mx.first.example"
    )
    raw = verdict(VERDICT + "; arc=pass").replace("\n", "\r\n").encode() + raw
    return sealed(raw, SEALER, "mx.group.example")


async def test_a_longer_chain_counts_by_its_newest_set() -> None:
    """What the older one says counts for nothing."""
    other = rsa_key("first.example", "arc")
    found = await forwarded(sealed_twice(other), ARC, other)
    assert found.method == "relay", found.evidence


async def test_every_seal_of_a_chain_has_to_hold() -> None:
    """The newest says that the older one held; nobody has its key, or it has another one now."""
    found = await forwarded(sealed_twice(rsa_key("first.example", "arc")), ARC)
    assert (found.author, found.forwarder) == (None, None)


async def test_a_sealer_that_speaks_for_another_server_says_nothing() -> None:
    """Where the forwarder's server is named, the sealed verdict is to be that server's."""
    raw = sealed(letter(extra=verdict()), SEALER, "mx.group.example")
    named = ARC.model_copy(update={"authserv_id": "mx.other.example"})
    assert (await forwarded(raw, named)).author is None
    assert (await forwarded(raw, ARC.model_copy(update={"authserv_id": ""}))).author == "ann@shop.example"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello?", b"Pay me"),
        (b"cv=none", b"cv=pass"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=2"),
        (b"dmarc=pass", b"dmarc=none"),
        (b"ARC-Message-Signature", b"X-Message-Signature"),
        (b"From: Ann <ann@shop.example>", b"From: Ann <bob@shop.example>"),
    ],
)
async def test_a_broken_chain_counts_for_nothing(old: bytes, new: bytes) -> None:
    """Body, seal, number, verdict, a missing part, another author."""
    raw = sealed(letter(extra=verdict()), SEALER, "mx.group.example")
    assert old in raw
    found = await forwarded(raw.replace(old, new), ARC)
    assert (found.author, found.forwarder) == (None, None)


async def test_a_chain_of_another_sealer_counts_for_nothing() -> None:
    """Anybody can seal with their own key."""
    other = rsa_key("evil.example", "arc")
    found = await forwarded(sealed(letter(extra=verdict()), other, "mx.group.example"), ARC, other)
    assert (found.author, found.forwarder) == (None, None)


async def test_trouble_with_a_sealers_key_is_temporary() -> None:
    """The chain may prove the author later."""
    asking = Asking(zone(trouble=(SEALER.name,)), forwarders=(ARC,))
    found = await asking.about(sealed(letter(extra=verdict()), SEALER, "mx.group.example"))
    assert (found.author, found.temporary) == (None, True)


def resealed(raw: bytes, key: Key, old: bytes, new: bytes) -> bytes:
    """Another seal over the one ARC set, made by its sealer: what it says is changed, and its signature is right."""
    fields = {one.name: one.raw for one in split(raw).fields if one.name.startswith("arc-")}
    assert old in fields["arc-seal"]
    seal = unsigned(fields["arc-seal"].replace(old, new))
    covered = [fields["arc-authentication-results"], fields["arc-message-signature"], seal]
    return raw.replace(fields["arc-seal"], seal + signed(key, covered))


def unsigned(field: bytes) -> bytes:
    return re.sub(rb"(\bb=)[^;]*\Z", rb"\1", field)


def signed(key: Key, covered: Sequence[bytes]) -> bytes:
    private = serialization.load_pem_private_key(key.private, None)
    assert isinstance(private, rsa.RSAPrivateKey)
    text = b"\r\n".join(canonicalization.relaxed_header(one) for one in covered)
    return base64.b64encode(private.sign(text, padding.PKCS1v15(), hashes.SHA256()))


def covering(raw: bytes, key: Key, names: Sequence[str]) -> bytes:
    """The one ARC set with a message signature over these fields, made and sealed by its sealer."""
    fields = {one.name: one.raw for one in split(raw).fields}
    own = fields["arc-message-signature"]
    listed = re.sub(rb"\bh=[^;]*", b"h=" + b":".join(one.encode() for one in names), own)
    bare = unsigned(listed) if re.search(rb"\bb=[^;]*\Z", listed) else re.sub(rb"(;\s*b=)[^;]*", rb"\1", listed)
    made = re.sub(rb"(;\s*b=)", rb"\1" + signed(key, [*(fields[one] for one in names), bare]), bare)
    return resealed(raw.replace(own, made), key, b"cv=none", b"cv=none")


async def test_a_message_signature_that_leaves_the_subject_out_counts_for_nothing() -> None:
    """As with DKIM: anybody could have written another one."""
    raw = sealed(letter(extra=verdict()), SEALER, "mx.group.example")
    assert (await forwarded(covering(raw, SEALER, ("from", "to", "subject")), ARC)).method == "relay"
    found = await forwarded(covering(raw, SEALER, ("from", "to")), ARC)
    assert (found.author, found.forwarder) == (None, None)


async def test_a_seal_that_says_the_wrong_thing_of_the_sets_before_counts_for_nothing() -> None:
    """Rightly signed by a listed sealer: the first set vouches for no other, and covers no field by name."""
    raw = sealed(letter(extra=verdict()), SEALER, "mx.group.example")
    for old, new in ((b"cv=none", b"cv=pass"), (b"cv=none", b"cv=fail"), (b"cv=none", b"cv=none; h=from")):
        found = await forwarded(resealed(raw, SEALER, old, new), ARC)
        assert (found.author, found.forwarder) == (None, None), new
    assert (await forwarded(resealed(raw, SEALER, b"cv=none", b"cv=none"), ARC)).method == "relay"
