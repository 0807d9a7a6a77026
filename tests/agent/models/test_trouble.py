"""What a status means, and how long a server wants to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from agent.models.trouble import LONG_SECONDS, Trouble, error_words, of_status, one_line, retry_after

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90.0),
        ({"retry-after": format_datetime(NOW - timedelta(days=1), usegmt=True)}, 0.0),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:05"}, 5.0),
        ({"retry-after": "1e9"}, LONG_SECONDS),
        ({"retry-after": "inf"}, LONG_SECONDS),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "Fri, 99 Foo 2026"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 -2359"}, LONG_SECONDS),
        ({"retry-after": "tomorrow"}, None),
    ],
)
def test_retry_after_is_read_in_each_form(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds, dates; nonsense counts as nothing, and no server puts us off for more than an hour."""
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "code", "waits", "at_once"),
    [
        (301, "", True, False),
        (400, "", False, False),
        (401, "", True, False),
        (402, "", True, False),
        (403, "", True, False),
        (404, "", True, False),
        (405, "", True, False),
        (408, "", True, True),
        (413, "", False, False),
        (422, "", False, False),
        (429, "rate_limit_exceeded", True, True),
        (429, "insufficient_quota", True, False),
        (500, "", True, True),
        (529, "", True, True),
    ],
)
def test_each_status_has_its_meaning(status: int, code: str, waits: bool, at_once: bool) -> None:
    """What time or an operator mends waits; what is wrong with the request does not."""
    found = of_status(status, code, "", None)
    assert (found.waits, found.at_once) == (waits, at_once)
    assert str(status) in found.reason


def test_pauses_double_and_end_at_eight_seconds() -> None:
    """Where the server does not say how long."""
    assert [Trouble("x").pause(n) for n in range(7)] == [0.5, 1, 2, 4, 8, 8, 8]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "no", "code": "c"}}, ("c", "no")),
        ({"message": "no", "type": "t"}, ("t", "no")),
        ({"error": "no"}, ("", "no")),
        ({"detail": "no"}, ("", "no")),
        ({"detail": [{"msg": "no"}]}, ("", "")),
        ({"error": {"message": {"a": 1}, "code": 7}}, ("", "")),
        ("<html>", ("", "<html>")),
        (None, ("", "")),
        ([1], ("", "")),
    ],
)
def test_a_servers_words_are_found_where_servers_put_them(body: object, words: tuple[str, str]) -> None:
    """Code and message; whatever else the body may be."""
    assert error_words(body) == words


def test_a_servers_words_become_one_harmless_line() -> None:
    """Bounded, without control characters, without the key."""
    assert one_line("a\r\nb\x1b[31m\u202ec sk-1", hide="sk-1") == "a b [31m c ***"
    assert len(one_line("x" * 9000)) == 300
    assert one_line({"a": 1}) == ""
