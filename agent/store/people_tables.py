"""The people of the desk: who they are, by what they came in, links to set a password, the views that each kept."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table

from agent.store.tables import Instant, Words, metadata

person = Table(
    "person",
    metadata,
    Column("id", Words(24), primary_key=True),
    Column("name", Words(60), nullable=False),
    Column("login", Words(120), nullable=False, unique=True),  # the name without case: two cannot differ by it alone
    Column("role", String(10), nullable=False),
    Column("mailboxes", Words(), nullable=False),  # addresses with a line feed between; `*`: all, also those to come
    Column("state", String(10), nullable=False),
    Column("password", Words(), nullable=False, server_default=""),  # argon2id; empty: none is set
    Column("secret", Words(), nullable=False, server_default=""),  # of the codes, sealed; empty: none are asked for
    Column("step", BigInteger, nullable=False, server_default="-1"),  # of the last code; below 0: not confirmed yet
    Column("created_at", Instant, nullable=False),
    CheckConstraint("role IN ('viewer', 'reviewer', 'admin')", name="role_known"),
    CheckConstraint("state IN ('invited', 'active', 'disabled')", name="state_known"),
)

recovery_code = Table(  # each opens once in the place of a code
    "recovery_code",
    metadata,
    Column("person_id", Words(24), ForeignKey("person.id"), primary_key=True),
    Column("digest", String(64), primary_key=True),
)

saved_view = Table(  # a view of the queue that somebody kept: the question of its address
    "saved_view",
    metadata,
    Column("person_id", Words(24), ForeignKey("person.id"), primary_key=True),
    Column("name", Words(60), primary_key=True),
    Column("query", Words(), nullable=False),
)

desk_session = Table(  # the cookie's digest alone: who reads the table is nobody's guest
    "desk_session",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person_id", Words(24), ForeignKey("person.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Index(None, "person_id"),
    Index(None, "created_at"),
)

desk_link = Table(  # a one-time link, by digest; without a person it makes the owner
    "desk_link",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person_id", Words(24), ForeignKey("person.id")),
    Column("ends_at", Instant, nullable=False),
    Index(None, "person_id"),
)
