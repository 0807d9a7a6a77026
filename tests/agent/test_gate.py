"""The gate: one way through, and every single thing that stands in it."""

from __future__ import annotations

from typing import Any

import pytest

from agent.gate import Person, Unseen, decide
from agent.policy import Facts, Judgement
from inbound.contracts import Kind
from tests.agent.judging import facts, intent, judge, proposal

GOOD = judge()


def ask(judgement: Judgement = GOOD, known: Facts | None = None, **changes: Any) -> Unseen | Person:
    options: dict[str, Any] = {"template_id": "hours", "auto_send": True, "threshold": 0.9, **changes}
    return decide(judgement, known or facts(), **options)


def policy(**changes: Any) -> Judgement:
    return GOOD.model_copy(update={"policy": GOOD.policy.model_copy(update=changes)})


def test_a_marked_entry_to_a_proven_author_leaves_unseen() -> None:
    answer = ask()
    assert isinstance(answer, Unseen)
    assert "hours" in answer.reason


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"judgement": policy(decision="review")}, "policy did not allow"),
        ({"judgement": policy(decision="deny")}, "policy did not allow"),
        ({"judgement": policy(requires_human_review=True, review_reason="because")}, "because"),
        ({"judgement": policy(allowed_recipient=False)}, "recipient"),
        ({"judgement": policy(risk_level="high")}, "risk is high"),
        ({"judgement": GOOD.model_copy(update={"passed": ()})}, "no rule was checked"),
        (
            {"judgement": GOOD.model_copy(update={"findings": judge(proposal(review_required=True)).findings})},
            "policy did not allow",
        ),
        ({"template_id": None}, "free text"),
        ({"template_id": "other"}, "free text"),
        ({"known": facts(entry_id=None)}, "free text"),
        ({"auto_send": False}, "auto_send is off"),
        ({"threshold": 0.96}, "under the threshold"),
        ({"threshold": float("nan")}, "under the threshold"),
        ({"known": facts(authenticated_author=None)}, "proves"),
        ({"known": facts(authenticated_author="")}, "proves"),
        ({"known": facts(authenticated_author="bob@customer.example")}, "proves"),
        ({"known": facts(author="", authenticated_author="")}, "proves"),
        ({"template_id": None, "auto_send": False}, "free text"),
        ({"known": facts(newer_mail=True)}, "newer mail"),
        ({"known": facts(older_unanswered=True)}, "an earlier mail"),
        ({"known": facts(paused=True)}, "paused"),
        ({"known": facts(mistaken=True)}, "should not have been sent"),
        ({"known": facts(hold="the domain is new")}, "the domain is new"),
        ({"known": facts(already_replied=True)}, "a reply already"),
        ({"known": facts(intent=intent(review_required=True))}, "a person was asked for"),
        ({"known": facts(intent=intent(confidence=0.5))}, "under the threshold"),
        *(({"known": facts(kind=kind)}, "may be automatic") for kind in Kind if kind is not Kind.PERSONAL),
    ],
)
def test_one_thing_in_the_way_is_enough_for_a_person(changes: dict[str, Any], word: str) -> None:
    """And it is the only one that is named."""
    answer = ask(**changes)
    assert isinstance(answer, Person)
    assert len(answer.reasons) == 1
    assert word in answer.reasons[0]


@pytest.mark.parametrize(("confidence", "unseen"), [(0.8999, False), (0.9, True), (0.9001, True)])
def test_the_threshold_itself_is_enough(confidence: float, unseen: bool) -> None:
    answer = ask(known=facts(intent=intent(confidence=confidence)))
    assert isinstance(answer, Unseen) is unseen


def test_free_text_waits_however_sure_the_model_is() -> None:
    """By a fixed threshold nothing that no operator wrote goes unseen."""
    known = facts(entry_id=None, intent=intent(confidence=1.0))
    answer = ask(known=known, template_id=None, threshold=0.0)
    assert answer == Person(("free text always waits for a person",))


def test_everything_in_the_way_is_named_once() -> None:
    known = facts(authenticated_author=None, paused=True, kind=Kind.BULK)
    answer = ask(judge(known=known), known, auto_send=False)
    assert isinstance(answer, Person)
    assert len(answer.reasons) == len(set(answer.reasons)) == 5
