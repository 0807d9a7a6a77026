"""Token buckets: over any span no more leaves than the burst and what the span brought."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.buckets import SCOPES, Bucket, free_at, taken, wanted
from agent.reputation_settings import ReputationSettings
from tests.agent.postroom import START

HOUR = timedelta(hours=1)


def drained(bucket: Bucket, gaps: list[float]) -> list[datetime]:
    """When each of many mails leaves that are there at moments `gaps` seconds apart, the first one first."""
    left: list[datetime] = []
    full_at: datetime | None = None
    now = START
    for gap in gaps:
        now = max(now + timedelta(seconds=gap), left[-1] if left else now)
        now = free_at(bucket, full_at, now)
        full_at = taken(bucket, full_at, now)
        left.append(now)
    return left


@settings(max_examples=40)
@given(
    st.floats(0.1, 100_000),
    st.integers(1, 50),
    st.lists(st.floats(0, 3600), min_size=1, max_size=60),
)
def test_no_span_has_more_than_the_burst_and_its_share(per_hour: float, burst: int, gaps: list[float]) -> None:
    """For every two mails: those from the one to the other are the burst and the rate's share at most."""
    left = drained(Bucket("domain", "x.example", per_hour, burst), gaps)
    for first in range(len(left)):
        for last in range(first, len(left), 7):
            span = (left[last] - left[first]) / HOUR
            assert last - first + 1 <= burst + span * per_hour + 1e-3


@given(st.floats(0.1, 1000), st.integers(1, 20))
def test_a_rested_bucket_gives_its_burst_at_once_and_no_more(per_hour: float, burst: int) -> None:
    """The next one comes after exactly the time of one token."""
    bucket = Bucket("total", "", per_hour, burst)
    left = drained(bucket, [0.0] * (burst + 1))
    assert left[:-1] == [START] * burst
    assert left[-1] - START == bucket.interval


def test_a_reply_takes_from_one_bucket_of_each_scope() -> None:
    """By recipient, by its domain, by mailbox, by tenant, and of all; a rate of 0 has none."""
    found = list(wanted(ReputationSettings(), recipients=["Ann@Shop.example"], mailbox="s@x.example", tenant="t"))
    assert [(one.scope, one.owner) for one in found] == [
        ("domain", "shop.example"),
        ("mailbox", "s@x.example"),
        ("sender", "Ann@Shop.example"),
        ("tenant", "t"),
        ("total", ""),
    ]
    several = wanted(
        ReputationSettings(), recipients=["a@x.example", "b@X.example", "c@y.example"], mailbox="s", tenant="t"
    )
    taken_from = [one.owner for one in several]
    assert taken_from == ["x.example", "y.example", "s", "a@x.example", "b@X.example", "c@y.example", "t", ""]
    none = ReputationSettings.model_validate({f"{scope}_per_hour": 0 for scope in SCOPES})
    assert list(wanted(none, recipients=["a@b.example"], mailbox="s@x.example", tenant="t")) == []


@pytest.mark.parametrize("scope", SCOPES)
def test_a_bucket_says_whose_it_is(scope: str) -> None:
    """In words for people."""
    assert "10 an hour, 3 at once" in Bucket(scope, "who", 10, 3).told()
