"""What each rule says to a person, to the letter."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agent import content
from agent.policy import Caps, Settings
from agent.rules import MAX_QUOTED, RULES, Facts, Final, higher
from inbound import codes
from inbound.contracts import Kind
from outbound.contracts import RiskLevel
from tests.agent.judging import ANN, OURS, facts, intent, proposal

KEY = "AKIAIOSFODNN7EXAMPLE"
BO, FILES = "bo@x.example", ("0f a.pdf", "0f b c.pdf")
HIDDEN = "(not repeated here, for it may hold a secret)"


def final(**changes: Any) -> Facts:
    known: dict[str, Any] = {"from_address": OURS, "auto_submitted": "auto-replied", "way": "unseen"}
    return facts(final=Final(**{**known, **changes}))


def unseen(**changes: Any) -> Facts:
    """A person put it to the reply, and the bytes have it, but nobody saw them."""
    known: dict[str, Any] = {"from_address": OURS, "auto_submitted": "auto-replied", "way": "unseen"}
    return facts(final=Final(**{**known, **changes}), **changes)


def text(body: str, **changes: Any) -> dict[str, Any]:
    return {"plain_text": body, "template_id": None, **changes}


SAYS: list[tuple[str, dict[str, Any], Facts, str]] = [
    ("recipient", {"to": "eve@evil.example"}, facts(), "the recipient is not the author of the mail"),
    (
        "sender",
        {},
        facts(mailbox="ceo@customer.example"),
        "the sender is not one of our mailboxes, or the reply would go to ourselves",
    ),
    ("sender", {}, final(from_address="help@larkspur.example"), "the From address is not that of the mailbox"),
    ("automatic_mail", {}, facts(kind=Kind.LOOP), "the mail is automatic (loop) and is never answered"),
    (
        "auto_submitted",
        {},
        final(auto_submitted=""),
        "Auto-Submitted does not say how this reply was decided (RFC 3834)",
    ),
    ("copies", {}, final(copies=(BO,)), "the copies are not those that a person named"),
    ("copies", {}, facts(copies=(ANN,)), "a copy is for another plain address than the author's, each once"),
    ("copies", {}, facts(copies=(OURS,)), f"the copy to {OURS} would come back to ourselves"),
    ("copies", {}, unseen(copies=(BO,)), "only what a person approved has copies"),
    ("attachments", {}, facts(attachments=1), "a reply carries no attachments"),
    ("attachments", {}, facts(files=FILES), "a reply takes at most 0 files along, and this one has 2"),
    ("attachments", {}, unseen(files=FILES), "only what a person approved takes files along"),
    (
        "attachments",
        {},
        facts(files=FILES, final=Final(from_address=OURS, auto_submitted="", way="approved")),
        "the files are not those that a person put to it",
    ),
    (
        "suppressed",
        {},
        facts(suppressed_copies=(BO, ANN)),
        f"copies go to who is suppressed (bounced or complained): {BO}, {ANN}",
    ),
    (
        "caps",
        {},
        facts(copy_sends=((BO, Caps(sender=10, domain=1)),)),
        f"the cap of replies a day is reached: sender of the copy to {BO} (10 of 10)",
    ),
    (
        "by_hand",
        {},
        facts(copies=(BO, ANN), files=FILES),
        f"a person put to it a copy to {BO}, {ANN}; the file a.pdf; the file b c.pdf",
    ),
    ("unresolved_fields", text("{{a}} {{b}}"), facts(), "nobody filled in {{a}}, {{b}}"),
    (
        "unresolved_fields",
        text(" ".join(f"{{{{{name}}}}}" for name in "abcdef")),
        facts(),
        "nobody filled in {{a}}, {{b}}, {{c}}, {{d}}, {{e}}",
    ),
    ("unresolved_fields", text(f"{{{{a}}}} {KEY}"), facts(), f"nobody filled in {HIDDEN}"),
    ("unresolved_fields", text(f"{{{{a}}}} {'a1' * 16}-us14"), facts(), f"nobody filled in {HIDDEN}"),
    ("unresolved_fields", text("{{a}} 4111 1111 1111 1111"), facts(), f"nobody filled in {HIDDEN}"),
    ("second_reply", {}, facts(already_replied=True), "this mail has a reply already"),
    (
        "invisible_text",
        {"subject": "a\u200b\u202e\u00ad", "plain_text": "\u2066\u2800\ufeff"},
        facts(),
        "the reply has characters that a reader does not see: U+00AD, U+200B, U+202E, U+2066, U+2800",
    ),
    ("secrets", text(f"{KEY} 4111 1111 1111 1111"), facts(), "the reply seems to hold an AWS key, a card number"),
    ("credentials", text(f"It is {'a1' * 16}-us14."), facts(), "the reply may hold a key: Mailchimp Access Key"),
    ("empty", text(" "), facts(), "the reply is empty"),
    ("too_long", text("a" * 60_000), facts(), f"the reply has more than {content.LIMIT:,} characters"),
    ("suppressed", {}, facts(suppressed=True), "the recipient is suppressed (bounced or complained)"),
    (
        "links",
        text("https://a.evil.example/ https://b.evil.example/ https://c.evil.example/ https://d.evil.example/"),
        facts(),
        (
            "the reply has links that are not allowed: "
            "https://a.evil.example/, https://b.evil.example/, https://c.evil.example/"
        ),
    ),
    ("placeholders", text("Dear [Your Name]"), facts(), "a place may be left to fill in: [Your Name]"),
    ("blank_run", text("Hello" + "\n" * 40 + "and more"), facts(), "the reply has text far below blank space"),
    ("risk", {"risk_level": "high"}, facts(), "the risk is high"),
    ("risk", {"risk_level": "medium"}, facts(), "the risk was raised to medium"),
    ("threshold", {}, facts(intent=intent(confidence=0.854)), "confidence 0.85 is under the threshold 0.90"),
    ("understood", {}, facts(intent=intent(intent="none")), "the mail fits no entry of the playbook"),
    (
        "for_a_person",
        {},
        facts(intent=intent(requested_action="forward")),
        "this sort of mail is for a person (forward)",
    ),
    ("authenticated", {}, facts(authenticated_author=None), "nothing proves who wrote the mail"),
    ("authenticated", {}, facts(author="", authenticated_author=""), "nothing proves who wrote the mail"),
    ("bulk", {}, facts(kind=Kind.BULK), "list or notification mail is never answered unseen"),
    (
        "caps",
        {},
        facts(sends=Caps(sender=11, total=1000)),
        "the cap of replies a day is reached: sender (11 of 10), total (1000 of 1000)",
    ),
    ("asked_for_review", {"review_required": True}, facts(), "a person was asked for"),
    ("rejected_before", {}, facts(rejected=True), "a person rejected an earlier draft of this mail"),
    (
        "two_of_three",
        {},
        facts(foreign_data=True),
        "the reply could carry what is not the author's to know",
    ),
    (
        "facts",
        text("1001 1002 1003 1004 1005 1006 1007 1008 1009"),
        facts(),
        "stands in no source: 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008",
    ),
]


def said(rule: str, changes: dict[str, Any], known: Facts) -> str | None:
    (one,) = [one for one in RULES if one.id == rule]
    return one.check(proposal(**changes), known, Settings())


@pytest.mark.parametrize(("rule", "changes", "known", "reason"), SAYS, ids=range(len(SAYS)))
def test_a_person_is_told_what_is_wrong(rule: str, changes: dict[str, Any], known: Facts, reason: str) -> None:
    assert said(rule, changes, known) == reason


@pytest.mark.parametrize(
    ("rule", "changes", "known"),
    [
        ("sender", {}, final()),
        ("auto_submitted", {}, final()),
        ("auto_submitted", {}, final(auto_submitted="", way="approved")),
        ("facts", text("Open to 18."), facts(sources=("to 18",))),
        ("for_a_person", {}, facts(intent=intent(requested_action="ask"))),
        ("for_a_person", {}, facts(intent=intent(requested_action="reply"))),
    ],
)
def test_a_rule_that_holds_says_nothing(rule: str, changes: dict[str, Any], known: Facts) -> None:
    assert said(rule, changes, known) is None


def test_long_words_are_cut_where_they_are_repeated() -> None:
    most = "x" * (MAX_QUOTED - 4)
    assert MAX_QUOTED == 80
    assert said("unresolved_fields", text(f"{{{{{most}}}}}"), facts()) == f"nobody filled in {{{{{most}}}}}"
    assert said("unresolved_fields", text(f"{{{{{most}x}}}}"), facts()) == f"nobody filled in {{{{{most}x}}…"


def test_risks_and_defects_are_told_in_order_and_once() -> None:
    known = facts(
        mail_risks=("lookalike_domain", "hidden_text"),
        intent=intent(risks=("hidden_text",)),
        mail_defects=("unknown_charset", "no_date", "bad_base64"),
    )
    spoken = codes.spoken
    assert said("mail_risks", {}, known) == (
        f"the mail has risks: {spoken('hidden_text')}; {spoken('lookalike_domain')}"
    )
    assert said("mail_defects", {}, known) == (
        f"the mail may not have been read right: {spoken('bad_base64')}; {spoken('unknown_charset')}"
    )


def test_these_rules_mark_the_words_that_they_are_about() -> None:
    assert {one.id for one in RULES if one.words} == {"unresolved_fields", "links", "placeholders", "facts"}


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("low", None, "low"),
        ("medium", None, "medium"),
        ("medium", "low", "medium"),
        ("medium", "high", "high"),
        ("high", "medium", "high"),
        ("low", "medium", "medium"),
    ],
)
def test_the_higher_of_two_risks(one: RiskLevel, other: RiskLevel | None, wanted: str) -> None:
    assert higher(one, other) == wanted


def test_settings_begin_strict_and_hold_shares_alone() -> None:
    assert Settings().threshold == 0.9
    assert Settings().caps == Caps(conversation=3, sender=10, domain=100, mailbox=200, total=1000)
    assert (Settings(threshold=0.0).threshold, Settings(threshold=1.0).threshold) == (0.0, 1.0)
    for wrong in (-0.01, 1.01):
        with pytest.raises(ValidationError):
            Settings(threshold=wrong)


def test_facts_are_never_changed_and_none_is_made_up() -> None:
    known = facts()
    with pytest.raises(ValidationError):
        known.paused = True  # type: ignore[misc]
    with pytest.raises(ValidationError):
        facts(trusted=True)
    assert (known.older_unanswered, known.mistaken, known.attachments) == (False, False, 0)
    assert Facts.model_fields["mailbox"].description == "Our address that answers."
