"""Whose word of spam counts, and what words come to."""

from __future__ import annotations

import json
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound import codes, spam
from inbound.contracts import Envelope, SpamWord
from inbound.rspamd import read
from inbound.settings import IdentitySettings
from inbound.spam import Unasked
from inbound.spam_settings import SpamSettings
from tests.inbound.letters import envelope, letter

BORDER = IdentitySettings(networks=(ip_network("192.0.2.7/32"),))
FROM_BORDER = envelope(peer="192.0.2.7")
YES, NO = "X-Spam-Status: Yes, score=7.2 required=5.0\n\ttests=[A=1, B=2]\n", "X-Spam-Status: No, score=-0.1\n"
HOP, STRANGER = "Received: from a by our.border\n", "Received: from home by a\n"


def level(extra: str, *, headers: str = "hop", where: Envelope = FROM_BORDER, score: float = 5.0) -> str:
    settings = SpamSettings.model_validate({"headers": headers, "score": score})
    words = spam.from_headers(letter(extra=extra), where, settings, BORDER)
    return spam.verdict(words, settings).level


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (YES + HOP + STRANGER, "spam"),
        (HOP + YES + STRANGER, "spam"),
        (HOP + STRANGER + YES, "unknown"),
        (HOP + NO + STRANGER + YES, "clean"),
        (HOP + NO + YES, "clean"),
        (HOP + "X-Spam-Flag: YES\n" + NO, "spam"),
        (HOP + "X-Spam: yes\n", "spam"),
        (HOP + "X-Spam-Flag: perhaps\n", "unknown"),
        (HOP + "X-Spamd-Result: default: True [16.20 / 15.00]; A(1)[x]\n", "spam"),
        (HOP + "X-Spamd-Result: default: False [1.20 / 15.00]\n", "clean"),
        (HOP + "X-Spam-Status: Yes\n", "spam"),
        (HOP + "X-Spam-Status: No, score=5.5 required=8\n", "spam"),
        (HOP + "X-Spam-Status: No, score=nan\n", "clean"),
        (HOP + "X-Spam-Status: \n", "unknown"),
        (HOP, "unknown"),
    ],
)
def test_the_topmost_field_of_our_borders_hop_counts(extra: str, expected: str) -> None:
    """What stands under the second Received was there before; a second field of the same name is the sender's."""
    assert level(extra) == expected


def test_a_border_that_takes_out_strangers_fields_may_put_its_own_anywhere() -> None:
    """Milters append. There every field counts, and a no takes no yes back."""
    assert level(HOP + STRANGER + YES, headers="all") == "spam"
    assert level(HOP + NO + STRANGER + YES, headers="all") == "spam"


def test_nobody_elses_fields_count() -> None:
    """Not from another address, and not where the operator does not say so."""
    assert level(YES + HOP, where=envelope(peer="203.0.113.9")) == "unknown"
    assert level(YES + HOP, where=envelope(peer="")) == "unknown"
    assert level(YES + HOP, headers="none") == "unknown"
    assert level(YES + HOP, where=envelope(peer="::ffff:192.0.2.7")) == "spam"


def word(**given: object) -> SpamWord:
    return SpamWord.model_validate({"source": "rspamd", **given})


@pytest.mark.parametrize(
    ("found", "rspamd_score", "expected"),
    [
        (word(score=20, flagged=True), 0, "spam"),
        (word(score=20, flagged=True), 30, "clean"),
        (word(score=7), 6.5, "spam"),
        (word(score=7), 0, "clean"),
        (word(score=4.5, doubtful=True), 0, "doubtful"),
        (word(score=2, phishing=True), 0, "doubtful"),
        (word(source="webhook:ses", flagged=True), 30, "spam"),
        (word(source="webhook:sendgrid", score=5, scale="spamassassin"), 0, "spam"),
        (word(source="webhook:sendgrid", score=4.9, scale="spamassassin"), 0, "clean"),
    ],
)
def test_thresholds_decide(found: SpamWord, rspamd_score: float, expected: str) -> None:
    """Rspamd by its own action or by the operator's points, others by theirs."""
    assert spam.verdict([found], SpamSettings(rspamd_score=rspamd_score)).level == expected


words = st.lists(st.builds(SpamWord, source=st.just("webhook:x"), flagged=st.booleans(), doubtful=st.booleans()))


@given(words, words)
def test_no_word_takes_another_back(one: list[SpamWord], other: list[SpamWord]) -> None:
    """More words never make a mail better."""
    order = ["unknown", "clean", "doubtful", "spam"]
    alone, both = (order.index(spam.verdict(some, SpamSettings()).level) for some in (one, [*one, *other]))
    assert both >= alone


def test_a_doubt_is_a_risk_with_words_for_a_person() -> None:
    """So that nothing goes unseen; spam itself never gets that far."""
    settings = SpamSettings()
    doubt = spam.verdict([word(score=5, doubtful=True, phishing=True)], settings, Unasked("away"))
    assert spam.risks(doubt) == ("phishing_suspected", "spam_suspected", "spam_unchecked")
    assert set(spam.risks(doubt)) <= set(codes.SENTENCES)
    assert "rspamd 5 points (phishing)" in doubt.why
    assert "no answer: away" in doubt.why
    assert spam.risks(spam.verdict([word(score=1)], settings)) == ()


def answer(**given: object) -> bytes:
    return json.dumps({"action": "no action", "score": 1.5, "symbols": {}, **given}).encode()


def test_rspamds_answer_is_read() -> None:
    """Action, points, and the symbols that weigh most."""
    symbols = {
        "R_DKIM_ALLOW": {"score": -0.2},
        "PHISHING": {"score": 4.0},
        "SMALL": {"score": 0.1},
        "BROKEN": {"score": "much"},
        "NONE": 7,
    }
    found = read(answer(action="add header", score=7.25, symbols=symbols))
    assert isinstance(found, SpamWord)
    assert (found.score, found.flagged, found.doubtful, found.phishing) == (7.25, True, False, True)
    assert found.detail == "add header, PHISHING, SMALL"
    greylisted = read(answer(action="greylist", score=4.5))
    assert isinstance(greylisted, SpamWord)
    assert greylisted.doubtful


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b"[" * 100_000,
        answer(action="new one"),
        answer(score="NaN"),
        answer(score=None),
        answer(action=["reject"]),
        json.dumps({"error": "busy"}).encode(),
    ],
    ids=range(10),
)
def test_what_is_no_answer_is_no_verdict(body: bytes) -> None:
    """A doubt, never a no."""
    assert isinstance(read(body), Unasked)


@given(st.binary(max_size=200), st.recursive(st.none() | st.floats() | st.text(max_size=9), st.lists, max_leaves=5))
def test_no_answer_breaks_the_reader(body: bytes, symbols: object) -> None:
    read(body)
    read(json.dumps({"action": "reject", "score": 1, "symbols": {"x": symbols, "y": {"score": symbols}}}).encode())
