"""Each rule alone: what it stops, where its edge is, and what it lets pass."""

from __future__ import annotations

from typing import Any

import pytest

from agent import content, policy, rules
from agent.policy import Caps, Facts, Rules, Settings
from agent.rules import RULES, Final
from inbound.contracts import Kind
from outbound.contracts import SendAgentEmail
from tests.agent.judging import ANN, OURS, broken, facts, intent, judge, proposal

FREE: dict[str, Any] = {"template_id": None}
BO, FILE = "bo@x.example", "0f a.pdf"


def ends(**changes: Any) -> Final:
    """The final bytes of an approved reply."""
    return Final(**{"from_address": OURS, "auto_submitted": "", "way": "approved", **changes})


BREAKS: list[tuple[str, SendAgentEmail, Facts]] = [
    ("recipient", proposal(to="eve@evil.example"), facts()),
    ("recipient", proposal(to=f"{ANN}, eve@evil.example"), facts()),
    ("recipient", proposal(to=""), facts(author="", authenticated_author="")),
    ("recipient", proposal(to="not an address"), facts(author="")),
    ("sender", proposal(), facts(mailbox="ceo@customer.example")),
    ("sender", proposal(to=OURS), facts(author=OURS, authenticated_author=OURS)),
    ("sender", proposal(), facts(final=Final(from_address="x@larkspur.example", auto_submitted="", way="approved"))),
    *(("automatic_mail", proposal(), facts(kind=kind)) for kind in Kind if kind not in {Kind.PERSONAL, Kind.BULK}),
    ("auto_submitted", proposal(), facts(final=Final(from_address=OURS, auto_submitted="", way="unseen"))),
    ("auto_submitted", proposal(), facts(final=Final(from_address=OURS, auto_submitted="no", way="unseen"))),
    (
        "auto_submitted",
        proposal(),
        facts(final=Final(from_address=OURS, auto_submitted="auto-replied", way="approved")),
    ),
    ("copies", proposal(), facts(copies=(OURS,))),
    ("copies", proposal(), facts(copies=(ANN,))),
    ("copies", proposal(), facts(copies=(BO, BO))),
    ("copies", proposal(), facts(copies=("Bo <bo@x.example>",))),
    ("copies", proposal(), facts(final=ends(copies=(BO,)))),
    ("copies", proposal(), facts(final=ends(), copies=(BO,))),
    ("copies", proposal(), facts(final=ends(copies=(BO,), way="unseen", auto_submitted="auto-replied"), copies=(BO,))),
    ("attachments", proposal(), facts(attachments=1)),
    ("attachments", proposal(), facts(files=(FILE,) * 3)),
    ("attachments", proposal(), facts(files=(FILE,), attachments=3)),
    ("attachments", proposal(), facts(final=ends(files=(FILE,)))),
    ("attachments", proposal(), facts(final=ends(files=("0 a.pdf",)), files=(FILE,))),
    ("attachments", proposal(), facts(final=ends(files=(FILE,), way="unseen"), files=(FILE,))),
    ("unresolved_fields", proposal(plain_text="Dear {{name}}, hello"), facts()),
    ("unresolved_fields", proposal(subject="Re: {{topic}}"), facts()),
    ("second_reply", proposal(), facts(already_replied=True)),
    ("invisible_text", proposal(plain_text="Hel\u200blo"), facts()),
    ("invisible_text", proposal(subject="Re: Opening\u202e hours"), facts()),
    ("secrets", proposal(plain_text="Card 4111 1111 1111 1111"), facts()),
    ("secrets", proposal(subject="Re: AKIAIOSFODNN7EXAMPLE"), facts()),
    ("empty", proposal(plain_text=" \n\t"), facts()),
    ("empty", proposal(plain_text="\u2800\u200b"), facts()),
    ("too_long", proposal(plain_text="a" * 60_000), facts()),
    ("too_long", proposal(plain_text="\ufdfa" * 2_000), facts()),
    ("suppressed", proposal(), facts(suppressed=True)),
    ("suppressed", proposal(), facts(copies=(BO,), suppressed_copies=(BO,))),
    ("links", proposal(plain_text="See https://evil.example/"), facts()),
    ("links", proposal(subject="Re: evil.example"), facts()),
    ("links", proposal(plain_text="Write to eve@evil.example"), facts()),
    ("placeholders", proposal(plain_text="Dear [Your Name], hello"), facts()),
    ("credentials", proposal(plain_text="It is " + "a1" * 16 + "-us14."), facts()),
    ("blank_run", proposal(plain_text="Hello" + "\n" * 40 + "and more"), facts()),
    ("risk", proposal(risk_level="high"), facts()),
    ("risk", proposal(), facts(entry_risk="high")),
    ("risk", proposal(risk_level="medium"), facts(entry_risk="low")),
    ("risk", proposal(risk_level="high"), facts(entry_risk=None)),
    ("mail_risks", proposal(), facts(mail_risks=("hidden_text",))),
    ("mail_risks", proposal(), facts(intent=intent(risks=("several_questions",)))),
    *(
        ("mail_defects", proposal(), facts(mail_defects=(code,)))
        for code in ("bad_base64", "unknown_charset", "encrypted")
    ),
    ("threshold", proposal(), facts(intent=intent(confidence=0.89))),
    ("understood", proposal(), facts(intent=intent(intent="none"))),
    *(
        ("for_a_person", proposal(), facts(intent=intent(requested_action=action)))
        for action in ("person", "forward", "close", "ignore")
    ),
    ("authenticated", proposal(), facts(authenticated_author=None)),
    ("authenticated", proposal(), facts(authenticated_author="eve@evil.example")),
    ("bulk", proposal(), facts(kind=Kind.BULK)),
    ("caps", proposal(), facts(sends=Caps(conversation=3))),
    ("caps", proposal(), facts(copies=(BO,), copy_sends=((BO, Caps(sender=10)),))),
    ("caps", proposal(), facts(copies=(BO,), copy_sends=((BO, Caps(domain=100)),))),
    ("by_hand", proposal(), facts(copies=(BO,))),
    ("by_hand", proposal(), facts(files=(FILE,))),
    ("asked_for_review", proposal(review_required=True), facts()),
    ("asked_for_review", proposal(), facts(intent=intent(review_required=True))),
    ("rejected_before", proposal(), facts(rejected=True)),
    ("two_of_three", proposal(), facts(foreign_data=True)),
    ("facts", proposal(plain_text="We give you 25 % off.", **FREE), facts(entry_id=None)),
    ("facts", proposal(plain_text="We give you 25 % off.", **FREE), facts()),
    ("facts", proposal(plain_text="We give you 25 % off.", template_id="other"), facts()),
    ("facts", proposal(subject="Re: Opening hours, 25 % off", **FREE), facts(entry_id=None)),
    ("facts", proposal(plain_text="See https://larkspur.example/help/none", **FREE), facts(entry_id=None)),
]
KINDS = {
    "deny": {
        *("recipient", "sender", "automatic_mail", "auto_submitted", "copies", "attachments", "unresolved_fields"),
        *("second_reply", "invisible_text", "secrets", "empty", "too_long", "suppressed"),
    },
    "review": {
        *(
            "links",
            "placeholders",
            "credentials",
            "blank_run",
            "risk",
            "mail_risks",
            "mail_defects",
            "threshold",
            "understood",
        ),
        *(
            "for_a_person",
            "authenticated",
            "bulk",
            "caps",
            "by_hand",
            "asked_for_review",
            "rejected_before",
            "two_of_three",
            "facts",
        ),
    },
}


