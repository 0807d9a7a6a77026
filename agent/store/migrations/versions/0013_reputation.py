"""What keeps our good name: buckets, reports, the breaker; and jobs that go before others."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

DUE = sa.text("state = 'due'")


def upgrade() -> None:
    op.create_table(
        "bucket",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("owner", sa.String(length=320), nullable=False),
        sa.Column("full_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "owner", name=op.f("pk_bucket")),
    )
    op.create_index(op.f("ix_bucket_full_at"), "bucket", ["full_at"])
    op.create_table(
        "report",
        sa.Column("outbox_id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('bounced', 'complained')", name=op.f("ck_report_kind_known")),
        sa.PrimaryKeyConstraint("outbox_id", "kind", name=op.f("pk_report")),
    )
    op.create_index(op.f("ix_report_tenant_at"), "report", ["tenant", "at"])
    op.create_table(
        "breaker",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('closed', 'open', 'half_open')", name=op.f("ck_breaker_state_known")),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_breaker")),
    )
    op.add_column("job", sa.Column("rank", sa.Integer(), nullable=False, server_default="0"))
    op.drop_index("ix_job_due", "job")
    op.create_index("ix_job_due", "job", ["kind", "rank", "due_at"], sqlite_where=DUE, postgresql_where=DUE)


def downgrade() -> None:
    op.drop_index("ix_job_due", "job")
    op.create_index("ix_job_due", "job", ["kind", "due_at"], sqlite_where=DUE, postgresql_where=DUE)
    op.drop_column("job", "rank")
    op.drop_table("breaker")
    op.drop_table("report")
    op.drop_table("bucket")
