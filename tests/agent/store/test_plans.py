"""No statement on a mail's way reads a whole table: what SQLite says of each, on a database without statistics."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from agent import approval
from agent.store import queue, searching
from agent.web.queue import VIEWS, view_of
from tests.agent.models.scripts import extraction
from tests.agent.postroom import HOURS, ORDER, Scripted, configuration, house

GROWING = {
    "mail", "raw_mail", "routing", "answer_claim", "conversation", "intent", "run", "run_item", "model_call",
    "tool_call", "draft", "outbox", "attempt", "job", "delivery_event", "audit", "spending",
    "handling", "mail_tag", "mail_mark", "mail_note", "searched", "bucket", "report",
}  # fmt: skip
"""Tables that have a row for each mail, or more."""
_SCANNED = re.compile(r"SCAN \w+\b(?! USING (COVERING )?INDEX)")
"""A table read from its beginning; to walk an index is meant, where a page's end bounds it."""
_READ_WHOLE = re.compile(r"SCAN (\w+)(?! USING COVERING INDEX ix_outbox_counted)")


@pytest.fixture
def said() -> Any:
    """Every statement with its parameters, as they reach the driver."""
    found: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH", "INSERT")):
            found[statement] = parameters[0] if many else parameters

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


async def test_every_row_is_found_by_an_index(tmp_path: Path, said: dict[str, Any]) -> None:
    """A mail answered unseen, one that a person approves, one in a conversation, and a model that costs something."""
    priced = configuration(tmp_path / "priced", model={"base_url": "http://127.0.0.1:9/v1"})
    async with (
        house(tmp_path / "plain") as home,
        house(tmp_path / "priced", model=Scripted(extraction=extraction()), config=priced) as other,
    ):
        said.clear()
        await home.receive(HOURS)
        waiting = await home.receive(ORDER, signed=False)
        await home.receive(ORDER)
        await home.receive(ORDER)
        await home.settle()
        draft = await home.waiting(waiting)
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await home.settle()
        await other.receive(HOURS)
        await other.settle()
        statements = dict(said)
        async with home.parts.database.write() as tx:
            whole = {
                statement: plans
                for statement, parameters in statements.items()
                if (plans := [row[3] for row in await explained(tx, statement, parameters) if reads_whole(row[3])])
            }
    assert len(statements) >= 50
    assert whole == {}


async def test_lists_of_the_desk_walk_an_index(tmp_path: Path, said: dict[str, Any]) -> None:
    """Whatever they are narrowed by; a view's own page is read in its order, from an index that has all of it."""
    asked = [{}, {"intent": "x"}, {"risk": "any", "sure": "under-80"}, {"tag": "x", "team": "y"}, {"mailbox": "m"}]
    async with house(tmp_path) as home, home.parts.database.write() as tx:
        now, walked = home.clock(), set[str]()
        for name, given, few, within in product(VIEWS, asked, (1, queue.FEW), (None, ("m",), ("m", "n"))):
            said.clear()
            view = view_of(name, given, me="ruth", now=now, limit=timedelta(hours=24), within=within)
            with patch.object(queue, "FEW", few):
                await queue.page(tx, view, now=now, limit=101, after=(now, "m-1"))
                await queue.counts(tx, {name: view}, now=now)
            await searching.find(tx, "two words", limit=51, within=within)
            for statement, parameters in dict(said).items():
                plan = [row[3] for row in await explained(tx, statement, parameters)]
                whole = [line for line in plan if _SCANNED.match(line) and reads_whole(line)]
                by_box = [line for line in plan if "(mailbox=?)" in line or "(mailbox=? AND received_at" in line]
                assert (whole, by_box if name not in {"all", "mentions"} else []) == ([], []), (name, given, within)
                if statement.startswith("SELECT mail.id") and not given and name in {"waiting", "answered", "all"}:
                    walked |= {match[1] for line in plan if (match := re.search(r"COVERING INDEX (\w+)", line))}
                    assert "USE TEMP B-TREE FOR ORDER BY" not in plan
    assert walked >= {"ix_mail_status_received_at_id", "ix_mail_received_at_id"}


async def explained(tx: Any, statement: str, parameters: Any) -> list[Any]:
    def ask(connection: Any) -> list[Any]:
        raw = connection.connection.driver_connection
        return list(raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall())

    found: list[Any] = await tx.run_sync(ask)
    return found


def reads_whole(plan: str) -> bool:
    match = _READ_WHOLE.match(plan)
    return match is not None and match[1] in GROWING
