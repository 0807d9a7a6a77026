"""Characters that a reader does not see."""

from __future__ import annotations

import pytest

from inbound import codes
from inbound.characters import clean_line, clean_text


@pytest.mark.parametrize(
    ("written", "read", "risks"),
    [
        ("plain", "plain", set()),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd", set()),
        ("pay\u202e100", "pay100", {codes.BIDI}),
        ("\u2067שלום\u2069", "שלום", {codes.BIDI}),
        ("\u200eשלום\u200f", "שלום", set()),
        ("pass\u200bword", "password", {codes.INVISIBLE}),
        ("pass\u200dword", "password", {codes.INVISIBLE}),
        ("won\u00adder\u00adful", "wonderful", set()),
        ("\u200c \u200c \u200chello", "  hello", set()),
        ("\u200b" * 9 + "hello", "hello", {codes.INVISIBLE}),
        ("hi\U000e0069\U000e0067\U000e006e", "hi", {codes.TAG_CHARACTERS}),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",) * 2 + (set(),),
        ("\U0001f469\u200d\U0001f4bb",) * 2 + (set(),),
        ("می\u200cخواهم",) * 2 + (set(),),
        ("x\ufe01\ufe02\ufe03", "x\ufe03", {codes.INVISIBLE}),
        ("\U0001f600\U000e0101\U000e0102", "\U0001f600", {codes.INVISIBLE}),
        ("a\0b\x1bc", "abc", set()),
        ("a" * 5_000, "a" * 2_000, {codes.LONG_RUN}),
        ("字" * 5_000, "字" * 5_000, set()),
        ("e" + "\u0301" * 500, "e" + "\u0301" * 6, set()),
        ("a\n\n\n\n\n\n\n\n\nb", "a\n\n\n\nb", set()),
    ],
)  # fmt: skip
def test_what_is_not_seen_is_removed(written: str, read: str, risks: set[str]) -> None:
    """And reported where it deceives; what a script or an emoji needs stays."""
    found = clean_text(written, 100_000)
    assert found.text == read
    assert found.risks == risks


@pytest.mark.parametrize(
    ("written", "read", "risks"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße", set()),
        ("=?iso-8859-1?Q?M=FC?= =?iso-8859-1?Q?ller?=", "Müller", set()),
        ("=?utf-8?b?ww==?= =?utf-8?b?vA==?=", "ü", set()),
        ("=?iso-2022-jp?B?GyRCJCIbKEI=?=", "あ", set()),
        ("=?gb2312?B?xOO6ww==?=", "你好", set()),
        ("=?utf-8*de?q?a?= b", "a b", set()),
        ("=?utf-8?q?hi=0D=0ABcc:_x?=", "hi Bcc: x", {codes.HEADER_INJECTION}),
        ("=?unknown-thing?q?abc?=", "abc", set()),
        ("=?utf-8?x?abc?=", "=?utf-8?x?abc?=", set()),
        ("=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?=", "=?utf-8?q?a?=", set()),
    ],
)
def test_encoded_words_are_decoded_once(written: str, read: str, risks: set[str]) -> None:
    """Characters cut in two are joined; what cannot be decoded stays; a hidden line end is a risk."""
    found = clean_line(written, 10_000, decode=True)
    assert found.text == read
    assert found.risks == risks


def test_a_limit_is_said() -> None:
    """Text past the limit is cut, and that is a risk: the rest may say something else."""
    found = clean_text("word " * 100, 50)
    assert len(found.text) <= 50
    assert codes.CUT in found.risks
