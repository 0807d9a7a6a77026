"""Providers' names for the mails that their webhooks brought: a second try brings nothing new."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_seen",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("door_key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_webhook_seen")),
    )
    op.create_index(op.f("ix_webhook_seen_at"), "webhook_seen", ["at"])


def downgrade() -> None:
    op.drop_table("webhook_seen")
