"""Quiet hours: what nobody saw waits for their end, what a person approved does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent import approval
from agent.config import Config
from agent.quiet import quiet_until, span
from agent.states import MailStatus
from tests.agent.postroom import HOURS, START, configuration, house


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "hours", "zone", "until"),
    [
        ("2026-11-20 21:59", "22:00-07:00", "UTC", None),
        ("2026-11-20 22:00", "22:00-07:00", "UTC", "2026-11-21 07:00"),
        ("2026-11-21 06:59", "22:00-07:00", "UTC", "2026-11-21 07:00"),
        ("2026-11-21 07:00", "22:00-07:00", "UTC", None),
        ("2026-11-20 12:30", "12:00-13:00", "UTC", "2026-11-20 13:00"),
        ("2026-11-20 13:00", "12:00-13:00", "UTC", None),
        ("2026-11-20 21:30", "22:00-07:00", "Europe/Berlin", "2026-11-21 06:00"),
        ("2026-07-20 20:30", "22:00-07:00", "Europe/Berlin", "2026-07-21 05:00"),
        ("2026-03-28 22:30", "22:00-07:00", "Europe/Berlin", "2026-03-29 05:00"),
        ("2026-11-20 12:00", "", "UTC", None),
    ],
)
def test_when_they_end(now: str, hours: str, zone: str, until: str | None) -> None:
    """Over midnight, in the mailbox's own zone, on the night that the clocks change."""
    assert quiet_until(at(now), hours, zone) == (at(until) if until else None)


@given(
    st.integers(1_577_836_800, 1_893_456_000),
    st.times(),
    st.times(),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"]),
)
def test_they_end_within_a_day(seconds: int, begin: Any, end: Any, zone: str) -> None:
    """For any span, in any zone, on any day of ten years."""
    now = datetime.fromtimestamp(seconds, UTC)
    hours = f"{begin:%H:%M}-{end:%H:%M}"
    if f"{begin:%H:%M}" == f"{end:%H:%M}":
        return
    until = quiet_until(now, hours, zone)
    if until is not None:
        assert now < until + timedelta(hours=1)
        assert until - now <= timedelta(hours=25)


@pytest.mark.parametrize("text", ["", "22:00", "24:00-07:00", "22:00-22:00", "22:60-07:00", "22.00-07.00", "x"])
def test_a_span_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="span of hours"):
        span(text)


def quiet(folder: Path, **changes: Any) -> Config:
    config = configuration(folder)
    first = config.mailboxes[0].model_dump() | {"quiet_hours": "11:00-15:00", **changes}
    return configuration(folder, mailbox=[first, config.mailboxes[1].model_dump()])


@pytest.mark.parametrize("changes", [{"quiet_hours": "always"}, {"time_zone": "Middle/Earth"}])
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        quiet(tmp_path, **changes)


async def test_what_nobody_saw_waits_for_their_end(tmp_path: Path) -> None:
    """Not lost, not counted as a try, and judged again when it leaves."""
    async with house(tmp_path, config=quiet(tmp_path)) as home:
        assert home.clock() == START
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert (home.replies(), (await home.mail(mail_id)).status) == ([], MailStatus.SENDING)
        home.clock.advance(hours=2, minutes=59)
        await home.settle()
        assert home.replies() == []
        home.clock.advance(minutes=1)
        await home.settle()
        assert len(home.replies()) == 1
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED


async def test_what_a_person_approved_leaves_at_any_hour(tmp_path: Path) -> None:
    """They are awake."""
    async with house(tmp_path, config=quiet(tmp_path)) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        draft = await home.waiting(mail_id)
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await home.settle()
        assert len(home.replies()) == 1
