"""Guarantee 11: what a model says can add review, never remove it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.gate import Person, decide
from agent.policy import Caps, Facts, Judgement, Rules
from inbound.contracts import InboundEmailIntent, Kind
from outbound.contracts import Decision, RiskLevel, SendAgentEmail
from tests.agent.judging import ANN, ENTRY, OURS, broken, facts, intent, judge, proposal

ORDER: dict[Decision, int] = {"allow": 0, "review": 1, "deny": 2}
RISKS: tuple[RiskLevel, ...] = ("low", "medium", "high")

HARD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "recipient": ({"to": "eve@evil.example"}, {}),
    "sender": ({}, {"mailbox": "eve@evil.example"}),
    "automatic_mail": ({}, {"kind": Kind.AUTO_REPLY}),
    "attachments": ({}, {"attachments": 1}),
    "unresolved_fields": ({"subject": "Re: {{name}}"}, {}),
    "second_reply": ({}, {"already_replied": True}),
    "suppressed": ({}, {"suppressed": True}),
    "invisible_text": ({"plain_text": f"{ENTRY}\u202e"}, {}),
}
"""What breaks each hard rule, of proposal and facts."""

SOFT: dict[str, dict[str, Any]] = {
    "authenticated": {"authenticated_author": None},
    "bulk": {"kind": Kind.BULK},
    "caps": {"sends": Caps(total=1000)},
    "mail_risks": {"mail_risks": ("hidden_text",)},
    "risk": {"entry_risk": "high"},
    "two_of_three": {"foreign_data": True},
}
"""What breaks review rules in facts that code found."""

model_says: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "intent": st.sampled_from(["opening_hours", "shipping", "none"]),
        "confidence": st.sampled_from([0.0, 0.5, 0.9, 1.0]),
        "risks": st.sampled_from([(), ("model:odd",)]),
        "review_required": st.booleans(),
        "requested_action": st.sampled_from(["reply", "ask", "person", "close"]),
    }
)
wrong = st.sets(st.sampled_from(sorted(HARD)))
doubtful = st.sets(st.sampled_from(sorted(SOFT)))


def case(
    hard: set[str], soft: set[str], said: dict[str, Any], risk: RiskLevel = "low", *, review: bool = False
) -> tuple[SendAgentEmail, Facts]:
    of_proposal: dict[str, Any] = {"risk_level": risk, "review_required": review}
    of_facts: dict[str, Any] = {"intent": intent(**said)}
    for one in soft:
        of_facts |= SOFT[one]
    for one in hard:
        of_proposal |= HARD[one][0]
        of_facts |= HARD[one][1]
    return proposal(**of_proposal), facts(**of_facts)


def severity(judgement: Judgement) -> tuple[int, bool, int]:
    policy = judgement.policy
    return ORDER[policy.decision], policy.requires_human_review, RISKS.index(policy.risk_level)


def leaves(judgement: Judgement, known: Facts) -> bool:
    return not isinstance(decide(judgement, known, template_id="hours", auto_send=True, threshold=0.9), Person)


@settings(deadline=None)
@given(wrong.filter(bool), doubtful, model_says, st.sampled_from(RISKS), st.booleans())
def test_a_hard_rule_holds_whatever_the_model_says(
    hard: set[str], soft: set[str], said: dict[str, Any], risk: RiskLevel, review: bool
) -> None:
    """For all combinations of hard rules that fail, with every confidence and flag."""
    told, known = case(hard, soft, said, risk, review=review)
    judged = judge(told, known)
    assert judged.policy.decision == "deny"
    assert all(broken(judged)[one] == "deny" for one in hard)
    assert not leaves(judged, known)


@settings(deadline=None)
@given(doubtful.filter(bool), model_says)
def test_a_doubt_that_code_has_stays_whatever_the_model_says(soft: set[str], said: dict[str, Any]) -> None:
    told, known = case(set(), soft, {**said, "confidence": 1.0, "risks": (), "review_required": False})
    judged = judge(told, known)
    assert judged.policy.decision == "review"
    # One kind of mail is named at a time: bulk mail keeps that name.
    assert soft <= broken(judged).keys()
    assert judged.policy.risk_level == ("high" if "risk" in soft else "low")
    assert not leaves(judged, known)


@given(wrong, doubtful, model_says, st.sampled_from(RISKS), st.booleans(), st.data())
@settings(max_examples=300, deadline=None)
def test_what_a_model_adds_only_ever_adds(
    hard: set[str], soft: set[str], said: dict[str, Any], risk: RiskLevel, review: bool, data: st.DataObject
) -> None:
    """Raise any of risk, risks, review flags, or lower confidence: no decision gets milder, no finding goes away."""
    told, known = case(hard, soft, said, risk, review=review)
    worse = {
        **said,
        "risks": (*said["risks"], "model:worse") if data.draw(st.booleans()) else said["risks"],
        "review_required": said["review_required"] or data.draw(st.booleans()),
        "confidence": data.draw(st.floats(0.0, said["confidence"])),
    }
    raised = RISKS[data.draw(st.integers(RISKS.index(risk), 2))]
    worse_told, worse_known = case(hard, soft, worse, raised, review=review or data.draw(st.booleans()))
    before, after = judge(told, known), judge(worse_told, worse_known)
    assert severity(after) >= severity(before)
    assert all(one >= other for one, other in zip(severity(after), severity(before), strict=True))
    assert broken(before).items() <= broken(after).items()
    assert leaves(before, known) or not leaves(after, worse_known)


@settings(deadline=None)
@given(model_says, st.text(max_size=20), st.text(max_size=40))
def test_the_model_names_neither_sender_nor_recipient(said: dict[str, Any], to: str, subject: str) -> None:
    """Whatever it writes: From is the mailbox's, and `to` is the author or nothing leaves."""
    told, known = case(set(), set(), said)
    told = told.model_copy(
        update={"subject": subject, "recipient": told.recipient.model_copy(update={"email": f"{to}@evil.example"})}
    )
    policy = judge(told, known).policy
    assert policy.allowed_sender == OURS
    assert not policy.allowed_recipient
    assert policy.decision == "deny"
    assert policy.max_attachment_count == 0


@pytest.mark.parametrize("stricter", [frozenset(), frozenset(SOFT)])
def test_an_operator_can_only_make_it_stricter(stricter: frozenset[str]) -> None:
    for one in SOFT:
        told, known = case(set(), {one}, {})
        assert judge(told, known, Rules(stricter=stricter)).policy.decision == ("deny" if stricter else "review")


def test_full_confidence_alone_sends_nothing() -> None:
    """Not without an entry, a proof of the author, and the operator's switch."""
    sure = InboundEmailIntent(
        message_id="1", mailbox=OURS, sender=ANN, intent="opening_hours", confidence=1.0, requested_action="reply"
    )
    for changes in ({"entry_id": None}, {"authenticated_author": None}):
        known = facts(intent=sure, **changes)
        assert not leaves(judge(proposal(), known), known)
    known = facts(intent=sure)
    off = decide(judge(proposal(), known), known, template_id="hours", auto_send=False, threshold=0.0)
    assert isinstance(off, Person)
