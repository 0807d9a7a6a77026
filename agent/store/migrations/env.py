"""Alembic's entry: runs on the connection that `agent.store.migrate` hands over, never on one of its own."""

from typing import Any, Literal

from alembic import context

from agent.store import desk_tables  # their tables are of the same metadata
from agent.store.tables import Instant, Words


def render_item(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Write our own types as what the database sees, so that a migration needs no import of today's code."""
    if kind == "type" and isinstance(item, Words):
        return "sa.Text()" if item.length is None else f"sa.String(length={item.length})"
    return "sa.BigInteger()" if kind == "type" and isinstance(item, Instant) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=desk_tables.searched.metadata,
    render_as_batch=True,
    render_item=render_item,
    compare_type=False,
)
with context.begin_transaction():
    context.run_migrations()
