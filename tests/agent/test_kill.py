"""Killed at every transaction and started again on the same database: nothing lost, nothing sent twice.

A real process kills itself with SIGKILL right before or right after its n-th commit; another one goes on. The number of
commits is counted first, so that a transaction more or less changes the tests.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from agent.demo_world import finish, static_zone
from tests.agent.nursery import Life, Nursery
from tests.agent.postroom import HOURS, SIGNED, START, keys
from tests.agent.stores import STORES

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

MAIL = (
    "From: Ann <ann@customer.example>\nTo: support@larkspur.example\nSubject: Hours\n"
    f"Message-ID: <k@customer.example>\n\n{HOURS}\n"
)


def prepare(folder: Path, flow: str) -> None:
    """Signed for the gate; unsigned, and so a person's, for the approval."""
    signed = SIGNED if flow == "unseen" else ()
    (folder / "mail.eml").write_bytes(finish(MAIL.encode(), START, keys(), signed))
    (folder / "zone.json").write_text(json.dumps(static_zone({"customer.example": "reject"}, SIGNED, keys())))


def live(nursery: Nursery, folder: Path, *, hours: float = 0, kill: str = "") -> Life:
    """Run the process to its end or its death."""
    return nursery.live("victim", folder, hours, kill, store=STORES.url(folder / "house"))


@pytest.mark.usefixtures("both_databases")
@pytest.mark.parametrize("flow", COMMITS)
def test_every_transaction_has_its_kill_tests(nursery: Nursery, tmp_path: Path, flow: str) -> None:
    """A new transaction on the way fails here until it is killed too."""
    prepare(tmp_path, flow)
    whole = live(nursery, tmp_path)
    assert whole.code == 0
    assert whole.said[-1] == {"status": "answered", "replies": 1, "commits": COMMITS[flow]}


@pytest.mark.usefixtures("both_databases")
@pytest.mark.parametrize(("flow", "when", "n"), POINTS, ids=[f"{flow}-{when}-{n}" for flow, when, n in POINTS])
def test_killed_there_it_goes_on(nursery: Nursery, tmp_path: Path, flow: str, when: str, n: int) -> None:
    """One reply; or none and a person is told, where the process died while the mail was on the wire.

    A server has the transaction open still: it is rolled back there and its locks are let go.
    """
    prepare(tmp_path, flow)
    died = live(nursery, tmp_path, kill=f"{when}:{n}")
    assert died.code == -signal.SIGKILL
    went_on = live(nursery, tmp_path, hours=2)
    assert went_on.code == 0
    accepted = {one["accepted"] for one in [*died.said, *went_on.said] if "accepted" in one}
    assert len(accepted) == 1, "the peer was told of one mail, and it is one mail"
    end = went_on.said[-1]
    assert end["status"] in {"answered", "in_doubt"}
    assert end["replies"] == 1 if end["status"] == "answered" else end["replies"] <= 1
