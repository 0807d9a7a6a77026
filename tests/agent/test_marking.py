"""Words that a rule speaks of are marked where they stand, and nothing else is changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.marking import marked, words_of
from tests.agent.judging import facts, judge, proposal


def shown(text: str, *words: str) -> str:
    return "".join(f"[{piece}]" if is_marked else piece for piece, is_marked in marked(text, words))


@pytest.mark.parametrize(
    ("text", "words", "wanted"),
    [
        ("We give 25 % off.", ["25 %"], "We give [25 %] off."),
        ("From 9 in 2019.", ["9"], "From [9] in 2019."),
        ("Bob, bob and Bobby; Bob!", ["Bob"], "[Bob], bob and Bobby; [Bob]!"),
        ("On 3 May 2027 at 3.", ["3", "3 May 2027"], "On [3 May 2027] at [3]."),
        ("See https://evil.example/?q=(1).", ["https://evil.example/?q=(1)"], "See [https://evil.example/?q=(1)]."),
        ("You get ２５ euros.", ["25 euros"], "You get [２５ euros]."),
        ("You get 2\u200b5 euros.", ["25 euros"], "You get [2\u200b5 euros]."),
        ("Dear {{name}}, hello", ["{{name}}"], "Dear [{{name}}], hello"),
        ("ﬃ Ltd and Bob", ["ffi", "Bob"], "[ﬃ] Ltd and [Bob]"),
        ("Nothing of it.", ["Bob"], "Nothing of it."),
        ("Nothing of it.", ["", "\u200b"], "Nothing of it."),
        ("", ["Bob"], ""),
    ],
)
def test_words_are_marked_where_they_stand_as_a_whole(text: str, words: list[str], wanted: str) -> None:
    assert shown(text, *words) == wanted


@given(text=st.text(max_size=60), words=st.lists(st.text(max_size=5), max_size=4))
def test_nothing_of_the_text_is_lost(text: str, words: list[str]) -> None:
    assert "".join(piece for piece, _ in marked(text, words)) == text


def test_a_finding_carries_the_words_that_it_is_about() -> None:
    """Facts without a source, links, gaps and places to fill in."""
    text = "Dear {{name}}, see https://evil.example/ for [your price], so 25 % off by Bob."
    judged = judge(proposal(plain_text=text, template_id=None), facts(entry_id=None)).model_dump(mode="json")
    by_rule = {one["rule"]: one["words"] for one in judged["findings"]}
    assert by_rule == {
        "unresolved_fields": ["{{name}}"],
        "links": ["https://evil.example/"],
        "placeholders": ["[your price]"],
        "facts": ["25 %", "Bob"],
    }
    wanted = "Dear [{{name}}], see [https://evil.example/] for [[your price]], so [25 %] off by [Bob]."
    assert shown(text, *words_of(judged)) == wanted


def test_a_judgement_of_an_earlier_version_has_none() -> None:
    assert words_of({"findings": [{"rule": "facts", "kind": "review", "reason": "x"}]}) == []
    assert words_of({}) == []


def test_the_words_of_a_finding_are_bounded() -> None:
    text = " ".join(str(1000 + n) for n in range(300))
    (finding,) = judge(proposal(plain_text=text, template_id=None), facts(entry_id=None)).findings
    assert len(finding.words) == 100
