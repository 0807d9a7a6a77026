"""`postroom audit verify`: every row, what it speaks of, and the ends of the chains."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.anchors import FILE, AnchorError, Log
from agent.verify import Anchoring, Verified, verify_all
from tests.agent.postroom import HOURS, House, house

KEY = b"k" * 32
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


async def after(home: House, folder: Path, change: str) -> Verified:
    """What is found after somebody with the database in hand changed it."""
    with closing(sqlite3.connect(folder / "postroom.db")) as file, file:
        file.execute("PRAGMA foreign_keys = OFF")
        assert file.execute(change).rowcount > 0
    return await verify_all(home.parts)


async def test_what_nobody_touched_holds(tmp_path: Path) -> None:
    """Chains, rows, mails and anchored heads are counted; a second anchoring has nothing new to say."""
    async with house(tmp_path) as home:
        for signed in (True, False):
            await home.receive(HOURS, signed=signed)
        await home.settle()
        anchoring = Anchoring(home.parts)
        assert await anchoring.work() == 2
        assert await anchoring.work() == 0
        found = await verify_all(home.parts)
        assert (found.chains, found.mails, found.anchored, found.problems) == (2, 2, 2, ())
        home.clock.advance(minutes=1)
        await home.receive(HOURS)
        await home.settle()
        assert await anchoring.work() == 1
        assert await Anchoring(home.parts).work() == 0


CHANGES = {
    "DELETE FROM audit WHERE n = (SELECT max(n) FROM audit)": "was cut",
    "DELETE FROM audit WHERE n > 1": "was cut",
    "DELETE FROM audit": "is gone; it had",
    "UPDATE audit SET event = 'approved' WHERE event = 'proposed'": "was changed",
    "UPDATE draft SET proposal = replace(proposal, 'from 9', 'from 8')": "the text of draft",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_found(tmp_path: Path, change: str) -> None:
    """A cut end too, which the chain alone cannot show."""
    async with house(tmp_path) as home:
        await home.receive(HOURS)
        await home.settle()
        await Anchoring(home.parts).work()
        found = await after(home, tmp_path, change)
        assert any(CHANGES[change] in problem for problem in found.problems)


def write(path: Path) -> None:
    log = Log(path, KEY)
    for n in range(1, 4):
        log.append({"c-1": (n, f"mac{n}")}, AT)


def test_the_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    """The newest head of each chain; by the owner alone."""
    write(tmp_path / FILE)
    assert Log(tmp_path / FILE, KEY).heads == {"c-1": (3, "mac3")}
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_a_line_that_a_crash_cut_off_is_written_anew(tmp_path: Path) -> None:
    """It was never finished, so it said nothing."""
    path = tmp_path / FILE
    write(path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[0][:40])
    log = Log(path, KEY)
    assert log.heads == {"c-1": (3, "mac3")}
    log.append({"c-1": (4, "mac4")}, AT)
    assert Log(path, KEY).heads == {"c-1": (4, "mac4")}


def test_two_processes_write_one_log(tmp_path: Path) -> None:
    """In turns, each reading first what the other wrote; a head that the other anchored is not written again."""
    one, other = Log(tmp_path / FILE, KEY), Log(tmp_path / FILE, KEY)
    for n in range(1, 9, 2):
        assert one.append({"c-1": (n, f"mac{n}")}, AT) == 1
        assert other.append({"c-1": (n, f"mac{n}")}, AT) == 0
        assert other.append({"c-1": (n + 1, f"mac{n + 1}")}, AT) == 1
    assert one.append({"c-1": (3, "mac3")}, AT) == 0, "a head that is behind is no news"
    assert Log(tmp_path / FILE, KEY).heads == {"c-1": (8, "mac8")}


@pytest.mark.parametrize("how", ["taken out", "changed", "moved", "garbage", "another key"])
def test_a_log_that_was_changed_is_refused(tmp_path: Path, how: str) -> None:
    """By the line from which on it does not hold."""
    path = tmp_path / FILE
    write(path)
    lines = path.read_text().splitlines()
    changed = {
        "taken out": [lines[0], lines[2]],
        "changed": [lines[0], lines[1].replace("mac2", "mac9"), lines[2]],
        "moved": [lines[1], lines[0], lines[2]],
        "garbage": [lines[0], "{", lines[2]],
        "another key": lines,
    }
    path.write_text("\n".join(changed[how]) + "\n")
    with pytest.raises(AnchorError, match="line "):
        Log(path, b"other" if how == "another key" else KEY)
