"""The numbers page, over real HTTP: what is counted, and as CSV."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.store.figures import DAY, Day
from agent.web.numbers import COLUMNS, HEIGHT, bars, row_of
from tests.agent.desk_visitor import Visitor, visiting
from tests.agent.postroom import HOURS, START

pytestmark = pytest.mark.usefixtures("both_databases")


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(tmp_path) as one:
        yield one


async def days(visitor: Visitor) -> list[dict[str, str]]:
    answer = await visitor.client.get("/numbers.csv", params={"days": "7"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"].startswith("attachment")
    return list(csv.DictReader(answer.text.splitlines()))


async def test_each_day_counts_its_own(visitor: Visitor) -> None:
    """One answered unseen yesterday; today one edited and approved, and one that waits."""
    await visitor.home.receive(HOURS)
    await visitor.home.settle()
    visitor.home.clock.advance(days=1)
    first = await visitor.drafted()
    await visitor.post((await visitor.page(f"/mail/{first}")).form("edit"), body="At nine.\n")
    await visitor.post((await visitor.page(f"/mail/{first}")).form("approve"))
    await visitor.drafted()
    visitor.home.clock.advance(minutes=30)
    await visitor.home.settle()
    found = await days(visitor)
    assert len(found) == 7
    names = ("received", "answered_unseen", "approved", "edited")
    assert [found[-2][name] for name in names] == ["1", "1", "0", "0"]
    assert [found[-1][name] for name in names] == ["2", "0", "1", "1"]
    assert found[-1]["edit_rate"] == "0.500"
    assert found[-3]["median_minutes_to_answer"] == ""
    page = await visitor.page("/numbers?days=30")
    assert "2 received, 0 answered unseen" in page.text
    await visitor.page("/numbers?days=5000", status=404)


async def test_a_stranger_sees_no_numbers(tmp_path: Path) -> None:
    """Neither the page nor the file."""
    async with visiting(tmp_path, inside=False) as stranger:
        for path in ("/numbers", "/numbers.csv", "/search?q=a"):
            assert (await stranger.client.get(path)).status_code == 401


def test_a_row_has_its_columns() -> None:
    """What is not known is empty, and no cell is a formula."""
    row = row_of(Day(START))
    assert len(row) == len(COLUMNS)
    assert all(cell == "" or cell[0].isdigit() for cell in row)


def test_the_highest_bar_is_as_high_as_the_drawing() -> None:
    """And a day with nothing has none."""
    drawn = bars([Day(START, received=4, unseen=2), Day(START + DAY)])
    assert [(one["received"], one["unseen"]) for one in drawn] == [(HEIGHT, HEIGHT / 2), (0, 0)]
