"""What one mail costs the database: counted, because a clock on a busy machine says nothing."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from agent.states import MailStatus
from tests.agent.postroom import HOURS, house
from tests.agent.stores import Stores

MOST_STATEMENTS = {"sqlite": 141, "postgresql": 161}
"""From the door to the end of the run, for one mail that is answered unseen; without BEGIN and COMMIT. PostgreSQL has
locks to take, and reads again what it read before it had them."""


async def test_a_mail_costs_few_statements(tmp_path: Path, both_databases: Stores) -> None:
    """A read more in one of the stages is a read more for every mail: it fails here, and is either needed or not."""
    asked: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    async with house(tmp_path) as home:
        await home.receive(HOURS)
        await home.settle()
        event.listen(Engine, "before_cursor_execute", note)
        try:
            mail_id = await home.receive(HOURS, author="ben@customer.example")
            await home.settle()
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
    statements = [one for one in asked if not one.startswith(("BEGIN", "SAVEPOINT", "RELEASE"))]
    assert len(statements) <= MOST_STATEMENTS[both_databases.kind], f"{len(statements)}:\n" + "\n".join(statements)
