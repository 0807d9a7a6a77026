"""Words that a decider gives, beside the audit's rows, which hold their digests: they can be forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_words",
        sa.Column("chain", sa.String(length=24), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("mail_id", sa.String(length=24), server_default="", nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "n", name=op.f("pk_audit_words")),
    )
    op.create_index(op.f("ix_audit_words_mail_id"), "audit_words", ["mail_id"])


def downgrade() -> None:
    op.drop_table("audit_words")
