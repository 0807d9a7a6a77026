"""What people do with a mail at the desk: who has it, until when it rests, tags and notes; and lists by mailbox."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "handling",
        sa.Column("mail_id", sa.String(length=24), nullable=False),
        sa.Column("assignee", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("snoozed_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name=op.f("fk_handling_mail_id")),
        sa.PrimaryKeyConstraint("mail_id", name=op.f("pk_handling")),
    )
    op.create_index(op.f("ix_handling_assignee_mail_id"), "handling", ["assignee", "mail_id"])
    op.create_table(
        "mail_tag",
        sa.Column("mail_id", sa.String(length=24), nullable=False),
        sa.Column("tag", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name=op.f("fk_mail_tag_mail_id")),
        sa.PrimaryKeyConstraint("mail_id", "tag", name=op.f("pk_mail_tag")),
    )
    op.create_index(op.f("ix_mail_tag_tag_mail_id"), "mail_tag", ["tag", "mail_id"])
    op.create_table(
        "mail_note",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("mail_id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name=op.f("fk_mail_note_mail_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_note")),
    )
    op.create_index(op.f("ix_mail_note_mail_id_at"), "mail_note", ["mail_id", "at"])
    op.create_index(op.f("ix_mail_mailbox_status_received_at"), "mail", ["mailbox", "status", "received_at"])
    op.create_index(op.f("ix_mail_mailbox_received_at"), "mail", ["mailbox", "received_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_mail_mailbox_received_at"), table_name="mail")
    op.drop_index(op.f("ix_mail_mailbox_status_received_at"), table_name="mail")
    op.drop_table("mail_note")
    op.drop_table("mail_tag")
    op.drop_table("handling")
