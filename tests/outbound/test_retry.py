"""Retries double from 7.5 minutes to 16 hours, then a person is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from outbound.retry import next_attempt

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def waits(jitter: float) -> list[timedelta]:
    found: list[timedelta] = []
    while (at := next_attempt(len(found) + 1, NOW, jitter)) is not None:
        found.append(at - NOW)
    return found


def test_the_waits_double_from_seven_and_a_half_minutes_to_sixteen_hours() -> None:
    assert [wait / timedelta(minutes=1) for wait in waits(0.0)] == [7.5, 15, 30, 60, 120, 240, 480, 960]


def test_nine_attempts_take_a_day_and_a_third() -> None:
    assert len(waits(0.0)) + 1 == 9
    assert sum(waits(0.0), timedelta()) == timedelta(hours=31, minutes=52, seconds=30)


def test_jitter_only_lengthens_and_by_a_tenth_at_most() -> None:
    assert all(long == 1.1 * short for short, long in zip(waits(0.0), waits(1.0), strict=True))


def test_however_often_it_was_tried_the_answer_is_a_person() -> None:
    assert next_attempt(10**9, NOW, 0.5) is None


@pytest.mark.parametrize(("attempts", "jitter"), [(0, 0.0), (-1, 0.0), (1, -0.1), (1, 1.1), (1, float("nan"))])
def test_nonsense_is_an_error(attempts: int, jitter: float) -> None:
    with pytest.raises(ValueError, match="attempts start at 1"):
        next_attempt(attempts, NOW, jitter)
