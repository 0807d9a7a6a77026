"""The labelled mails: what the set is, and how well the playbook's matcher does on both halves of it."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.agent.labelled import fives, mails, stored
from tests.agent.labelled_figures import book, figures
from tests.agent.labelled_words import NONE, SAID


def test_the_file_is_what_the_seed_gives() -> None:
    """It was read as it stands; an odd mail is mended where it is made."""
    assert stored() == mails()


def test_the_set_is_large_enough_and_its_halves_share_nothing() -> None:
    """At least 260 mails over 12 intents and 60 of none; half of each is counted only."""
    count = Counter(mail.intent for mail in stored())
    assert count["none"] >= 60
    assert count.total() - count["none"] >= 260
    assert len(count) - 1 >= 12
    assert set(count) == {*book().intents, "none"}
    halves = Counter(mail.half for mail in stored())
    assert halves["tuned"] == halves["heldout"]
    said = [sentence for many in (*SAID.values(), NONE) for sentence in many]
    assert len(set(said)) == len(said)


def test_no_mail_shares_five_words_with_an_example() -> None:
    """Else the matcher would be asked what it was told."""
    known = {five for entry in book().entries for example in entry.examples for five in fives(example)}
    assert [mail.text for mail in stored() if fives(f"{mail.subject}\n{mail.text}") & known] == []


@pytest.mark.parametrize(("half", "right"), [("tuned", 0.80), ("heldout", 0.60)])
def test_the_matcher_does_as_well_as_when_it_was_measured(half: str, right: float) -> None:
    """Nothing wrong leaves unseen, what belongs to none is no intent's, few others are wrong, the rest is missed."""
    found = list(figures(mail for mail in stored() if mail.half == half))
    outcomes = Counter(said.outcome for _, said in found)
    assert [mail.text for mail, said in found if said.unseen and said.outcome != "right"] == []
    assert [mail.text for mail, said in found if mail.intent == "none" and said.outcome == "wrong"] == []
    assert outcomes["right"] >= right * len(found)
    assert outcomes["wrong"] <= 0.03 * len(found)