PAGE = "https://larkspur.example/help/care"
KNOWN_LINKS = [
    (f"See {PAGE}", ("Care: larkspur.example/help/CARE/",)),
    ("See https://larkspur.example/help/", ()),
    ("See https://larkspur.example/help", ()),
    (f"Write to {OURS} or to mailto:help@larkspur.example", ()),
    (f"You wrote as {ANN}", ()),
]


@pytest.mark.parametrize(("text", "sources"), KNOWN_LINKS)
def test_a_link_that_stands_somewhere_is_no_claim(text: str, sources: tuple[str, ...]) -> None:
    """In a source, however it is written there; in the configuration as it is; our addresses and the author's."""
    assert "facts" not in broken(judge(proposal(plain_text=text, **FREE), facts(entry_id=None, sources=sources)))


def test_a_link_of_nobodys_is_named_among_the_facts() -> None:
    """At or below an allowed one; others are for the rule of links, once. The author's own subject is a source."""
    text = f"See {PAGE} and https://evil.example/x, 25 EUR"
    known = facts(entry_id=None, mail_subject="Re: 30 days")
    judged = judge(proposal(subject="Re: 30 days", plain_text=text, **FREE), known)
    words = {finding.rule: finding.words for finding in judged.findings}
    assert words["facts"] == ("25 EUR", PAGE)
    assert words["links"] == ("https://evil.example/x",)


