"""The schema, once, for SQLite and PostgreSQL.

Rules:
- Instants are UTC microseconds in a BIGINT: the same order and equality on both databases.
- Every state column has a CHECK with the names of `agent.states`.
- Raw mail lies in a table of its own, so that retention can prune it and small rows stay together.
- What must be unique is a constraint, never a look before an insert.
- Text is `Words`: what one of the databases cannot hold is replaced for both, what is too long is cut for both, in what
  is stored and in what is looked for alike: ids too, because people and pages ask for any. States are plain strings.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from agent.states import DraftState, JobKind, JobState, MailStatus, NoticeState, OutboxState, RunState

SCHEMA = "0017"
"""The newest revision in `migrations`."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware datetime as UTC microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 (SQLAlchemy's signature)
        if value is None:
            return None
        return (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return None if value is None else EPOCH + timedelta(microseconds=value)


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Words(TypeDecorator[str]):
    """Text of others: NUL (PostgreSQL has none) and lone surrogates (no UTF-8 has them) become U+FFFD."""

    impl = Text
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        return dialect.type_descriptor(Text() if self.length is None else String(self.length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (SQLAlchemy's signature)
        if value is None or (value.isascii() and "\0" not in value):
            return value[: self.length] if value else value
        return _UNSTORABLE.sub("\ufffd", value[: self.length])


def _one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    names = ", ".join(f"'{state.value}'" for state in states)
    return CheckConstraint(f"{column} IN ({names})", name=f"{column}_known")


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    },
)

raw_mail = Table(
    "raw_mail",
    metadata,
    Column("mail_id", Words(24), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

mail = Table(
    "mail",
    metadata,
    Column("id", Words(24), primary_key=True),
    Column("door_key", String(64), nullable=False, unique=True),  # hash of raw bytes and envelope
    Column("sha256", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("envelope", JSON, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("status", String(16), nullable=False),
    Column("status_reason", Words(), nullable=False, server_default=""),
    Column("mailbox", Words(320), nullable=False, server_default=""),
    Column("conversation_id", Words(24), ForeignKey("conversation.id")),
    Column("message_id", Words(998), nullable=False, server_default=""),
    Column("author", Words(320), nullable=False, server_default=""),
    Column("author_name", Words(200), nullable=False, server_default=""),
    Column("authenticated", Words(320), nullable=False, server_default=""),  # the proven author, or empty
    Column("subject", Words(), nullable=False, server_default=""),
    Column("kind", String(16), nullable=False, server_default=""),
    Column("content_key", String(64), nullable=False, server_default=""),
    Column("normalized", JSON),
    Column("auth", JSON),
    Column("screening", JSON),
    Column("version", String(32), nullable=False),  # of Postroom, that wrote the row
    _one_of("status", MailStatus),
    Index(None, "status", "received_at", "id"),  # all that a list's order needs: a walk reads no rows
    Index(None, "received_at", "id"),
    Index(None, "mailbox", "status", "received_at", "id"),
    Index(None, "mailbox", "received_at", "id"),
    Index(None, "conversation_id", "received_at"),
    Index(None, "message_id"),
    Index(None, "content_key"),
)

routing = Table(  # one mail, a row for each of our mailboxes that it was addressed to
    "routing",
    metadata,
    Column("mail_id", Words(24), ForeignKey("mail.id"), primary_key=True),
    Column("mailbox", Words(320), primary_key=True),
    Column("answers", Integer, nullable=False),  # 1 for the first in configuration order
)

conversation = Table(
    "conversation",
    metadata,
    Column("id", Words(24), primary_key=True),
    Column("mailbox", Words(320), nullable=False),
    Column("correspondent", Words(320), nullable=False),  # authenticated author; empty: nobody's, never joined
    Column("subject_key", Words(500), nullable=False),
    Column("head_mail_id", Words(24), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index(None, "mailbox", "correspondent", "updated_at"),
)

intent = Table(
    "intent",
    metadata,
    Column("mail_id", Words(24), ForeignKey("mail.id"), primary_key=True),
    Column("data", JSON, nullable=False),
    Column("model", Words(100), nullable=False),
    Column("prompt_version", String(32), nullable=False),
    Column("created_at", Instant, nullable=False),
)

answer_claim = Table(  # the first of several copies of one mail holds the right to be answered
    "answer_claim",
    metadata,
    Column("claim_key", String(64), primary_key=True),
    Column("mail_id", Words(24), ForeignKey("mail.id"), nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Words(24), primary_key=True),
    Column("mail_id", Words(24), ForeignKey("mail.id"), nullable=False),
    Column("conversation_id", Words(24), ForeignKey("conversation.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Words(), nullable=False, server_default=""),
    Column("model", Words(100), nullable=False),
    Column("turns", Integer, nullable=False, server_default="0"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("version", String(32), nullable=False),
    _one_of("state", RunState),
    Index(None, "mail_id"),
    Index(None, "state", "expires_at"),
    Index(
        "uq_run_open",
        "mail_id",
        unique=True,
        sqlite_where=text("state IN ('queued', 'in_progress', 'requires_action')"),
        postgresql_where=text("state IN ('queued', 'in_progress', 'requires_action')"),
    ),
)

run_item = Table(
    "run_item",
    metadata,
    Column("run_id", Words(24), ForeignKey("run.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("item", JSON, nullable=False),
)

model_call = Table(  # every request and answer, so that a run can be explained and replayed
    "model_call",
    metadata,
    Column("id", Words(24), primary_key=True),
    Column("mail_id", Words(24), ForeignKey("mail.id"), nullable=False),
    Column("run_id", Words(24)),
    Column("purpose", String(16), nullable=False),
    Column("request", JSON, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "mail_id", "at"),
    Index(None, "at"),
)

webhook_seen = Table(  # what a webhook's provider calls a mail, with what came under that name first
    "webhook_seen",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("door_key", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "at"),
)

spending = Table(  # what models cost, by the hour: see agent.store.spending
    "spending",
    metadata,
    Column("scope", String(8), primary_key=True),
    Column("owner", Words(320), primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Index(None, "hour"),
)

tool_call = Table(
    "tool_call",
    metadata,
    Column("run_id", Words(24), ForeignKey("run.id"), primary_key=True),
    Column("call_id", Words(200), primary_key=True),
    Column("turn", Integer, nullable=False),
    Column("n", Integer, nullable=False),  # place within the turn
    Column("name", Words(200), nullable=False),
    Column("arguments", Words(), nullable=False),
    Column("output", Words()),  # null until answered; written once
    Column("draft_id", Words(24)),
    Column("at", Instant, nullable=False),
)

draft = Table(
    "draft",
    metadata,
    Column("id", Words(24), primary_key=True),
    Column("mail_id", Words(24), ForeignKey("mail.id"), nullable=False),
    Column("conversation_id", Words(24), ForeignKey("conversation.id"), nullable=False),
    Column("mailbox", Words(320), nullable=False),
    Column("run_id", Words(24)),
    Column("call_id", Words(200)),
    Column("parent_id", Words(24)),  # the draft that a person edited
    Column("origin", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("proposal", JSON, nullable=False),
    Column("judgement", JSON, nullable=False),
    Column("reasons", JSON, nullable=False),  # why it waits, in plain words
    Column("thread_head", Words(24), nullable=False),
    Column("policy_version", String(64), nullable=False),
    Column("approval_hash", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", Words(200), nullable=False, server_default=""),
    Column("decision_reason", Words(), nullable=False, server_default=""),
    Column("overruled", JSON),
    Column("added", JSON),  # copies and files that a person put to it; NULL: nothing
    _one_of("state", DraftState),
    CheckConstraint("origin IN ('model', 'person')", name="origin_known"),
    Index(None, "state", "created_at"),
    Index(None, "mail_id"),
    Index(None, "conversation_id", "state"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Words(24), primary_key=True),
    Column("draft_id", Words(24), ForeignKey("draft.id"), nullable=False, unique=True),
    Column("mail_id", Words(24), ForeignKey("mail.id"), nullable=False),
    Column("conversation_id", Words(24), ForeignKey("conversation.id"), nullable=False),
    Column("mailbox", Words(320), nullable=False),
    Column("idempotency_key", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("recipient", Words(320), nullable=False),
    Column("message_id", Words(998), nullable=False, unique=True),
    Column("email", JSON, nullable=False),  # ApprovedEmail without its bytes
    Column("raw", LargeBinary, nullable=False),
    Column("detail", Words(), nullable=False, server_default=""),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("settled", JSON),  # of several recipients: address -> why never, or empty for who has it
    _one_of("state", OutboxState),
    Index(None, "mail_id"),
    Index("ix_outbox_counted", "created_at", "state", "conversation_id", "recipient", "mailbox", "id"),
    Index(None, "mailbox", "created_at"),
    Index(None, "recipient", "created_at"),
    Index(None, "conversation_id", "created_at"),
    Index(None, "state", "updated_at"),
    Index(  # at most one reply a mail: one that failed or was refused makes room for another
        "uq_outbox_live",
        "idempotency_key",
        unique=True,
        sqlite_where=text("state NOT IN ('failed', 'refused')"),
        postgresql_where=text("state NOT IN ('failed', 'refused')"),
    ),
)

attempt = Table(
    "attempt",
    metadata,
    Column("outbox_id", Words(24), ForeignKey("outbox.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("begun_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("result", String(16), nullable=False, server_default=""),
    Column("detail", Words(), nullable=False, server_default=""),
)

job = Table(
    "job",
    metadata,
    Column("id", Words(24), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("ref", Words(24), nullable=False),
    Column("state", String(8), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("token", Integer, nullable=False, server_default="0"),  # fencing: grows with each claim
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", Words(), nullable=False, server_default=""),
    Column("rank", Integer, nullable=False, server_default="0"),  # of what is due, the lower one goes first
    _one_of("state", JobState),
    _one_of("kind", JobKind),
    UniqueConstraint("kind", "ref"),
    Index(
        "ix_job_due",
        "kind",
        "rank",
        "due_at",
        sqlite_where=text("state = 'due'"),
        postgresql_where=text("state = 'due'"),
    ),
)

delivery_event = Table(
    "delivery_event",
    metadata,
    Column("mail_id", Words(24), ForeignKey("mail.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("outbox_id", Words(24)),  # null: matched no send of ours
    Column("event", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "outbox_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("chain", Words(24), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor", Words(200), nullable=False),
    Column("event", String(40), nullable=False),
    Column("mail_id", Words(24), nullable=False, server_default=""),
    Column("data", JSON, nullable=False),  # ids, codes and keyed digests; never content
    Column("mac", String(64), nullable=False),
    Index(None, "mail_id"),
    Index(None, "at"),
)

audit_words = Table(  # the reasons that rows of the audit hold digests of: what a person typed can be forgotten
    "audit_words",
    metadata,
    Column("chain", Words(24), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("mail_id", Words(24), nullable=False, server_default=""),
    Column("words", Words(), nullable=False),
    Index(None, "mail_id"),
)

keyring = Table(  # which keys this database was written with: digests, so that a node with others says so at start
    "keyring",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
)

_NOTICE_DUE = text("state = 'queued'")
notice = Table(  # mail of ours that is no reply: to the operator's own people, or a canary
    "notice",
    metadata,
    Column("id", Words(24), primary_key=True),
    Column("key", Words(200), nullable=False, unique=True),  # what it is about: told once
    Column("kind", String(16), nullable=False),
    Column("mailbox", Words(320), nullable=False),
    Column("recipient", Words(320), nullable=False),  # empty: not yet put into words
    Column("subject", Words(), nullable=False),
    Column("body", Words(), nullable=False),  # emptied once it left
    Column("mail_id", Words(24), nullable=False, server_default=""),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("token", Integer, nullable=False, server_default="0"),  # fencing: grows with each claim
    Column("due_at", Instant, nullable=False),
    Column("detail", Words(), nullable=False, server_default=""),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    _one_of("state", NoticeState),
    Index("ix_notice_due", "due_at", sqlite_where=_NOTICE_DUE, postgresql_where=_NOTICE_DUE),
    Index(None, "kind", "created_at"),
    Index(None, "mail_id"),
)

suppression = Table(  # who gets nothing any more: see agent.store.suppression
    "suppression",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("address", Words(320), primary_key=True),
    Column("active", Boolean, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("detail", Words(), nullable=False, server_default=""),
    Column("soft", Integer, nullable=False, server_default="0"),
    Column("by", Words(200), nullable=False),
    Column("at", Instant, nullable=False),
)

pause = Table(
    "pause",
    metadata,
    Column("scope", Words(320), primary_key=True),  # a mailbox, or `*` for all
    Column("since", Instant, nullable=False),
    Column("by", Words(200), nullable=False),
)
