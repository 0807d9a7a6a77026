"""What normalisation finds in each fixture: who, about what, in which new words, with what attached."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.demo_world import DemoKeys, Fixture, load_fixtures
from inbound.contracts import Quarantined
from inbound.mime import normalize

MAIL = Path(__file__).parent.parent.parent / "fixtures" / "mail"
KEYS = DemoKeys()
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def words(text: str) -> str:
    """Text without its line breaks and runs of blanks, which HTML and flowed text leave open."""
    return " ".join(text.split())


@pytest.mark.parametrize("fixture", load_fixtures(MAIL), ids=lambda fixture: fixture.name)
def test_a_fixture_is_read_as_a_person_reads_it(fixture: Fixture) -> None:
    """Quotations, hidden text and attached messages are not the author's words; a sign-off may stay or go."""
    found = normalize(fixture.message(NOW, KEYS))
    expected = fixture.normalized
    if expected is None:
        assert isinstance(found, Quarantined)
        return
    assert not isinstance(found, Quarantined)
    assert found.author is not None
    assert found.author.email.lower() == expected.author
    assert found.subject == expected.subject
    assert expected.attachments in (None, tuple(each.name for each in found.attachments))
    new_text = words(found.new_text)
    assert new_text.startswith(expected.new_text)
    if expected.closing != "*":
        assert words(f"{expected.new_text} {expected.closing}").startswith(new_text)
    assert set(fixture.expect.risks_include) <= set(found.risks)


@pytest.mark.parametrize("name", ["18-german-html-only", "19-japanese", "20-pdf-attached"])
def test_no_letter_is_lost(name: str) -> None:
    """Every charset of the fixtures is decoded: no replacement character."""
    fixture = next(each for each in load_fixtures(MAIL) if each.name == name)
    found = normalize(fixture.message(NOW, KEYS))
    assert not isinstance(found, Quarantined)
    assert "\N{REPLACEMENT CHARACTER}" not in found.text + found.subject
    assert found.author is not None
    assert "\N{REPLACEMENT CHARACTER}" not in found.author.name
