"""The part of the schema that keeps our good name: buckets, reports about what left, and the breaker."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, String, Table

from agent.store.tables import Instant, Words, metadata

bucket = Table(  # how fast mail may leave: see agent.buckets
    "bucket",
    metadata,
    Column("scope", String(8), primary_key=True),
    Column("owner", Words(320), primary_key=True),
    Column("full_at", Instant, nullable=False),
    Index(None, "full_at"),
)

report = Table(  # what came back of a delivery, once each; the breaker counts them
    "report",
    metadata,
    Column("outbox_id", Words(24), primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint("kind IN ('bounced', 'complained')", name="kind_known"),
    Index(None, "tenant", "at"),
)

breaker = Table(  # no row: it never opened
    "breaker",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("state", String(10), nullable=False),
    Column("since", Instant, nullable=False),
    Column("by", Words(200), nullable=False),
    Column("reason", Words(), nullable=False),
    CheckConstraint("state IN ('closed', 'open', 'half_open')", name="state_known"),
)
