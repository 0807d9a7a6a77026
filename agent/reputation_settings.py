"""`[reputation]`: how fast replies may leave, how a new domain begins, and what stops what nobody saw."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from agent.sections import Section


class ReputationSettings(Section):
    """`[reputation]`: what keeps the good name of the sending domain. A rate or a number of 0 is no limit."""

    domain_per_hour: float = Field(default=60.0, ge=0, le=1_000_000)
    """To one recipient domain. Over a rate a reply waits until there is room; it is not lost."""
    domain_burst: int = Field(default=30, ge=1, le=1_000_000)
    """So many may leave at once after a rest."""
    sender_per_hour: float = Field(default=10.0, ge=0, le=1_000_000)
    """To one correspondent."""
    sender_burst: int = Field(default=10, ge=1, le=1_000_000)
    """The same at once."""
    mailbox_per_hour: float = Field(default=200.0, ge=0, le=1_000_000)
    """From one mailbox."""
    mailbox_burst: int = Field(default=50, ge=1, le=1_000_000)
    """The same at once."""
    tenant_per_hour: float = Field(default=500.0, ge=0, le=1_000_000)
    """From all mailboxes of `postroom.tenant_id`."""
    tenant_burst: int = Field(default=100, ge=1, le=1_000_000)
    """The same at once."""
    total_per_hour: float = Field(default=1000.0, ge=0, le=1_000_000)
    """From the database, whoever's mailboxes."""
    total_burst: int = Field(default=200, ge=1, le=1_000_000)
    """The same at once."""
    warmup_first_day: int = Field(default=50, ge=0, le=1_000_000)
    """Replies that may leave unseen on a sending domain's first day here; over it they wait for a person."""
    warmup_growth: float = Field(default=2.0, ge=1.0, le=10.0)
    """Each further day so many times as many."""
    warmup_days: int = Field(default=14, ge=0, le=365)
    """After so many days a domain is not new any more."""
    breaker_window_hours: float = Field(default=24.0, gt=0, le=720)
    """The breaker looks at bounces and complaints of so many hours."""
    breaker_bounce_rate: float = Field(default=0.05, ge=0.0, le=1.0)
    """This share of bounces opens it: all replies wait for a person."""
    breaker_complaint_rate: float = Field(default=0.003, ge=0.0, le=1.0)
    """And so does this share of complaints."""
    breaker_at_least: int = Field(default=3, ge=1, le=1000)
    """But not fewer than so many of the one or the other. A rate of 0 never opens it."""
    breaker_rest_hours: float = Field(default=12.0, gt=0, le=720)
    """So long it stays open; then a few replies may try for as long again, and it closes where none bounces."""
    breaker_trial: int = Field(default=10, ge=1, le=1000)
    """How many may try."""

    @classmethod
    def unlimited(cls) -> Self:
        """No rate, no ceiling, no breaker: for measurements, which send more at once than anybody should."""
        none = dict.fromkeys((f"{scope}_per_hour" for scope in ("domain", "sender", "mailbox", "tenant", "total")), 0.0)
        return cls(warmup_first_day=0, breaker_bounce_rate=0, breaker_complaint_rate=0, **none)
