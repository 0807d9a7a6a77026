"""Notices to the operator's own people, and canaries: mail of ours that is no reply."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

DUE = sa.text("state = 'queued'")


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("mailbox", sa.String(length=320), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("mail_id", sa.String(length=24), nullable=False, server_default=""),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("token", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False, server_default=""),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.CheckConstraint("state IN ('queued', 'sent', 'failed', 'arrived')", name=op.f("ck_notice_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("key", name=op.f("uq_notice_key")),
    )
    op.create_index("ix_notice_due", "notice", ["due_at"], sqlite_where=DUE, postgresql_where=DUE)
    op.create_index(op.f("ix_notice_kind_created_at"), "notice", ["kind", "created_at"])
    op.create_index(op.f("ix_notice_mail_id"), "notice", ["mail_id"])


def downgrade() -> None:
    op.drop_table("notice")
