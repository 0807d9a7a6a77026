"""The judgement as a whole: flags, kinds, versions, final bytes."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from agent import policy
from agent.policy import Caps, FinalText, Judgement, Rules, Settings, evaluate_final
from agent.rules import RULES as TABLE
from outbound.contracts import Way
from tests.agent.judging import ANN, ENTRY, OURS, RULES, broken, facts, intent, judge, proposal


def final(way: Way = "unseen", overruled: tuple[str, ...] = (), **changes: Any) -> Judgement:
    known: dict[str, Any] = {
        "from_address": OURS,
        "to_address": ANN,
        "subject": "Re: Opening hours",
        "body": ENTRY,
        "attachments": 0,
        "auto_submitted": "auto-replied" if way == "unseen" else "",
    }
    found = FinalText(**{**known, **changes})
    return evaluate_final("d-1", found, proposal(), facts(), RULES, way=way, overruled=overruled)


@pytest.mark.parametrize(
    ("found", "rule", "reason"),
    [
        ({"copies": ("bo@x.example",)}, "copies", "the copies are not those that a person named"),
        ({"files": ("0 x.txt",), "attachments": 1}, "attachments", "a reply carries no attachments"),
        ({"files": ("0 x.txt",)}, "attachments", "a reply carries no attachments"),
    ],
)
def test_final_bytes_hold_nothing_that_no_person_put_there(found: dict[str, Any], rule: str, reason: str) -> None:
    """A copy, or a file: denied, whoever approved."""
    judged = final("approved", **found)
    assert broken(judged) == {rule: "deny"}
    assert judged.policy.review_reason == reason


def test_a_file_that_a_person_put_there_is_in_the_final_bytes() -> None:
    found = FinalText(
        from_address=OURS, to_address=ANN, subject="Re: x", body=ENTRY, attachments=0, auto_submitted="", files=()
    )
    judged = evaluate_final("d-1", found, proposal(), facts(files=("0 x.txt",)), RULES, way="approved")
    (finding,) = [one for one in judged.findings if one.rule == "attachments"]
    assert finding.reason == "the files are not those that a person put to it"


def test_the_policy_has_the_exact_fields() -> None:
    """`email_action_policy` as other systems read it."""
    assert judge().policy.model_dump() == {
        "action_id": "d-1",
        "risk_level": "low",
        "requires_human_review": False,
        "review_reason": "",
        "allowed_sender": OURS,
        "allowed_recipient": True,
        "max_attachment_count": 0,
        "decision": "allow",
    }


@pytest.mark.parametrize("flags", list(itertools.product([False, True], repeat=3)))
def test_the_three_review_flags_are_ored(flags: tuple[bool, bool, bool]) -> None:
    of_intent, of_proposal, of_policy = flags
    known = facts(intent=intent(review_required=of_intent), mail_risks=("hidden_text",) if of_policy else ())
    judged = judge(proposal(review_required=of_proposal), known)
    assert judged.policy.requires_human_review is any(flags)
    assert judged.policy.decision == ("review" if any(flags) else "allow")


@pytest.mark.parametrize(("said", "entry", "found"), [("low", "medium", "medium"), ("high", "low", "high")])
def test_the_higher_risk_counts(said: str, entry: str, found: str) -> None:
    assert judge(proposal(risk_level=said), facts(entry_risk=entry)).policy.risk_level == found


def test_all_findings_are_named_not_only_the_first() -> None:
    judged = judge(proposal(to="eve@evil.example"), facts(already_replied=True, authenticated_author=None))
    assert broken(judged) == {"recipient": "deny", "second_reply": "deny", "authenticated": "review"}
    assert {*judged.passed, *broken(judged)} == {rule.id for rule in TABLE}


def test_every_reason_is_given_one_behind_the_other() -> None:
    known = facts(already_replied=True, rejected=True)
    said = "this mail has a reply already; a person rejected an earlier draft of this mail"
    assert judge(known=known).policy.review_reason == said
    both = final("unseen", body="https://evil.example {{x}}").policy.review_reason
    assert both == "nobody filled in {{x}}; the reply has links that are not allowed: https://evil.example"


def test_one_denial_among_doubts_denies() -> None:
    judged = judge(proposal(), facts(already_replied=True, authenticated_author=None))
    assert judged.policy.decision == "deny"


def test_a_review_rule_can_be_made_to_deny() -> None:
    strict = Rules(stricter=frozenset({"authenticated"}))
    judged = judge(known=facts(authenticated_author=None), rules=strict)
    assert broken(judged) == {"authenticated": "deny"}
    assert judged.policy.decision == "deny"


def test_what_a_person_may_pass_over_are_the_review_rules() -> None:
    assert {rule.id for rule in TABLE if rule.kind == "review"} == policy.REVIEWED


def test_what_leaves_with_the_reply_is_passed_over_with_a_reason() -> None:
    """A look answers rules that only ask for one; a person's own words answer for facts, not for links."""
    text = "See https://evil.example: 25 % off."
    known = facts(authenticated_author=None, entry_id=None, rejected=True, intent=intent(confidence=0.1))
    judged = judge(proposal(plain_text=text, template_id=None), known)
    assert set(broken(judged)) == {"links", "threshold", "authenticated", "rejected_before", "facts"}
    assert [one.rule for one in policy.to_justify(judged, own_words=False)] == ["links", "facts"]
    assert [one.rule for one in policy.to_justify(judged, own_words=True)] == ["links"]


