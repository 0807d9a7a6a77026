"""Killed at every transaction and started again on the same database: nothing lost, nothing sent twice.

A real process kills itself with SIGKILL right before or right after its n-th commit; another one goes on. The number of
commits is counted first, so that a transaction more or less changes the tests.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.demo_world import finish, static_zone
from tests.agent.postroom import HOURS, SIGNED, START, keys
from tests.agent.stores import STORES

ROOT = Path(__file__).parent.parent.parent
COMMITS = {"unseen": 14, "approved": 15}
"""Transactions from a mail's arrival to its answer, by the gate and by a person."""
POINTS = [
    (flow, when, n)
    for flow, count in COMMITS.items()
    for n in range(1, count + 1)
    for when in ("before", "after")
    if flow == "unseen" or when == "before"
]
"""Dead after a commit and dead before the next one differ by what happened outside between: the same on both ways."""
BEFORE = [point for point in POINTS if point[1] == "before"]
"""Where the databases differ: the server has to notice that a transaction's process is gone."""

MAIL = (
    "From: Ann <ann@customer.example>\nTo: support@larkspur.example\nSubject: Hours\n"
    f"Message-ID: <k@customer.example>\n\n{HOURS}\n"
)


def prepare(folder: Path, flow: str) -> None:
    """Signed for the gate; unsigned, and so a person's, for the approval."""
    signed = SIGNED if flow == "unseen" else ()
    (folder / "mail.eml").write_bytes(finish(MAIL.encode(), START, keys(), signed))
    (folder / "zone.json").write_text(json.dumps(static_zone({"customer.example": "reject"}, SIGNED, keys())))


def live(folder: Path, *, hours: float, kill: str = "") -> tuple[int, list[dict[str, Any]]]:
    """Run the process to its end or its death; gives the exit code and what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.agent.victim", str(folder), str(hours), kill],
        cwd=ROOT,
        env=STORES.environment(folder / "house"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr[-3000:]
    return ended.returncode, lines


@pytest.mark.usefixtures("both_databases")
@pytest.mark.parametrize("flow", COMMITS)
def test_every_transaction_has_its_kill_tests(tmp_path: Path, flow: str) -> None:
    """A new transaction on the way fails here until it is killed too."""
    prepare(tmp_path, flow)
    code, said = live(tmp_path, hours=0)
    assert code == 0
    assert said[-1] == {"status": "answered", "replies": 1, "commits": COMMITS[flow]}


@pytest.mark.parametrize(("flow", "when", "n"), POINTS, ids=[f"{flow}-{when}-{n}" for flow, when, n in POINTS])
def test_killed_there_it_goes_on(tmp_path: Path, flow: str, when: str, n: int) -> None:
    """One reply; or none and a person is told, where the process died while the mail was on the wire."""
    goes_on(tmp_path, flow, when, n)


@pytest.mark.usefixtures("on_postgresql")
@pytest.mark.parametrize(("flow", "when", "n"), BEFORE, ids=[f"{flow}-{when}-{n}" for flow, when, n in BEFORE])
def test_killed_on_postgresql_it_goes_on(tmp_path: Path, flow: str, when: str, n: int) -> None:
    """The same, with the transaction open at the server: it is rolled back there and its locks are let go."""
    goes_on(tmp_path, flow, when, n)


def goes_on(tmp_path: Path, flow: str, when: str, n: int) -> None:
    prepare(tmp_path, flow)
    code, before = live(tmp_path, hours=0, kill=f"{when}:{n}")
    assert code == -signal.SIGKILL
    code, after = live(tmp_path, hours=2)
    assert code == 0
    accepted = {one["accepted"] for one in [*before, *after] if "accepted" in one}
    assert len(accepted) == 1, "the peer was told of one mail, and it is one mail"
    end = after[-1]
    assert end["status"] in {"answered", "in_doubt"}
    assert end["replies"] == 1 if end["status"] == "answered" else end["replies"] <= 1