def test_nothing_speaks_against_a_known_answer_to_a_proven_author() -> None:
    """Else the tests below would prove nothing."""
    judged = judge()
    assert judged.findings == ()
    assert judged.policy.decision == "allow"
    assert judged.passed == tuple(rule.id for rule in RULES)


def test_every_rule_is_of_the_kind_that_is_written_here() -> None:
    """A rule that becomes milder, or goes, is noticed."""
    found = {(rule.kind, rule.id) for rule in RULES}
    assert found == {(kind, one) for kind, ids in KINDS.items() for one in ids}
    assert len(found) == len(RULES)
    assert all(rule.protects for rule in RULES)


@pytest.mark.parametrize(
    ("rule", "said", "known"), BREAKS, ids=[f"{n}-{rule}" for n, (rule, _, _) in enumerate(BREAKS)]
)
def test_a_rule_stops_what_it_is_for(rule: str, said: SendAgentEmail, known: Facts) -> None:
    """With its own kind; the decision is at least as strict."""
    judged = judge(said, known)
    kind = "deny" if rule in KINDS["deny"] else "review"
    assert broken(judged)[rule] == kind
    assert rule not in judged.passed
    assert judged.policy.requires_human_review
    assert judged.policy.decision == ("deny" if "deny" in broken(judged).values() else "review")
    assert next(finding.reason for finding in judged.findings if finding.rule == rule) in judged.policy.review_reason


def test_a_person_may_put_files_to_a_reply_and_a_model_may_not() -> None:
    """As many as are set, for `max_attachment_count`; with a reason, and only where the bytes have just these."""
    put = facts(copies=(BO,), files=(FILE, FILE), final=ends(copies=(BO,), files=(FILE, FILE)), attachments=2)
    judged = judge(proposal(), put)
    assert broken(judged) == {"by_hand": "review"}
    assert judged.policy.max_attachment_count == 2
    assert judged.policy.requires_human_review
    assert judge().policy.max_attachment_count == 0
    assert [one.rule for one in policy.to_justify(judged, own_words=True)] == ["by_hand"]


