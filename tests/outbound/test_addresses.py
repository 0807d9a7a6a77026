"""An address has one form that may go on the wire, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.addresses import canonical, needs_smtputf8


@pytest.mark.parametrize(
    ("given_address", "form"),
    [
        ("Ann.B+tag@Customer.EXAMPLE", "Ann.B+tag@customer.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("jörg@customer.example", "jörg@customer.example"),
        ("用户@例子.example", "用户@xn--fsqu00a.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_the_domain_becomes_lower_case_a_labels(given_address: str, form: str) -> None:
    assert canonical(given_address) == form
    assert canonical(form) == form


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "ann",
        "@customer.example",
        "ann@",
        "a b@c.example",
        "ann@c.example\r\nRCPT TO:<evil@x.example>",
        "ann@c.example\n",
        "ann\r@c.example",
        "ann@c.example>",
        "<ann@c.example>",
        "Ann <ann@c.example>",
        "ann@c.example, evil@x.example",
        "@relay.example:ann@c.example",
        "ann@evil.example@c.example",
        '"ann"@c.example',
        '"a\r\n"@c.example',
        "ann@[127.0.0.1]",
        "ann..b@c.example",
        ".ann@c.example",
        "ann@c..example",
        "ann@-c.example",
        "ann@" + "a" * 64 + ".example",
        "x" * 65 + "@c.example",
        "ann\u202e@c.example",
        "ann\u200b@c.example",
        "ann\ud800@c.example",
        "=?utf-8?q?evil=40x.example=3E?=@c.example",
    ],
)
def test_what_is_not_a_plain_address_is_refused_and_never_mended(hostile: str) -> None:
    assert canonical(hostile) is None


@given(st.text(max_size=80))
def test_no_text_at_all_gets_a_line_end_or_bracket_through(text: str) -> None:
    form = canonical(text)
    assert form is None or not set(form) & set('\r\n\0<> ,;:"()[]\\')


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    assert not needs_smtputf8("ann@xn--bcher-kva.example")
    assert needs_smtputf8("ann@c.example", "jörg@c.example")
