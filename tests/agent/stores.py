"""Where houses keep their rows: SQLite in their folder, or a database of the throw-away PostgreSQL for each folder.

`POSTROOM_TEST_STORE` names it for processes that a test starts.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from agent.config import Config
from agent.store.database import Database
from agent.store.migrate import migrate
from tests.agent.postgres import Server

VARIABLE = "POSTROOM_TEST_STORE"


class Stores:
    """One test's databases."""

    def __init__(self) -> None:
        self._server: Server | None = None
        self._made: dict[Path, str] = {}

    def use(self, server: Server | None) -> None:
        self._server = server

    @property
    def kind(self) -> str:
        return "postgresql" if self._server else "sqlite"

    def url(self, folder: Path, *, empty: bool = False) -> str:
        """The database of this folder, made at first; empty where SQLite in it is meant."""
        if VARIABLE in os.environ:
            return os.environ[VARIABLE]
        if self._server is None:
            return ""
        folder = folder.resolve()
        if folder not in self._made:
            self._made[folder] = self._server.create(empty=empty)
        return self._server.url(self._made[folder])

    def open(self, folder: Path, *, empty: bool = False) -> Database:
        """An open database as a house in this folder has it."""
        url = self.url(folder, empty=empty)
        return Database(url) if url else Database.sqlite(folder / "postroom.db")

    def environment(self, folder: Path) -> dict[str, str]:
        """For a process that is to use the same database."""
        url = self.url(folder)
        return {**os.environ, VARIABLE: url} if url else dict(os.environ)

    def forget(self) -> None:
        """Drop what was made."""
        if self._server is not None:
            for name in self._made.values():
                self._server.drop(name)
        self._made.clear()
        self._server = None


STORES = Stores()
"""Of the test that runs now."""

_LAID: list[bytes] = []


async def lay(path: Path) -> None:
    """Put a SQLite database at the newest schema where none is: the same as migrated, without the time of that."""
    if not _LAID:
        with tempfile.TemporaryDirectory() as folder:
            made = Database.sqlite(Path(folder) / "postroom.db")
            await migrate(made)
            await made.close()
            _LAID.append((Path(folder) / "postroom.db").read_bytes())
    _lay(path, _LAID[0])


def _lay(path: Path, data: bytes) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


async def lay_for(config: Config) -> None:
    """The same for a configuration, where it names no server."""
    if not config.store.url:
        await lay(config.postroom.data_dir / "postroom.db")
