"""The fixture mails and the demo's world: complete, honest about identity, and made of reserved names alone."""

from __future__ import annotations

import ast
import ipaddress
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent import config
from agent.demo_world import (
    ALIAS,
    FORWARDER,
    MAILBOXES,
    DemoKeys,
    Fixture,
    Zone,
    demo_zone,
    load_domains,
    load_fixtures,
)

HOUSE = Path(__file__).parent.parent
MAIL = HOUSE / "fixtures" / "mail"
FIXTURES = load_fixtures(MAIL)
KEYS = DemoKeys()
ZONE = demo_zone(MAIL, FIXTURES, KEYS)
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

every_fixture = pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.name)
signed_fixture = pytest.mark.parametrize(
    "fixture", [each for each in FIXTURES if each.sign], ids=lambda fixture: fixture.name
)


def parse(data: bytes) -> EmailMessage:
    return message_from_bytes(data, policy=policy.default)


def verify(data: bytes, zone: Zone) -> list[bool]:
    """The verdict of dkimpy on each signature, topmost first."""
    dkim = import_module("dkim")

    def txt(name: bytes, **_: object) -> bytes:
        return zone.get(name.decode().rstrip("."), {}).get("TXT", [""])[0].encode()

    def one(index: int) -> bool:
        try:
            return bool(dkim.DKIM(data).verify(index, dnsfunc=txt))
        except dkim.DKIMException:
            return False

    head = data.partition(b"\r\n\r\n")[0]
    return [one(index) for index in range(len(re.findall(rb"(?im)^DKIM-Signature:", head)))]


def test_there_is_a_fixture_for_every_outcome() -> None:
    """At least twenty mails, and each outcome occurs."""
    assert len(FIXTURES) >= 20
    assert {each.expect.outcome for each in FIXTURES} == {
        *("answered", "draft", "person", "recorded", "quarantined", "joined")
    }


def test_every_file_belongs_to_a_fixture() -> None:
    """A misnamed file would never be run."""
    names = {each.name for each in FIXTURES}
    strays = [path.name for path in MAIL.iterdir() if path.stem not in names]
    assert sorted(strays) == [".gitattributes", "domains.json"]


@every_fixture
def test_a_fixture_is_complete(fixture: Fixture) -> None:
    """Plain words for what should happen; a mail that can be read says what should be found in it."""
    assert fixture.expect.why.endswith(".")
    assert (fixture.normalized is None) == (fixture.expect.outcome == "quarantined")
    assert "answered" not in fixture.expect.also_right
    assert fixture.after is None or fixture.after in {each.name for each in FIXTURES if each.name < fixture.name}
    assert fixture.expect.authenticated or fixture.expect.outcome != "answered"


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    """A typo in an expectation must not pass as an expectation that holds."""
    known = json.loads((MAIL / "01-opening-hours.json").read_text("utf-8"))
    (tmp_path / "01-a.eml").write_bytes(b"From: a@b.example\n\nhi\n")
    (tmp_path / "01-a.json").write_text(json.dumps({**known, "expcet": {}}), "utf-8")
    with pytest.raises(ValidationError, match="expcet"):
        load_fixtures(tmp_path)


@every_fixture
def test_the_standard_library_reads_it(fixture: Fixture) -> None:
    """Author and subject are what the expectation says, and every line ends in CRLF."""
    data = fixture.message(NOW, KEYS)
    mail = parse(data)
    assert data.count(b"\n") == data.count(b"\r\n")
    assert b"\r" not in fixture.raw
    assert "multipart" not in mail.get_content_type() or mail.get_boundary()
    if fixture.normalized is not None:
        author = parseaddr(str(mail["From"]))[1]
        assert author.lower() == (fixture.normalized.author or "").lower()
        assert str(mail["Subject"]).strip() == fixture.normalized.subject
        assert not mail.defects


@every_fixture
def test_dates_are_made_at_run_time(fixture: Fixture) -> None:
    """No placeholder is left, and the Date is at most a day before now."""
    mail = parse(fixture.message(NOW, None))
    assert b"@NOW" not in fixture.message(NOW, None)
    assert timedelta() <= NOW - mail["Date"].datetime <= timedelta(days=1)


@signed_fixture
def test_signatures_made_at_run_time_verify(fixture: Fixture) -> None:
    """Each one that we make verifies in the zone; one that was in the file already does not."""
    ours = len(fixture.sign)
    verdicts = verify(fixture.message(NOW, KEYS), ZONE)
    assert verdicts[:ours] == [True] * ours
    assert not any(verdicts[ours:])


