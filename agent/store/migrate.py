"""Bring a database to the newest schema; a database from the future is refused.

Run at every start. One transaction: a start that dies in the middle leaves the old schema whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from agent.store.database import Database, DatabaseError

FOLDER = Path(__file__).parent / "migrations"


def alembic_config(connection: Any = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


async def migrate(database: Database) -> None:
    """Upgrade to the newest revision. Raises DatabaseError for a database that a newer Postroom wrote."""
    async with database.write() as tx:
        try:
            await tx.run_sync(lambda connection: command.upgrade(alembic_config(connection), "head"))
        except CommandError as error:
            known = ScriptDirectory.from_config(alembic_config()).get_current_head()
            raise DatabaseError(
                f"the database was written by a newer Postroom (this one knows schema {known}): {error}",
            ) from error
