"""Codes in plain words: every one has some, and none says more than is so."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from agent import words
from agent.printing import print_story
from agent.states import DraftState, MailStatus
from agent.story import tell
from inbound import codes
from tests.agent.desk_visitor import visiting

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_every_state_has_words_of_its_own() -> None:
    """No code reaches a person, and no two states read alike."""
    assert len({words.status(one) for one in MailStatus}) == len(MailStatus)
    assert len({words.draft_state(one) for one in DraftState}) == len(DraftState)


def test_a_risk_is_a_sentence_and_a_models_own_is_marked() -> None:
    """What a model says is never taken for what we found."""
    for code, sentence in codes.SENTENCES.items():
        assert words.risk(code) == sentence
        assert words.risk(f"model:{code}") == f"the model says: {sentence}"
    assert words.risk("model:wants_money") == "the model says: wants money"


@pytest.mark.parametrize(
    ("past", "said"),
    [
        (timedelta(seconds=-90), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=47), "1 d"),
        (timedelta(days=400), "400 d"),
    ],
)
def test_an_age_is_the_largest_unit_that_is_full(past: timedelta, said: str) -> None:
    """A clock that ran ahead is no trouble."""
    assert words.ago(NOW - past, NOW) == said


@pytest.mark.parametrize(
    ("share", "said"), [(0.0, "0 %"), (0.29, "29 %"), (0.57, "57 %"), (0.8999, "89 %"), (0.9, "90 %"), (1.0, "100 %")]
)
def test_a_share_is_never_rounded_up(share: float, said: str) -> None:
    """What stayed under a threshold of 90 % does not read as 90 %."""
    assert words.percent(share) == said


def test_a_language_has_its_name_and_an_unknown_one_none() -> None:
    """What code detects has a name for people."""
    assert (words.language("de"), words.language("")) == ("German", "")


async def test_the_desk_and_explain_say_the_mails_language(tmp_path: Path) -> None:
    """Stored with the mail, shown where it is read."""
    async with visiting(tmp_path) as visitor:
        mail_id = await visitor.home.receive("Wo bleibt meine Bestellung? Sie ist noch nicht da.")
        await visitor.home.settle()
        page = await visitor.page(f"/mail/{mail_id}")
        assert "German" in page.text
        async with visitor.home.parts.database.read() as tx:
            story = await tell(tx, visitor.home.parts.audit, mail_id)
        assert story is not None
        console = Console(record=True, width=200)
        print_story(console, story, whole=False)
        assert re.search(r"language +German\n", console.export_text())