def test_every_rule_that_wants_a_reason_is_named_here() -> None:
    only_ask = {
        "threshold",
        "understood",
        "for_a_person",
        "asked_for_review",
        "rejected_before",
        "authenticated",
        "bulk",
    }
    assert {rule.id for rule in TABLE if rule.wants_reason} == policy.REVIEWED - only_ask
    assert {rule.id for rule in TABLE if rule.vouched} == {"facts"}


def test_a_rule_that_does_not_exist_cannot_be_made_stricter() -> None:
    """A typing error in the configuration would else switch nothing on, silently."""
    with pytest.raises(ValidationError, match="there is no rule authentic"):
        Rules(stricter=frozenset({"authentic"}))


def test_nothing_can_make_a_rule_milder() -> None:
    """No field of the settings names rules to switch off."""
    assert set(Rules.model_fields) == {"settings", "stricter", "letter"}
    assert broken(judge(proposal(to="x@y.example"), rules=Rules(stricter=frozenset({"recipient"})))) == {
        "recipient": "deny"
    }


@pytest.mark.parametrize(
    "other",
    [
        Rules(settings=Settings(threshold=0.91)),
        Rules(settings=Settings(thresholds={"a": 0.5})),
        Rules(settings=Settings(allowed_links=("https://x.example/",))),
        Rules(settings=Settings(caps=Caps(conversation=4, sender=10, domain=100, mailbox=200, total=1000))),
        Rules(stricter=frozenset({"links"})),
    ],
)
def test_the_version_changes_with_every_setting(other: Rules) -> None:
    assert other.version != Rules().version
    assert judge(rules=other).rules_version == other.version


def test_the_version_changes_with_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Rules().version
    monkeypatch.setattr(policy, "RULES", TABLE[1:])
    assert Rules().version != before
    first = TABLE[0]
    for other in (replace(first, id="x"), replace(first, kind="review"), replace(first, protects="x")):
        monkeypatch.setattr(policy, "RULES", (other, *TABLE[1:]))
        assert Rules().version != before
    monkeypatch.setattr(policy, "RULES", TABLE)
    assert Rules().version == before
    monkeypatch.setattr(policy, "REVISION", 0)
    assert Rules().version != before


def test_the_version_is_the_same_in_every_process() -> None:
    """Approvals outlive a restart: no order of a set or of a table decides."""
    strict = Rules(settings=Settings(thresholds={"b": 0.5, "a": 0.6}), stricter=frozenset({"links", "caps", "risk"}))
    code = (
        "from agent.policy import Rules, Settings\n"
        "print(Rules(settings=Settings(thresholds={'a': 0.6, 'b': 0.5}), stricter=['risk', 'caps', 'links']).version)"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == strict.version


def test_a_threshold_outside_of_0_to_1_is_refused() -> None:
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValidationError):
            Settings(threshold=wrong)


def test_final_bytes_that_say_the_same_are_judged_the_same() -> None:
    assert final().policy == judge().policy
    assert final("approved").policy.decision == "allow"


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("recipient", {"to_address": "eve@evil.example"}),
        ("sender", {"from_address": "eve@evil.example"}),
        ("attachments", {"attachments": 1}),
        ("unresolved_fields", {"body": "Dear {{name}}"}),
        ("invisible_text", {"subject": "Re: Opening\u200b hours"}),
        ("auto_submitted", {"auto_submitted": "auto-generated"}),
        ("links", {"body": "https://evil.example"}),
    ],
)
@pytest.mark.parametrize("way", ["unseen", "approved"])
def test_what_stands_in_the_bytes_is_what_is_judged(rule: str, changes: dict[str, Any], way: Way) -> None:
    assert rule in broken(final(way, **changes))


def test_what_a_person_passed_over_stays_passed_over() -> None:
    judged = final("approved", ("links",), body="https://evil.example")
    assert judged.policy.decision == "allow"
    assert judged.overruled == ("links",)
    assert judged.findings == ()
    assert not judged.policy.requires_human_review
    assert judged.policy.review_reason == ""


def test_a_person_passes_over_what_they_saw_and_nothing_else() -> None:
    judged = final("approved", ("risk",), body="https://evil.example")
    assert broken(judged) == {"links": "review"}
    assert judged.overruled == ()


def test_what_left_unseen_was_passed_over_by_nobody() -> None:
    assert broken(final("unseen", ("links",), body="https://evil.example")) == {"links": "review"}


@pytest.mark.parametrize("rule", [rule.id for rule in TABLE if rule.kind == "deny"])
def test_a_denial_cannot_be_passed_over(rule: str) -> None:
    judged = final("approved", tuple(one.id for one in TABLE), to_address="eve@evil.example", attachments=2)
    assert broken(judged) == {"recipient": "deny", "attachments": "deny"}
    assert judged.policy.decision == "deny"
    assert rule not in judged.overruled
