"""A database that an older Postroom wrote goes on: its resting runs are approved and answered under today's schema.

`data/REVISION.sql` is SQLite's dump of such a database; for PostgreSQL its rows are put into the schema that the same
revision makes there. A release with a new revision adds one of its own.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import JSON, Connection, MetaData, select

from agent import approval
from agent.approval import Decided
from agent.states import MailStatus, RunState
from agent.store import mails, marks, runs
from agent.store.desk_tables import mail_mark
from agent.store.migrate import migrate, revision
from agent.store.tables import SCHEMA
from agent.story import tell
from tests.agent.postroom import House, house
from tests.agent.stores import Stores

DATA = Path(__file__).parent / "data"


def restore_keys(folder: Path) -> None:
    """The keys that lie beside the old database, as a backup brings them."""
    (folder / "keys").mkdir()
    for n, name in enumerate(("seal", "audit", "token"), start=1):
        path = folder / "keys" / f"{name}.key"
        path.write_text(f"{n:02x}" * 32)
        path.chmod(0o600)


async def restore(stores: Stores, folder: Path, old: str) -> None:
    """Put the database of revision `old` where a house in `folder` finds it."""
    restore_keys(folder)
    path = folder / ("postroom.db" if stores.kind == "sqlite" else "old.db")
    with closing(sqlite3.connect(path)) as dump:
        dump.executescript((DATA / f"{old}.sql").read_text("utf-8"))
    database = stores.open(folder, empty=True)
    try:
        if stores.kind == "postgresql":
            await migrate(database, old)
            async with database.write() as tx:
                await tx.run_sync(lambda connection: copy_rows(connection, path))
        assert await revision(database) == old
    finally:
        await database.close()


def copy_rows(connection: Connection, path: Path) -> None:
    schema = MetaData()
    schema.reflect(connection)
    with closing(sqlite3.connect(path)) as dump:
        dump.row_factory = sqlite3.Row
        for table in schema.sorted_tables:
            if table.name == "alembic_version":
                continue
            told = {column.name for column in table.columns if isinstance(column.type, JSON)}
            rows = [
                {name: json.loads(row[name]) if name in told and row[name] else row[name] for name in row.keys()}  # noqa: SIM118 (a Row gives its values)
                for row in dump.execute(f'SELECT * FROM "{table.name}"')  # noqa: S608 (a table of ours)
            ]
            if rows:
                connection.execute(table.insert(), rows)


async def standing(home: House, status: MailStatus) -> str:
    async with home.parts.database.read() as tx:
        (found,) = await mails.listing(tx, (status,), limit=10)
        return found.id


@pytest.mark.parametrize("old", sorted(path.stem for path in DATA.glob("*.sql")))
async def test_what_rested_goes_on_after_the_upgrade(both_databases: Stores, tmp_path: Path, old: str) -> None:
    """Upgraded at start, judged by today's policy, approved by a person, sent, and the audit of both times holds."""
    await restore(both_databases, tmp_path, old)
    async with house(tmp_path) as home:
        assert await revision(home.parts.database) == SCHEMA
        await approval.rejudge(home.parts)  # as every start does
        resting, unread = await standing(home, MailStatus.WAITING), await standing(home, MailStatus.RECEIVED)
        async with home.parts.database.read() as tx:
            marked = {row.mark for row in await tx.execute(select(mail_mark).where(mail_mark.c.mail_id == resting))}
            intent = await mails.get_intent(tx, resting)
        assert intent is not None
        assert marked == set(marks.marks(intent))
        draft = await home.waiting(resting)
        done = await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        assert isinstance(done, Decided), done
        await home.settle()
        assert (await home.mail(resting)).status is MailStatus.ANSWERED
        assert (await home.mail(unread)).status is MailStatus.WAITING
        assert len(home.replies()) == 1
        async with home.parts.database.read() as tx:
            assert [run.state for run in await runs.of_mail(tx, resting)] == [RunState.COMPLETED]
            story = await tell(tx, home.parts.audit, resting)
        assert story is not None
        assert story.broken == ""


def test_the_first_schema_is_among_them() -> None:
    """What was released once is upgraded in tests for ever."""
    assert (DATA / "0001.sql").exists()
