"""Before each reply its mail's sends and those of the last day are counted: both are found without reading the rest."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COUNTED = ["created_at", "state", "conversation_id", "recipient", "mailbox", "id"]


def upgrade() -> None:
    op.create_index(op.f("ix_outbox_mail_id"), "outbox", ["mail_id"])
    op.create_index("ix_outbox_counted", "outbox", COUNTED)


def downgrade() -> None:
    op.drop_index("ix_outbox_counted", table_name="outbox")
    op.drop_index(op.f("ix_outbox_mail_id"), table_name="outbox")
