"""Bring a database to the newest schema; a database from the future is refused.

Run at every start. A look comes first: a database that is up to date is not written to. Else one transaction: a start
that dies in the middle leaves the old schema whole, and of several starts one does it while the others wait.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text

from agent.store import locks
from agent.store.database import Database, DatabaseError
from agent.store.tables import SCHEMA

FOLDER = Path(__file__).parent / "migrations"


def alembic_config(connection: Any = None) -> Any:
    from alembic.config import Config  # a tenth of a second that a database at the newest schema does not cost

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


async def revision(database: Database) -> str:
    """The schema that the database has; empty for a new one."""
    async with database.read() as tx:
        if not await tx.run_sync(lambda connection: inspect(connection).has_table("alembic_version")):
            return ""
        return str((await tx.execute(text("SELECT version_num FROM alembic_version"))).scalar() or "")


async def migrate(database: Database, target: str = SCHEMA) -> None:
    """Upgrade to revision `target`. Raises DatabaseError for a database that a newer Postroom wrote."""
    if await revision(database) == target:
        return
    from alembic import command
    from alembic.util import CommandError

    async with database.write() as tx:
        await locks.schema(tx)
        try:
            await tx.run_sync(lambda connection: command.upgrade(alembic_config(connection), target))
        except CommandError as error:
            raise DatabaseError(
                f"the database was written by a newer Postroom (this one knows schema {SCHEMA}): {error}",
            ) from error
