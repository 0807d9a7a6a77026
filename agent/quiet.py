"""Hours of a mailbox in which nothing leaves that nobody saw. Pure.

Rules:
- Times are those of the mailbox's own zone, summer time included; the end is not part of the hours.
- A span may go over midnight (`22:00-07:00`).
- An approved reply is a person's, and leaves at any hour.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def span(text: str) -> tuple[time, time]:
    """`22:00-07:00` as two times. Raises ValueError."""
    found = _SPAN.fullmatch(text)
    if found is None or found[1] + found[2] == found[3] + found[4]:
        raise ValueError(f"{text!r} is no span of hours like '22:00-07:00'")
    begin, end = (time(int(hour), int(minute)) for hour, minute in ((found[1], found[2]), (found[3], found[4])))
    return begin, end


def zone(name: str) -> ZoneInfo:
    """Raises ValueError for a zone that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone like 'Europe/Berlin'") from None


def quiet_until(now: datetime, hours: str, zone_name: str) -> datetime | None:
    """When the quiet hours that hold now end (UTC); None where none hold."""
    if not hours:
        return None
    begin, end = span(hours)
    here = now.astimezone(zone(zone_name))
    clock = here.time().replace(tzinfo=None)
    held = begin <= clock < end if begin < end else clock >= begin or clock < end
    if not held:
        return None
    day = here.date() + timedelta(days=1) if begin > end and clock >= begin else here.date()
    return datetime.combine(day, end, tzinfo=here.tzinfo).astimezone(UTC)