@signed_fixture
def test_a_changed_mail_does_not_verify(fixture: Fixture) -> None:
    """One more line of body, another Subject, a second From: each breaks every signature."""
    data = fixture.message(NOW, KEYS)
    changed = (
        data + b"Please also send a copy to me.\r\n",
        re.sub(rb"(?im)^Subject:", b"Subject: Re:", data, count=1),
        re.sub(rb"(?im)^From:.*", rb"From: Mallory <m@mallory.example>\r\n\g<0>", data, count=1),
    )
    assert [any(verify(each, ZONE)) for each in changed] == [False, False, False]


@signed_fixture
def test_a_signature_of_another_run_does_not_verify(fixture: Fixture) -> None:
    """Keys are made afresh for each run."""
    assert not any(verify(fixture.message(NOW, KEYS), demo_zone(MAIL, FIXTURES, DemoKeys())))


@every_fixture
def test_without_keys_nothing_is_signed(fixture: Fixture) -> None:
    """The unsigned form has no signature that verifies."""
    assert not any(verify(fixture.message(NOW, None), ZONE))


def test_both_kinds_of_key_are_used() -> None:
    """RSA and Ed25519."""
    assert {each.algorithm for fixture in FIXTURES for each in fixture.sign} == {"rsa", "ed25519"}


@pytest.mark.parametrize("domain", sorted(load_domains(MAIL)))
def test_spf_fails_for_loopback(domain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer that delivers the fixtures is nobody's sender; an address that the domain names is."""
    spf: Any = import_module("spf")
    monkeypatch.setattr(spf, "DNSLookup", lambda name, kind, *_, **__: answers(ZONE, name, kind))
    assert spf.check2(i="127.0.0.1", s=f"someone@{domain}", h="localhost")[0] == "fail"
    assert spf.check2(i="198.51.100.7", s=f"someone@{domain}", h="localhost")[0] == "pass"


def answers(zone: Mapping[str, Mapping[str, list[str]]], name: str, kind: str) -> list[tuple[tuple[str, str], Any]]:
    """The zone in the shape of pyspf's lookups."""
    values = zone.get(name.rstrip("."), {}).get(kind, [])
    return [((name, kind), (value.encode(),) if kind == "TXT" else value) for value in values]


@every_fixture
def test_the_zone_knows_every_domain_of_a_mail(fixture: Fixture) -> None:
    """Author, return path and signatures: nothing is unknown by accident."""
    known = load_domains(MAIL)
    author = parseaddr(str(parse(fixture.raw)["From"]))[1]
    named = {author, fixture.envelope.mail_from, *(f"x@{each.domain}" for each in fixture.sign)} - {""}
    assert {address.rpartition("@")[2] for address in named} <= known.keys()


@every_fixture
def test_only_reserved_names_and_addresses_occur(fixture: Fixture) -> None:
    """Nobody real is written to or blamed (RFC 2606, RFC 5737, RFC 3849)."""
    text = fixture.raw.decode("latin-1")
    domains = re.findall(r"@(?!NOW)[\w-]+(?:\.[\w-]+)*\.([a-z]{2,})\b", text, re.IGNORECASE)
    assert {domain.lower() for domain in domains} <= {"example"}
    # Private in the sense of `ipaddress` are the documentation ranges too; numbers without brackets are versions.
    addresses = re.findall(r"[\[(](\d{1,3}(?:\.\d{1,3}){3})[\])]", text)
    assert all(ipaddress.ip_address(address).is_private for address in addresses)


def test_the_demo_is_configured_for_the_fixtures() -> None:
    """The mailboxes, the alias and the group that the fixtures are written for are those of fixtures/demo.toml."""
    demo = config.load(HOUSE / "fixtures" / "demo.toml", {})
    assert tuple(each.address for each in demo.mailboxes) == MAILBOXES
    assert ALIAS in demo.mailboxes[0].aliases
    assert [each.forwarder for each in demo.mailboxes] == [(FORWARDER,), ()]


def test_serve_cannot_reach_the_demo_world() -> None:
    """Only the demo's own modules import it, so no configuration leads `serve` to a zone of ours."""
    importers = []
    for room in ("agent", "inbound", "outbound"):
        for path in (HOUSE / room).rglob("*.py"):
            nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
            froms = {
                f"{node.module}.{each.name}"
                for node in nodes
                if isinstance(node, ast.ImportFrom)
                for each in node.names
            }
            plain = {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
            if any("demo_world" in name for name in froms | plain):
                importers.append(path.name)
    assert all(name.startswith("demo") for name in importers)
