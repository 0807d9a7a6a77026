"""Header values: what counts as a control character, and that encoded words decode to what was asked."""

from __future__ import annotations

import re
import sys
import unicodedata
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound import headers


def test_control_characters_are_those_of_unicode() -> None:
    found = {point for point in range(sys.maxunicode + 1) if headers.has_controls(chr(point))}
    meant = {"Cc", "Cs", "Zl", "Zp"}
    assert found == {point for point in range(sys.maxunicode + 1) if unicodedata.category(chr(point)) in meant}


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300))
def test_encoded_words_decode_to_what_was_asked_here_and_elsewhere(text: str) -> None:
    words = headers.encoded_words(text)
    assert max(map(len, words)) <= 75
    assert all(re.fullmatch(r"=\?utf-8\?[qb]\?[!-~]+\?=", word) for word in words)
    assert headers.decode(" ".join(words)) == text
    assert str(make_header(decode_header("\r\n ".join(words)))) == text


@pytest.mark.parametrize("harmless", ["a =? b", "what?=", "=?a", "5 =?= 5", "=?utf-8?q?hi?=", "=?x?y?z?=", "Größe", ""])
def test_what_only_looks_like_an_encoded_word_is_harmless(harmless: str) -> None:
    assert headers.is_safe(harmless)


@pytest.mark.parametrize("value", ["=?iso-8859-1?q?=E9?=", "=?utf-8?q?=FF?=", "=?utf-8?b?!!!?=", "=?utf-8?b?YQ?="])
def test_reading_is_strict(value: str) -> None:
    with pytest.raises(headers.MalformedHeaderError):
        headers.decode(value)


@given(st.lists(st.text("abc =?,", min_size=1, max_size=90), min_size=1, max_size=12))
def test_folding_loses_nothing_and_leaves_no_blank_line(parts: list[str]) -> None:
    text = headers.tidy(" ".join(parts))
    line = headers.unstructured("Subject", text)
    assert line.endswith("\r\n")
    assert all(row.strip() for row in line.removesuffix("\r\n").split("\r\n"))
    assert headers.decode(line.replace("\r\n", "").removeprefix("Subject:").strip(" ")) == text
    assert max(map(len, line.split("\r\n"))) <= 76
