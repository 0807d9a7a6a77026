"""What models cost, added up by the hour: a budget is looked at before each call, and must not read every call again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

HOUR = 3_600_000_000
"""In microseconds, as instants are stored."""
WINDOW = 25 * HOUR

RECENT = "AND at > (SELECT max(at) FROM model_call) - {window}"
BEFORE = """
INSERT INTO spending (scope, owner, hour, part, input_tokens, output_tokens)
SELECT '{scope}', {owner}, {hour}, 0, sum(input_tokens), sum(output_tokens)
FROM model_call JOIN mail ON mail.id = model_call.mail_id
WHERE input_tokens + output_tokens > 0 {recent} GROUP BY {group}
"""


def upgrade() -> None:
    op.create_table(
        "spending",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("owner", sa.String(length=320), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "owner", "hour", "part", name=op.f("pk_spending")),
    )
    op.create_index(op.f("ix_spending_hour"), "spending", ["hour"])
    op.execute(BEFORE.format(scope="mail", owner="mail_id", hour="max(at)", recent="", group="mail_id"))
    hour = f"at - at % {HOUR}"
    recent = RECENT.format(window=WINDOW)
    for scope, owner in (("sender", "mail.author"), ("mailbox", "mail.mailbox"), ("day", "''")):
        group = hour if scope == "day" else f"{owner}, {hour}"
        op.execute(BEFORE.format(scope=scope, owner=owner, hour=hour, recent=recent, group=group))


def downgrade() -> None:
    op.drop_table("spending")
