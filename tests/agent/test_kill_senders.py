"""Senders killed at any moment, a hundred and seventy times: nothing is lost, and no second copy leaves unflagged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.agent.failpoints import ROOT
from tests.agent.stores import Stores

KILLS = {"sqlite": int(os.environ.get("POSTROOM_KILLS", "150")), "postgresql": 20}


def test_nothing_is_lost_and_nothing_leaves_twice_unflagged(tmp_path: Path, both_databases: Stores) -> None:
    """The sink's ledger is what recipients got; what the database is not sure of waits for a person."""
    kills = KILLS[both_databases.kind]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.agent.doomed_sender", str(tmp_path), str(kills), "1"],
        cwd=ROOT,
        env=both_databases.environment(tmp_path / "house"),
        capture_output=True,
        text=True,
        check=False,
        timeout=600 + kills,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    sys.stdout.write(ended.stdout)  # for `make kill`, which shows it
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["kills"] == kills, "there were too few mails for so many"
    assert (found["lost"], found["unflagged_duplicates"], found["duplicates"]) == (0, 0, 0)
    assert found["sent"] == found["mails"] == found["in_the_ledger"]
    assert {"begun", "on the wire", "answered"} <= found["where"].keys()
    assert found["in_doubt"] > 0, "no kill hit the moment that the test is about"
