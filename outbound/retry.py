"""When to try again. Pure.

Rules:
- Only `Again` comes here. `Never` is final, and `InDoubt` is not temporary: a person resolves it.
- The first wait is 7.5 minutes; each further one is twice as long, up to 16 hours; then a person is asked.
- That makes 9 attempts over 31 h 52 min (1.3 days), up to 10 % longer by jitter.
"""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST_WAIT = timedelta(minutes=7.5)
LONGEST_WAIT = timedelta(hours=16)
SPREAD = 0.1
"""Jitter lengthens a wait by up to this share, so that what failed together does not come back together."""


def next_attempt(attempts: int, now: datetime, jitter: float) -> datetime | None:
    """Return when to try again after `attempts` attempts (1 or more, this one included); None means a person.

    `jitter` is a random number of 0..1 that the caller draws.
    """
    if attempts < 1 or not 0.0 <= jitter <= 1.0:
        raise ValueError("attempts start at 1 and jitter lies in 0..1")
    doublings = attempts - 1
    # Compared by exponent first: a timedelta overflows long before an attempt count does.
    if doublings > 32:
        return None
    wait = FIRST_WAIT * (1 << doublings)
    if wait > LONGEST_WAIT:
        return None
    return now + wait * (1 + SPREAD * jitter)
