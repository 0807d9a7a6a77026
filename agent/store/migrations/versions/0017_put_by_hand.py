"""What people put to their replies: copies and files; and whom a delivery has served already."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("draft", sa.Column("added", sa.JSON(), nullable=True))
    op.add_column("outbox", sa.Column("settled", sa.JSON(), nullable=True))
    op.create_table(
        "draft_file",
        sa.Column("mail_id", sa.String(length=24), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name=op.f("fk_draft_file_mail_id")),
        sa.PrimaryKeyConstraint("mail_id", "sha256", name=op.f("pk_draft_file")),
    )


def downgrade() -> None:
    op.drop_table("draft_file")
    op.drop_column("outbox", "settled")
    op.drop_column("draft", "added")
