"""Token buckets: how fast mail may leave. Pure.

Rules:
- A bucket holds `burst` tokens and gets `per_hour` of them an hour, never more than it holds.
- All that is kept of a bucket is the instant at which it will be full again; one that was never used is full.
- Over any span of time no more leave than `burst` and what the span brought.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.reputation_settings import ReputationSettings

SCOPES = ("domain", "mailbox", "sender", "tenant", "total")
"""What there are buckets of."""


@dataclass(frozen=True)
class Bucket:
    scope: str
    owner: str
    """Whose: a domain, an address, a tenant; empty for the one of all."""
    per_hour: float
    burst: int

    @property
    def interval(self) -> timedelta:
        """How long one token takes to come; a microsecond at least."""
        return max(timedelta(hours=1) / self.per_hour, timedelta.resolution)

    def told(self) -> str:
        """Its name and rate, for people."""
        what = {
            "domain": f"to the domain {self.owner}",
            "sender": f"to {self.owner}",
            "mailbox": f"from {self.owner}",
            "tenant": f"of the tenant {self.owner}",
            "total": "over all mailboxes",
        }[self.scope]
        return f"the rate of replies {what} ({self.per_hour:g} an hour, {self.burst} at once)"


def taken(bucket: Bucket, full_at: datetime | None, now: datetime) -> datetime:
    """When the bucket is full again, were a token taken now."""
    return max(full_at or now, now) + bucket.interval


def free_at(bucket: Bucket, full_at: datetime | None, now: datetime) -> datetime:
    """The first instant, not before now, at which a token is there."""
    return max(now, taken(bucket, full_at, now) - bucket.burst * bucket.interval)


def wanted(settings: ReputationSettings, *, recipients: Sequence[str], mailbox: str, tenant: str) -> Iterator[Bucket]:
    """The buckets that one reply takes from, one token of each; none for a rate of 0."""
    domains = dict.fromkeys(one.rpartition("@")[2].lower() for one in recipients)
    found = (
        *(Bucket("domain", one, settings.domain_per_hour, settings.domain_burst) for one in domains),
        Bucket("mailbox", mailbox, settings.mailbox_per_hour, settings.mailbox_burst),
        *(Bucket("sender", one, settings.sender_per_hour, settings.sender_burst) for one in recipients),
        Bucket("tenant", tenant, settings.tenant_per_hour, settings.tenant_burst),
        Bucket("total", "", settings.total_per_hour, settings.total_burst),
    )
    return (one for one in found if one.per_hour)
