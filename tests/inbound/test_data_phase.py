"""The end of DATA, found and guarded byte by byte."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.data_phase import DataPhase, has_bare_line_end, header_exceeds

WIRE = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\0", b"a", b"\r\n", b"\r\n."]), max_size=30).map(b"".join)


def feed(wire: bytes, cuts: tuple[int, ...] = (), limit: int = 10_000) -> tuple[DataPhase, bytes | None]:
    """Feed `wire` in pieces; the second value is what followed the end."""
    phase = DataPhase(limit)
    edges = [0, *sorted(cuts), len(wire)]
    for left, right in itertools.pairwise(edges):
        rest = phase.feed(wire[left:right])
        if rest is not None:
            return phase, rest + wire[right:]
    return phase, None


def some_server_sees_an_end(body: bytes) -> bool:
    """An oracle written apart from the code: any line end, a dot, any line end, with NULs dropped or not."""
    found = re.compile(rb"(?:\r\n|\r|\n)\.(?:\r\n|\r|\n)")
    return any(found.search(b"\r\n" + seen) for seen in (body, body.replace(b"\0", b"")))


def test_the_mail_ends_at_the_dot_on_its_own_line_and_the_rest_is_the_next_command() -> None:
    phase, rest = feed(b"one\r\n.\r\nQUIT\r\n")
    assert rest == b"QUIT\r\n"
    assert phase.take() == b"one\r\n"


def test_a_dot_at_once_is_an_empty_mail() -> None:
    phase, rest = feed(b".\r\n")
    assert rest == b""
    assert phase.take() == b""


def test_stuffed_dots_are_taken_out_once() -> None:
    phase, _ = feed(b"..\r\n...\r\na.b\r\n..x\r\n.y\r\n.\r\n")
    assert phase.take() == b".\r\n..\r\na.b\r\n.x\r\ny\r\n"
    assert not phase.false_end


@given(body=WIRE, after=st.sampled_from([b"", b"QUIT\r\n", b"."]), data=st.data())
def test_any_cutting_gives_the_same_answer_as_the_oracle(body: bytes, after: bytes, data: st.DataObject) -> None:
    """Whatever the packets: the same end, the same mail, the same suspicion."""
    wire = body + b"\r\n.\r\n" + after
    cuts = tuple(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    phase, rest = feed(wire, cuts)
    end = (b"\r\n" + wire).index(b"\r\n.\r\n")
    raw = wire[:end]
    assert rest == wire[end + 3 :]
    assert phase.false_end == some_server_sees_an_end(raw)
    assert not phase.too_large
    assert phase.take() == (b"\r\n" + raw).replace(b"\r\n.", b"\r\n")[2:]


@pytest.mark.parametrize("cut", range(8))
def test_a_true_end_cut_in_two_is_not_suspicious_while_it_waits(cut: int) -> None:
    wire = b"abc\r\n.\r\n"
    phase = DataPhase(100)
    assert phase.feed(wire[:cut]) is None
    assert not phase.false_end
    assert phase.feed(wire[cut:]) == b""
    assert not phase.false_end


def test_a_false_end_is_known_before_the_true_one_comes() -> None:
    phase, rest = feed(b"hello\n.\n")
    assert rest is None
    assert phase.false_end


def test_the_limit_is_exact_and_counts_no_stuffed_dots() -> None:
    body = b"..\r\n" * 30
    assert not feed(body + b".\r\n", limit=90)[0].too_large
    assert feed(body + b".\r\n", limit=89)[0].too_large


@given(cuts=st.lists(st.integers(0, 240), max_size=20))
def test_a_mail_over_the_limit_is_not_kept_and_its_end_is_found(cuts: list[int]) -> None:
    phase, rest = feed(b"x" * 70 + b"\r\n.x\r\n" * 28 + b".\r\nNOOP\r\n", tuple(cuts), limit=100)
    assert phase.too_large
    assert rest == b"NOOP\r\n"
    assert phase.held < 10


@pytest.mark.parametrize("mail", [b"a\rb", b"a\nb\r\n", b"a\0", b"\r\r\n", b"\n", b"a\r"])
def test_bare_line_ends_and_nul_are_seen(mail: bytes) -> None:
    assert has_bare_line_end(mail)


def test_a_clean_mail_has_no_bare_line_end() -> None:
    assert not has_bare_line_end(b"a: b\r\n\r\n\r\ntext\r\n")


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
def test_the_header_block_is_measured_to_its_last_field(line_end: bytes) -> None:
    header = b"X-A: 1" + line_end + b"\tmore" + line_end
    mail = header + line_end + b"body: " + b"x" * 500
    assert header_exceeds(mail, len(header) - 1)
    assert not header_exceeds(mail, len(header))


def test_a_long_text_without_any_header_is_no_long_header() -> None:
    assert not header_exceeds(b"x" * 5_000, 1_000)
    assert header_exceeds(b"Subject: " + b"x" * 5_000, 1_000)
