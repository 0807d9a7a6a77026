"""Who is named in an address field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound import codes
from inbound.mailboxes import MAX_ADDRESSES, mailbox, mailboxes


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("a@b.example", [("a@b.example", "")]),
        (
            "Anna <A@b.example>, c@d.example (Carl (the elder))",
            [("a@b.example", "Anna"), ("c@d.example", "Carl (the elder)")],
        ),
        ('"Berger, Anna" <a@b.example>', [("a@b.example", "Berger, Anna")]),
        (r'"A \"B\" C" <a@b.example>', [("a@b.example", 'A "B" C')]),
        (
            "Team: a@b.example, B <c@d.example>; e@f.example",
            [("a@b.example", ""), ("c@d.example", "B"), ("e@f.example", "")],
        ),
        ("undisclosed-recipients:;", []),
        ("a@b.example, A@B.example", [("a@b.example", "")]),
        ("=?utf-8?q?J=C3=BCrgen?= <j@x.example>", [("j@x.example", "Jürgen")]),
        ("=?utf-8?q?a=40b.example?=", []),
        ("=?utf-8?q?x_=3Ca=40b.example=3E?= <c@d.example>", [("c@d.example", "x <a@b.example>")]),
        ("<@route.example:a@b.example>", []),
        ('"a b"@c.example', []),
        ('"ab"@c.example', [("ab@c.example", "")]),
        ("Anna<a@b.example>", [("a@b.example", "Anna")]),
        ("<a@b.example", []),
        ('To: "', []),
        ("Anna\u202e <a@b.example>", [("a@b.example", "Anna")]),
    ],
)
def test_the_mailboxes_of_a_field(value: str, named: list[tuple[str, str]]) -> None:
    """Groups, comments, quotes and encoded words; an address that needs decoding is none."""
    assert [(one.email, one.name) for one in mailboxes(value)] == named


@pytest.mark.parametrize(
    ("value", "risks"),
    [
        ("Anna <a@b.example>", set()),
        ('"a@b.example" <a@b.example>', set()),
        ("ceo@bank.example <a@b.example>", {codes.NAME_IS_ADDRESS}),
        ("ceo\uff20bank.example <a@b.example>", {codes.NAME_IS_ADDRESS}),
        ("ceo\ufe6bbank.example <a@b.example>", {codes.NAME_IS_ADDRESS}),
        ("ceo@bank\uff0eexample <a@b.example>", {codes.NAME_IS_ADDRESS}),
        ("ceo\\@bank.example <a@b.example>", {codes.NAME_IS_ADDRESS}),
        ('"ceo\\\\@bank.example" <a@b.example>', {codes.NAME_IS_ADDRESS}),
        ("ceo @ bank.example <a@b.example>", {codes.NAME_IS_ADDRESS}),
        ('"ceo [at] bank.example" <a@b.example>', {codes.NAME_IS_ADDRESS}),
        ('"a @ b.example" <a@b.example>', set()),
        ("Ann @ Larkspur <a@b.example>", set()),
        ("Ann (at work) <a@b.example>", set()),
        ("=?utf-8?b?Y2VvQGJhbmsuZXhhbXBsZQ==?= <a@b.example>", {codes.NAME_IS_ADDRESS}),
        ("=?utf-8?q?hi=0D=0ABcc:_x?= <a@b.example>", {codes.HEADER_INJECTION}),
        ("A\u202enna <a@b.example>", {codes.BIDI}),
    ],
)
def test_a_name_that_deceives_is_a_risk(value: str, risks: set[str]) -> None:
    """Another address, a line end or a turned direction in the display name."""
    named = mailbox(value, "a@b.example")
    assert named is not None
    assert named.risks == risks
    assert "\n" not in named.address.name


@pytest.mark.parametrize(
    ("domain", "risky"),
    [
        ("b.example", False),
        ("bücher.example", False),
        ("почта.example", False),
        ("例え.example", False),
        ("pаypal.example", True),  # the second letter is Cyrillic
        ("аррӏе.example", True),  # all letters are
    ],
)
def test_a_domain_that_looks_like_another_is_a_risk(domain: str, risky: bool) -> None:
    """Mixed alphabets, or a word of lookalikes; a word in its own alphabet is none."""
    named = mailbox(f"x@{domain}", f"x@{domain}")
    assert named is not None
    assert (codes.MIXED_SCRIPT in named.risks) is risky


def test_a_field_is_bounded() -> None:
    """Of 5,000 addresses the first 200 count."""
    found = mailboxes(", ".join(f"a{number}@b.example" for number in range(5_000)))
    assert len(found) == MAX_ADDRESSES


@given(st.text(alphabet=st.sampled_from('ab@.,;:<>()"\\ =?\n'), max_size=200))
def test_nothing_raises(value: str) -> None:
    """Any mixture of the signs that mean something."""
    for one in mailboxes(value):
        assert one.email.count("@") == 1
