"""Guarantee 7: a stranger's words, data beyond the author's own and a mail out do not come together unseen."""

from __future__ import annotations

import pytest

from agent.gate import Person, decide
from agent.policy import Rules, Settings
from tests.agent.judging import facts, judge, proposal


def verdict(*, foreign: bool) -> object:
    known = facts(foreign_data=foreign)
    return decide(judge(proposal(), known), known, template_id=proposal().template_id, auto_send=True, threshold=0.9)


def test_foreign_data_alone_makes_the_difference() -> None:
    """The same words, author and entry: seen by a person with it, unseen without."""
    assert isinstance(verdict(foreign=True), Person)
    assert not isinstance(verdict(foreign=False), Person)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_no_setting_takes_it_back(threshold: float) -> None:
    """Neither a threshold nor links that are allowed."""
    rules = Rules(settings=Settings(threshold=threshold, allowed_links=("https://shop.example/",)))
    known = facts(foreign_data=True)
    from agent.policy import evaluate

    found = evaluate("d-1", proposal(), known, rules)
    assert found.policy.decision == "review"
    assert "two_of_three" in {one.rule for one in found.findings}
