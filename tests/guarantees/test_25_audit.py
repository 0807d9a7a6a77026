"""Guarantee 25: from the bytes that came to the bytes that left, every step is in a chain that shows any change."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.verify import Anchoring, verify_all
from tests.agent.postroom import HOURS, House, house
from tests.guarantees.attacker import CANARY, Sink, approve_all

COLUMNS = {
    "audit": ("chain", "n", "at", "actor", "event", "mail_id", "data", "mac"),
}


async def lived(home: House) -> None:
    """One mail left unseen, one was approved; then their heads were anchored."""
    await home.receive(HOURS)
    await home.receive(f"{HOURS} {CANARY}", signed=False, author="bob@customer.example")
    await home.settle()
    await approve_all(home)
    await Anchoring(home.parts).work()


@pytest.mark.parametrize("column", COLUMNS["audit"])
async def test_a_change_of_any_column_is_found(tmp_path: Path, column: str) -> None:
    """In any row of any chain."""
    async with house(tmp_path, courier=Sink()) as home:
        await lived(home)
        assert (await verify_all(home.parts)).problems == ()
        with closing(sqlite3.connect(tmp_path / "postroom.db")) as file:
            rows = file.execute("SELECT rowid FROM audit").fetchall()
        for (row,) in rows[:: max(1, len(rows) // 6)]:
            with closing(sqlite3.connect(tmp_path / "postroom.db")) as file, file:
                (before,) = file.execute(f"SELECT {column} FROM audit WHERE rowid = ?", (row,)).fetchone()  # noqa: S608 (a name of ours)
                other = before + 1000 if isinstance(before, int) else f"{before}x" if column != "data" else '{"x": 1}'
                file.execute(f"UPDATE audit SET {column} = ? WHERE rowid = ?", (other, row))  # noqa: S608 (a name of ours)
            assert (await verify_all(home.parts)).problems
            with closing(sqlite3.connect(tmp_path / "postroom.db")) as file, file:
                file.execute(f"UPDATE audit SET {column} = ? WHERE rowid = ?", (before, row))  # noqa: S608 (a name of ours)
        assert (await verify_all(home.parts)).problems == ()


async def test_nothing_of_a_person_stands_in_it(tmp_path: Path) -> None:
    """Digests and ids: the chain outlives what it is about."""
    async with house(tmp_path, courier=Sink()) as home:
        await lived(home)
        with closing(sqlite3.connect(tmp_path / "postroom.db")) as file:
            rows = str(file.execute("SELECT * FROM audit").fetchall())
        log = (tmp_path / "audit-heads.jsonl").read_text()
    for word in (CANARY, "customer.example", "Saturday", "9 to 18"):
        assert word not in rows
        assert word not in log
