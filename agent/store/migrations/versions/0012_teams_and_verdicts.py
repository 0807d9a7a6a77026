"""Which team has a mail, and what people say of replies that left."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("handling", sa.Column("team", sa.String(length=100), nullable=False, server_default=""))
    op.create_index(op.f("ix_handling_team_mail_id"), "handling", ["team", "mail_id"])
    op.create_table(
        "verdict",
        sa.Column("draft_id", sa.String(length=24), nullable=False),
        sa.Column("mail_id", sa.String(length=24), nullable=False),
        sa.Column("entry", sa.String(length=100), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False, server_default=""),
        sa.ForeignKeyConstraint(["draft_id"], ["draft.id"], name=op.f("fk_verdict_draft_id")),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name=op.f("fk_verdict_mail_id")),
        sa.PrimaryKeyConstraint("draft_id", name=op.f("pk_verdict")),
    )
    op.create_index(op.f("ix_verdict_mail_id"), "verdict", ["mail_id"])
    op.create_index(op.f("ix_verdict_at"), "verdict", ["at"])


def downgrade() -> None:
    op.drop_table("verdict")
    op.drop_index(op.f("ix_handling_team_mail_id"), table_name="handling")
    op.drop_column("handling", "team")
