"""Every place in the program that begins a transaction is killed there, before and after its commit, and goes on.

The places are found in the code, so a new one without a flow that passes it fails here. Calls of models, couriers, DNS
and lookups lie between two transactions: killed after the one or before the other is killed around the call.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.demo_world import static_zone
from tests.agent.flows import LETTERS, ROOT, WAYS, letter, sites
from tests.agent.postroom import SIGNED, keys

ELSEWHERE = ("agent/store/bell.py", "agent/store/keyring.py", "agent/store/migrate.py")
"""Transactions of a start and of the bell: no mail is in hand there. The tests of the store kill and repeat them."""

TWICE = {"agent/triage.py _start 1", "agent/delivery.py StoredOutbox._finish 1"}
"""Where the second passing is another matter: the next mail of a conversation, the next attempt."""


def live(folder: Path, flow: str, *, hours: float = 0, kill: str = "") -> tuple[int, dict[str, Any]]:
    """Run the process to its end or its death; gives the exit code and what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.agent.doomed", str(folder), str(hours), flow, kill],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr[-3000:]
    said = ended.stdout.splitlines()[-1] if ended.returncode == 0 else "{}"
    return ended.returncode, json.loads(said)


def prepare(folder: Path) -> Path:
    folder.mkdir()
    (folder / "zone.json").write_text(json.dumps(static_zone({"customer.example": "reject"}, SIGNED, keys())))
    for name in LETTERS:
        (folder / f"{name}.eml").write_bytes(letter(name))
    return folder


@pytest.mark.parametrize("name", WAYS)
def test_killed_around_its_own_transactions_it_goes_on(tmp_path: Path, name: str) -> None:
    """Those that set this way apart; on the two plain ways a process is killed at every commit (test_kill)."""
    way = WAYS[name]
    code, whole = live(prepare(tmp_path / "whole"), name)
    assert (code, whole["left"], whole["status"], whole["replies"]) == (0, [], way.ends, way.replies)
    assert way.own <= whole["passed"].keys()
    for place in sorted(way.own):
        for n in range(1, min(2 if place in TWICE else 1, whole["passed"][place]) + 1):
            for when in ("before", "after"):
                point = f"{when}:{place}:{n}"
                folder = prepare(tmp_path / point.replace("/", "-"))
                code, _ = live(folder, name, kill=point)
                assert code == -signal.SIGKILL, point
                code, end = live(folder, name, hours=2)
                assert (code, end["left"], end["status"], end["replies"]) == (0, [], way.ends, way.replies), point


def test_every_transaction_has_a_way_that_is_killed_there() -> None:
    """Found in the code and named for a way; none is named that is gone."""
    found = {place for place in sites().values() if not place.startswith(ELSEWHERE)}
    assert found == {place for way in WAYS.values() for place in way.own}
