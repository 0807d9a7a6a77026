"""The one canonical form of an address, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.addresses import canonical, domain_of


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("Anna.Berger@Webmail.Example", "anna.berger@webmail.example"),
        (" a@b.example\t", "a@b.example"),
        ("a@b.example.", "a@b.example"),
        ("o'neil+tag@b.example", "o'neil+tag@b.example"),
        ('"john"@b.example', "john@b.example"),
        ("a@Bücher.example", "a@xn--bcher-kva.example"),
        ("jürgen@b.example", "jürgen@b.example"),
        ("ju\u0308rgen@b.example", "jürgen@b.example"),
    ],
)
def test_one_address_has_one_form(written: str, form: str) -> None:
    """Case, IDN spelling, needless quotes and a final dot make no difference."""
    assert canonical(written) == form
    assert canonical(form) == form


@pytest.mark.parametrize(
    "written",
    [
        *("", "@", "a@", "@b.example", "a", "a b@c.example", "a@b c.example", "a@@b.example", "a@b@c..example"),
        *(
            "<a@b.example>",
            "Anna <a@b.example>",
            "a@b.example, c@d.example",
            "@r.example:a@b.example",
            "g: a@b.example;",
        ),
        *(
            '"a b"@c.example',
            '"a@b"@c.example',
            '""@c.example',
            "a(comment)@b.example",
            ".a@b.example",
            "a..b@c.example",
        ),
        *("a@[127.0.0.1]", "a@[IPv6:::1]", "a@-b.example", "a@b-.example", "a@.example", "a@b..example"),
        *("a\0@b.example", "a\r\n@b.example", "a\u202e@b.example", "a\u200b@b.example", "a\u00a0b@c.example"),
        *("a@b.example\0", "=?utf-8?q?a?=@b.example", "a" * 65 + "@b.example", "a@" + "b" * 64 + ".example"),
        *("a@" + "b." * 130 + "example", "a" * 2_000, "a@b.example\n", "\ud800@b.example", "a@\ud800.example"),
    ],
)
def test_what_is_no_plain_mailbox_has_no_form(written: str) -> None:
    """Lists, routes, groups, literals, control and invisible characters, encoded words, lengths past RFC 5321."""
    assert canonical(written) is None


@given(st.text(max_size=300))
def test_a_form_is_its_own_form(written: str) -> None:
    """Whatever is written: none, or a bounded form that does not change any more."""
    form = canonical(written)
    if form is not None:
        assert canonical(form) == form
        assert len(form.encode()) <= 254
        assert domain_of(form).isascii()
        assert form == form.lower()
