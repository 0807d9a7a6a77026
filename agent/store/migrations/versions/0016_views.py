"""Views that people keep, what lists are narrowed by, and indexes that hold all that a list's order needs."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_mail_status_received_at": ["status", "received_at"],
    "ix_mail_mailbox_status_received_at": ["mailbox", "status", "received_at"],
    "ix_mail_mailbox_received_at": ["mailbox", "received_at"],
}
"""Those of before; each is made anew with the id behind."""
_BAND = "CASE {} END".format(
    " ".join(f"WHEN sure >= {edge / 100} THEN 'sure:{edge}'" for edge in (95, 90, 80, 70, 60, 50)) + " ELSE 'sure:0'"
)
_RISK = "CASE WHEN {0} LIKE 'model:%' THEN 'risk:model' ELSE substr('risk:' || {0}, 1, 60) END"
SQLITE = (
    "SELECT mail_id, 'intent:' || json_extract(data, '$.intent') FROM intent",
    f"SELECT mail_id, {_BAND} FROM (SELECT mail_id, json_extract(data, '$.confidence') AS sure FROM intent)",  # noqa: S608 (our own words; so the next)
    f"SELECT DISTINCT mail_id, {_RISK.format('one.value')} FROM intent, json_each(data, '$.risks') AS one",  # noqa: S608
    "SELECT mail_id, 'risk:any' FROM intent WHERE json_array_length(data, '$.risks') > 0",
)
POSTGRESQL = (
    "SELECT mail_id, 'intent:' || (data ->> 'intent') FROM intent",
    f"SELECT mail_id, {_BAND} FROM (SELECT mail_id, CAST(data ->> 'confidence' AS float) AS sure FROM intent) AS found",  # noqa: S608
    f"SELECT DISTINCT mail_id, {_RISK.format('one')} FROM intent, json_array_elements_text(data -> 'risks') AS one",  # noqa: S608
    "SELECT mail_id, 'risk:any' FROM intent WHERE json_array_length(data -> 'risks') > 0",
)


def upgrade() -> None:
    op.create_table(
        "saved_view",
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_saved_view_person_id")),
        sa.PrimaryKeyConstraint("person_id", "name", name=op.f("pk_saved_view")),
    )
    op.create_table(
        "mail_mark",
        sa.Column("mail_id", sa.String(length=24), nullable=False),
        sa.Column("mark", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name=op.f("fk_mail_mark_mail_id")),
        sa.PrimaryKeyConstraint("mail_id", "mark", name=op.f("pk_mail_mark")),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for found in SQLITE if sqlite else POSTGRESQL:
        op.execute(f"INSERT INTO mail_mark (mail_id, mark) {found}")
    op.create_index(op.f("ix_mail_mark_mark_mail_id"), "mail_mark", ["mark", "mail_id"])
    op.create_index(op.f("ix_handling_snoozed_until_mail_id"), "handling", ["snoozed_until", "mail_id"])
    for name, columns in INDEXES.items():
        op.drop_index(op.f(name), table_name="mail")
        op.create_index(op.f(f"{name}_id"), "mail", [*columns, "id"])


def downgrade() -> None:
    for name, columns in INDEXES.items():
        op.drop_index(op.f(f"{name}_id"), table_name="mail")
        op.create_index(op.f(name), "mail", columns)
    op.drop_index(op.f("ix_handling_snoozed_until_mail_id"), table_name="handling")
    op.drop_table("mail_mark")
    op.drop_table("saved_view")
