"""Who wrote each fixture and each other wording: what authentication and screening say of it in the static zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from agent.demo_world import FORWARDER, MAILBOXES, DemoKeys, Expectation, demo_zone, load_fixtures
from inbound.authentication import check
from inbound.automated import screen
from inbound.contracts import AuthResults, Envelope, Quarantined, Screening
from inbound.mime import normalize
from inbound.resolver import StaticZone
from inbound.settings import IdentitySettings
from tests.scenarios.paraphrase import cases, load_wordings

MAIL = Path(__file__).parent.parent.parent / "fixtures" / "mail"
FIXTURES = load_fixtures(MAIL)
KEYS = DemoKeys()
ZONE = StaticZone(demo_zone(MAIL, FIXTURES, KEYS))
NOW = datetime.now(UTC)


async def look(data: bytes, mail_from: str, rcpt_to: tuple[str, ...]) -> tuple[AuthResults, Screening] | None:
    """As the service sees a mail that loopback delivered; None where it cannot be read."""
    email = normalize(data)
    if isinstance(email, Quarantined):
        return None
    envelope = Envelope(
        door="smtp", mail_from=mail_from, rcpt_to=rcpt_to, peer="127.0.0.1", helo="localhost", received_at=NOW
    )
    # The group is configured for the first mailbox alone, and the first mailbox answers where it is among several.
    forwarders = (FORWARDER,) if rcpt_to[0] != MAILBOXES[1] else ()
    auth = await check(
        data, email, envelope, resolver=ZONE, settings=IdentitySettings(), forwarders=forwarders, now=NOW
    )
    screening = screen(
        data,
        email,
        envelope,
        own_addresses=frozenset(MAILBOXES),
        own_message_id=lambda _: False,
        verp_token=lambda _: None,
        forwarder=auth.forwarder,
    )
    return auth, screening


def everything() -> Iterator[tuple[str, bytes, str, tuple[str, ...], Expectation]]:
    """All that can be read: the fixtures as they are, then every case."""
    for fixture in FIXTURES:
        if fixture.normalized is not None:
            data = fixture.message(NOW, KEYS)
            yield fixture.name, data, fixture.envelope.mail_from, fixture.envelope.rcpt_to, fixture.expect
    for case in cases([each for each in FIXTURES if each.normalized], load_wordings(), NOW, KEYS):
        yield case.name, case.data, case.mail_from, case.rcpt_to, case.expect


async def test_the_author_is_proven_exactly_where_expected() -> None:
    """Over all fixtures and other wordings: nobody is proven too much, nobody too little."""
    wrong = []
    for name, data, mail_from, rcpt_to, expect in everything():
        seen = await look(data, mail_from, rcpt_to)
        if seen is None or (seen[0].author is not None) != expect.authenticated:
            wrong.append(name)
    assert wrong == []


async def test_automatic_mail_is_told_from_personal() -> None:
    """Over all fixtures and other wordings; the list headers of a proven forwarder are no sign of a list."""
    wrong = []
    for name, data, mail_from, rcpt_to, expect in everything():
        seen = await look(data, mail_from, rcpt_to)
        if seen is None or seen[1].kind != expect.kind:
            wrong.append((name, seen and seen[1]))
    assert wrong == []


async def test_loopback_confers_nothing() -> None:
    """SPF proves no fixture: the peer is not any sender's."""
    for _, data, mail_from, rcpt_to, _ in everything():
        seen = await look(data, mail_from, rcpt_to)
        assert seen is not None
        assert seen[0].spf.result != "pass"
        assert seen[0].method != "spf"
