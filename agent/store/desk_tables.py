"""The desk's part of the schema: what people do with a mail, and what search looks up."""

from __future__ import annotations

from sqlalchemy import DDL, BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, event

from agent.store.tables import Instant, Words, metadata

handling = Table(  # what people at the desk do with a mail; no row: nothing yet
    "handling",
    metadata,
    Column("mail_id", Words(24), ForeignKey("mail.id"), primary_key=True),
    Column("assignee", Words(200), nullable=False, server_default=""),
    Column("snoozed_until", Instant),
    Column("team", Words(100), nullable=False, server_default=""),
    Index(None, "assignee", "mail_id"),
    Index(None, "team", "mail_id"),
    Index(None, "snoozed_until", "mail_id"),
)

mail_tag = Table(
    "mail_tag",
    metadata,
    Column("mail_id", Words(24), ForeignKey("mail.id"), primary_key=True),
    Column("tag", Words(60), primary_key=True),
    Index(None, "tag", "mail_id"),
)

mail_mark = Table(  # what was found in a mail, as lists are narrowed by it: see agent.store.marks
    "mail_mark",
    metadata,
    Column("mail_id", Words(24), ForeignKey("mail.id"), primary_key=True),
    Column("mark", Words(80), primary_key=True),
    Index(None, "mark", "mail_id"),
)

mail_note = Table(  # of colleagues to each other; never sent
    "mail_note",
    metadata,
    Column("id", Words(24), primary_key=True),
    Column("mail_id", Words(24), ForeignKey("mail.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Words(200), nullable=False),
    Column("text", Words(), nullable=False),
    Index(None, "mail_id", "at"),
)

draft_file = Table(  # bytes of what people put to their replies, by digest: drafts name them
    "draft_file",
    metadata,
    Column("mail_id", Words(24), ForeignKey("mail.id"), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

verdict = Table(  # what people say of a reply that left: it was right, or it should not have been sent
    "verdict",
    metadata,
    Column("draft_id", Words(24), ForeignKey("draft.id"), primary_key=True),
    Column("mail_id", Words(24), ForeignKey("mail.id"), nullable=False),
    Column("entry", Words(100), nullable=False),  # mailbox and template, or empty for free text
    Column("good", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Words(200), nullable=False),
    Column("reason", Words(500), nullable=False, server_default=""),
    Index(None, "mail_id"),
    Index(None, "at"),
)

searched = Table(  # words of mails and drafts: see agent.store.searching
    "searched",
    metadata,
    Column("n", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("ref", Words(24), nullable=False, unique=True),  # of the mail or draft
    Column("mail_id", Words(24), nullable=False),
    Column("words", Words(), nullable=False),
    Index(None, "mail_id"),
    sqlite_autoincrement=True,
)
_SEARCH = {
    "sqlite": (
        "CREATE VIRTUAL TABLE search_index USING fts5(words, content='searched', content_rowid='n', detail='none')",
    ),
    "postgresql": (
        "CREATE INDEX ix_searched_words ON searched USING gin (array_to_tsvector(string_to_array(words, ' ')))",
    ),
}
for _dialect, _statements in _SEARCH.items():
    for _statement in _statements:
        _made = DDL(_statement).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]  # it has no hints
        event.listen(searched, "after_create", _made)
