"""Patterns of variables: bounded in time, and what they find in a mail is unambiguous."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.playbook import Entry, PlaybookError, Variable, load, variables_in

HEAD = 'intent = "order"\ntrigger = ["order"]\nexamples = ["Where is my order?"]\n'


def entry(pattern: str) -> Entry:
    return Entry(
        id="order",
        intent="order",
        trigger=("order",),
        examples=("Where is my order?",),
        variables={"order": Variable(pattern=pattern)},
        body="{{order}}\n",
    )


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", "(a|a)*b", "(a|aa)+", "(a?){30}b", "(.)\\1", "a(?=b)", "(?<x>a)", "a*a*a*b", "\\d+-\\d+-\\d+", "["],
)
def test_a_pattern_that_could_take_long_is_refused(pattern: str, tmp_path: Path) -> None:
    """Repeated groups, references and many open repeats are mistakes, told with the line."""
    (tmp_path / "order.md").write_text(f"+++\n{HEAD}[variables.order]\npattern = '{pattern}'\n+++\nHello\n")
    with pytest.raises(PlaybookError, match=r"order\.md: line 6: variables\.order\.pattern"):
        load(tmp_path)


@pytest.mark.parametrize(
    "pattern", [r"LG-\d{5}", r"(?:LG|XG)-\d{5}", r"[A-Z]{1,3}\d{4,8}", r"[A-Za-z][A-Za-z ,.0-9]{0,80}"]
)
def test_usual_patterns_are_taken(pattern: str) -> None:
    assert entry(pattern).variables["order"].pattern == pattern


@pytest.mark.parametrize("text", ["A" * 20_000, "1 " * 10_000, "A1" * 10_000, "AAAA " * 4_000, "\n" * 20_000])
def test_the_worst_pattern_allowed_is_done_soon_with_any_text(text: str) -> None:
    started = time.perf_counter()
    variables_in(entry("[A-Z0-9 ]+[A-Z0-9 ]+!"), text)
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("order LG-12345, please", {"order": "LG-12345"}),
        ("LG-12345 and again LG-12345", {"order": "LG-12345"}),
        ("LG-12345 or LG-54321?", {}),
        ("XLG-12345 LG-123456 LG-12345-9", {}),
        ("XG-12345", {"order": "XG-12345"}),
    ],
)
def test_a_value_stands_alone_and_is_the_only_one(text: str, found: dict[str, str]) -> None:
    """Of two order numbers nobody knows which one is meant; a part of a longer one is none."""
    assert variables_in(entry(r"LG-\d{5}|XG-\d{5}"), text) == found


def test_a_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "order.md").write_text(f"+++\n{HEAD}auto_sent = true\n+++\nHello\n")
    with pytest.raises(PlaybookError, match=r"order\.md: line 5: auto_sent: unknown key; did you mean 'auto_send'"):
        load(tmp_path)
