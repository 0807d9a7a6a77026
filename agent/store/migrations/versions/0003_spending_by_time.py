"""Spending of a day is summed before each call of a model: an index by time."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_model_call_at"), "model_call", ["at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_model_call_at"), table_name="model_call")
