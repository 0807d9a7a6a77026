"""Every fail point of the program is killed at, before and after, and goes on: each transaction, each call out.

They are found in the code (`tests.agent.failpoints`): a new one without a way that is killed there fails here. Whatever
the moment: the mail ends where it ends without a death, answered as often as it should be, no tool's answer and no
draft is there twice, no run is left behind. On both databases.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from tests.agent import flows
from tests.agent.failpoints import modules, sites, unseen
from tests.agent.nursery import Life, Nursery
from tests.agent.stores import Stores
from tests.agent.ways import WAYS

TWICE = {"agent/triage.py _start 1", "agent/delivery.py StoredOutbox._finish 1", "agent/people.py settle 1"}
"""Where the second passing is another matter: the next mail of a conversation, the next attempt, a colleague's link."""


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("letters")
    flows.prepare(folder)
    return folder


@pytest.mark.parametrize("name", WAYS)
def test_killed_at_its_own_fail_points_it_goes_on(
    tmp_path: Path, letters: Path, nursery: Nursery, both_databases: Stores, name: str
) -> None:
    """Those that set this way apart; on the two plain ways a process is killed at every commit (test_kill)."""
    way = WAYS[name]

    def live(folder: Path, hours: int = 0, kill: str = "") -> Life:
        return nursery.live("doomed", folder, hours, name, kill, store=both_databases.url(folder))

    def ends_well(life: Life) -> bool:
        end = life.said[-1]
        return (life.code, end["left"], end["status"], end["replies"]) == (0, [], way.ends, way.replies)

    whole = live(shutil.copytree(letters, tmp_path / "whole"))
    assert ends_well(whole), whole.output[-2000:]
    passed = whole.said[-1]["passed"]
    assert way.own <= passed.keys()
    for place in sorted(way.own):
        for n in range(1, min(2 if place in TWICE else 1, passed[place]) + 1):
            for when in ("before", "after"):
                point = f"{when}:{place}:{n}"
                folder = shutil.copytree(letters, tmp_path / point.replace("/", "-"))
                assert live(folder, kill=point).code == -signal.SIGKILL, point
                after = live(folder, hours=2)
                assert ends_well(after), f"{point}: {after.output[-2000:]}"


def test_every_fail_point_has_a_way_that_is_killed_there() -> None:
    """Found in the code and named for a way; none is named that is gone."""
    assert set(sites().values()) == {place for way in WAYS.values() for place in way.own}


def test_nothing_reaches_out_but_at_a_fail_point() -> None:
    """A module that uses the network in a way that is not known as a call out fails here."""
    assert {name: found for name, source in modules() if (found := unseen(name, source))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import httpx2\n",
        "async def ask():\n    import aiosmtplib\n",
        "import asyncio\nasyncio.open_connection('a', 1)\n",
    ],
)
def test_a_new_way_out_would_be_seen(source: str) -> None:
    assert unseen("agent/weather.py", source)