def test_every_rule_has_something_that_it_stops() -> None:
    """A rule without a case above could be empty."""
    assert {rule for rule, _, _ in BREAKS} == {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_without_the_rule_something_passes(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule carries weight: switched off, one of its cases is judged more mildly than before."""
    cases = [(said, known) for one, said, known in BREAKS if one == rule]
    before = [judge(said, known) for said, known in cases]
    monkeypatch.setattr(policy, "RULES", tuple(one for one in RULES if one.id != rule))
    after = [judge(said, known) for said, known in cases]
    assert any(
        broken(one).keys() - broken(other).keys() == {rule} and one.policy.review_reason != other.policy.review_reason
        for one, other in zip(before, after, strict=True)
    )


@pytest.mark.parametrize("to", [ANN, "Ann@Customer.Example", " ann@customer.example ", "ann@customer.example."])
def test_the_author_may_be_written_in_any_form(to: str) -> None:
    """The model's `to` is compared in canonical form."""
    assert judge(proposal(to=to)).policy.allowed_recipient


@pytest.mark.parametrize(
    "to",
    [
        "eve@evil.example",
        "ann@customer.example.evil.example",
        "ann@customer.example\neve@evil.example",
        "ann@customer.example\x00",
        "<ann@customer.example>",
        "Ann <ann@customer.example>",
        "аnn@customer.example",  # a Cyrillic letter
        "ann+x@customer.example",
        '"ann@customer.example"@evil.example',
        "@evil.example:ann@customer.example",
    ],
)
def test_nobody_else_is_a_recipient(to: str) -> None:
    judged = judge(proposal(to=to))
    assert judged.policy.decision == "deny"
    assert not judged.policy.allowed_recipient


@pytest.mark.parametrize(("confidence", "holds"), [(0.8999999, False), (0.9, True), (0.9000001, True), (1.0, True)])
def test_the_threshold_itself_is_enough(confidence: float, holds: bool) -> None:
    assert ("threshold" in judge(known=facts(intent=intent(confidence=confidence))).passed) is holds


@pytest.mark.parametrize(("name", "confidence", "holds"), [("opening_hours", 0.95, False), ("shipping", 0.95, True)])
def test_an_intent_may_have_its_own_threshold(name: str, confidence: float, holds: bool) -> None:
    strict = Rules(settings=Settings(threshold=0.9, thresholds={"opening_hours": 0.99}))
    judged = judge(known=facts(intent=intent(intent=name, confidence=confidence)), rules=strict)
    assert ("threshold" in judged.passed) is holds


@pytest.mark.parametrize("name", list(Caps.model_fields))
def test_the_last_reply_under_a_cap_may_go_and_the_next_may_not(name: str) -> None:
    allowed = Settings().caps
    cap = getattr(allowed, name)
    assert "caps" in judge(known=facts(sends=Caps(**{name: cap - 1}))).passed
    judged = judge(known=facts(sends=Caps(**{name: cap})))
    assert broken(judged) == {"caps": "review"}
    assert f"{name} ({cap} of {cap})" in judged.policy.review_reason


def test_the_author_s_own_subject_is_not_held_against_the_reply() -> None:
    """Else a customer could make themselves unanswerable."""
    subject = "{{name}} in my mail from www.customer.example"
    assert judge(proposal(subject=f"Re: {subject}"), facts(mail_subject=subject)).findings == ()
    assert broken(judge(proposal(subject=f"Re: {subject} evil.example"), facts(mail_subject=subject))) == {
        "links": "review"
    }


def test_our_addresses_the_author_s_and_listed_links_may_stand_in_a_reply() -> None:
    text = f"See https://larkspur.example/help/returns, or write to {OURS}. We answer {ANN}."
    assert "links" in judge(proposal(plain_text=text)).passed


def test_an_entry_of_medium_risk_may_leave_as_the_operator_marked_it() -> None:
    """Only what was raised over the entry's own risk waits."""
    assert "risk" in judge(proposal(risk_level="medium"), facts(entry_risk="medium")).passed


def test_the_exact_length_passes_and_one_more_does_not() -> None:
    said = proposal(subject="", plain_text="a" * (content.LIMIT - 1))
    assert "too_long" in judge(said).passed
    assert "too_long" in broken(judge(said.model_copy(update={"plain_text": "a" * content.LIMIT})))


def test_a_reason_names_the_words_that_stand_in_no_source() -> None:
    judged = judge(proposal(plain_text="Dear Ann, Bob sends it on 3 May 2027.", template_id=None), facts(entry_id=None))
    reason = next(finding.reason for finding in judged.findings if finding.rule == "facts")
    assert "Bob" in reason
    assert "3 May 2027" in reason
    assert "Ann" not in reason


def test_reasons_are_bounded() -> None:
    """A reply full of gaps, links or claims does not fill the desk."""
    text = " ".join(f"{{{{gap{n}}}}} https://evil{n}.example/ {n + 1000}" for n in range(200))
    long = f"https://evil.example/{'a' * 5_000} {'7' * 5_000} {{{{{'g' * 90}}}}}"
    for said in (text, long):
        judged = judge(proposal(plain_text=said, template_id=None), facts(entry_id=None))
        assert set(broken(judged)) == {"unresolved_fields", "links", "facts"}
        assert len(judged.policy.review_reason) < 1_500


def test_no_rule_looks_at_confidence_but_the_threshold() -> None:
    """What a model says of itself opens nothing."""
    for one in RULES:
        if one.check is not rules.threshold:
            sure, unsure = facts(intent=intent(confidence=1.0)), facts(intent=intent(confidence=0.0))
            assert one.check(proposal(), sure, Settings()) == one.check(proposal(), unsure, Settings())


def test_the_operator_s_own_words_need_no_source() -> None:
    """An entry that was recognised by code is its own source; the same words as free text are not."""
    assert judge(known=facts(sources=())).findings == ()
    assert "facts" in broken(judge(known=facts(sources=(), entry_id=None)))


def test_harmless_defects_are_left_alone() -> None:
    """A mail without a date is still understood."""
    assert judge(known=facts(mail_defects=("no_date", "bare_line_end"))).findings == ()


def test_what_is_not_said_of_a_mail_is_not_so() -> None:
    """Defaults: nothing was sent, nothing is newer, nothing is paused."""
    assert set(Caps().model_dump().values()) == {0}
    known = facts()
    flags = (known.newer_mail, known.paused, known.suppressed, known.already_replied, known.foreign_data)
    assert flags == (False,) * 5


def test_free_text_is_held_by_the_gate_and_not_by_its_risk() -> None:
    """Its floor is medium; nobody raised it over an entry."""
    assert "risk" in judge(proposal(risk_level="medium"), facts(entry_id=None, entry_risk=None)).passed
