"""Words of mails and drafts, to be found again; what is there already is made searchable."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TAKE = "INSERT INTO search_index(search_index, rowid, words) VALUES ('delete', old.n, old.words);"
_PUT = "INSERT INTO search_index(rowid, words) VALUES (new.n, new.words);"
SQLITE = (
    "CREATE VIRTUAL TABLE search_index USING fts5(words, content='searched', content_rowid='n', detail='none')",
    f"CREATE TRIGGER searched_put AFTER INSERT ON searched BEGIN {_PUT} END",
    f"CREATE TRIGGER searched_taken AFTER DELETE ON searched BEGIN {_TAKE} END",
    f"CREATE TRIGGER searched_changed AFTER UPDATE ON searched BEGIN {_TAKE} {_PUT} END",
)
POSTGRESQL = ("CREATE INDEX ix_searched_words ON searched USING gin (array_to_tsvector(string_to_array(words, ' ')))",)
OLD = sa.text("SELECT id, subject, author, author_name FROM mail ORDER BY received_at, id")


def upgrade() -> None:
    op.create_table(
        "searched",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("mail_id", sa.String(length=24), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_searched")),
        sa.UniqueConstraint("ref", name=op.f("uq_searched_ref")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_searched_mail_id"), "searched", ["mail_id"])
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
    _make_searchable(op.get_bind())


def _make_searchable(connection: sa.Connection) -> None:
    """By subject and author; the text of mail from before is found once it is begun again."""
    from agent.store.searching import words

    put = sa.text("INSERT INTO searched (ref, mail_id, words) VALUES (:id, :id, :words)")
    for batch in connection.execute(OLD).partitions(1000):
        rows = [{"id": row[0], "words": " ".join(words(" ".join(row[1:])))} for row in batch]
        connection.execute(put, rows)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE search_index")
    op.drop_table("searched")
