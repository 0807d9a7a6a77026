"""The numbers page, over real HTTP: what is counted, and as CSV."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import update

from agent.states import DraftState
from agent.store import deliveries, reputation
from agent.store.figures import DAY, Day
from agent.store.outcomes import banded
from agent.store.people import PersonRole
from agent.store.tables import model_call
from agent.web.numbers import COLUMNS, HEIGHT, bars, row_of, tiles
from tests.agent.desk_visitor import Visitor, visiting
from tests.agent.newcomers import browser_of, person
from tests.agent.postroom import HOURS, SALES, START, SUPPORT

pytestmark = pytest.mark.usefixtures("both_databases")


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(tmp_path) as one:
        yield one


async def days(visitor: Visitor, **asked: str) -> list[dict[str, str]]:
    answer = await visitor.client.get("/numbers.csv", params={"days": "7", **asked})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"].startswith("attachment")
    return list(csv.DictReader(answer.text.splitlines()))


async def test_each_day_counts_its_own(visitor: Visitor) -> None:
    """One answered unseen yesterday; today one edited and approved, and one that waits."""
    await visitor.home.receive(HOURS)
    await visitor.home.settle()
    visitor.home.clock.advance(days=1)
    await visitor.enter()
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


async def test_each_mailbox_has_its_own_numbers(visitor: Visitor) -> None:
    """What one received, answered, was told of and spent is not the other's; together they are all."""
    sent = await visitor.home.receive(HOURS)
    for_sales = await visitor.home.receive(HOURS, to=(SALES,), signed=False)
    await visitor.home.settle()
    form = (await visitor.page(f"/mail/{for_sales}")).form("edit")
    await visitor.post(form, body="At nine.\n")
    db = visitor.home.parts.database
    async with db.write() as tx:
        (delivery,) = await deliveries.of_mail(tx, sent)
        assert await reputation.note(db, tx, "test", delivery.id, "bounced", START)
        for mail_id, number in ((sent, 30), (for_sales, 7)):
            await tx.execute(update(model_call).where(model_call.c.mail_id == mail_id).values(input_tokens=number))
    boxes = ("", SUPPORT, SALES)
    today = {box: (await days(visitor, mailbox=box))[-1] for box in boxes}
    told = {box: [today[box][name] for name in ("received", "answered_unseen", "edited", "sent")] for box in boxes}
    assert told == {"": ["2", "1", "1", "1"], SUPPORT: ["1", "1", "0", "1"], SALES: ["1", "0", "1", "0"]}
    tokens = {box: int(today[box]["input_tokens"]) for box in boxes}
    assert tokens[""] == tokens[SUPPORT] + tokens[SALES]
    assert tokens[SUPPORT] % 30 == tokens[SALES] % 7 == 0 < tokens[SALES]
    pages = {box: " ".join((await visitor.page(f"/numbers?mailbox={box}")).text.split()) for box in boxes}
    assert [box for box in boxes if "100.0 % of 1 sent" in pages[box]] == ["", SUPPORT]
    assert [box for box in boxes if "90 % to 95 %" in pages[box] and "Mailbox by mailbox" in pages[box]] == [""]
    assert f"{SUPPORT}110<1min-0{SALES}101-100.0%1" in pages[""].replace(" ", "")
    await visitor.page("/numbers?mailbox=nobody@shop.example", status=404)


async def test_who_has_one_mailbox_sees_its_numbers_alone(visitor: Visitor) -> None:
    """Their page is of it without asking; neither the other one nor the sum is theirs."""
    await visitor.home.receive(HOURS)
    await visitor.home.settle()
    async with browser_of(visitor, await person(visitor, "vera", PersonRole.VIEWER, SALES)) as at:
        page = await at.page("/numbers")
        assert (SALES in page.text, SUPPORT in page.text) == (True, False)
        assert [one["received"] for one in await days(at)] == ["0"] * 7
        for mailbox, path in product(("", SUPPORT, "nobody@shop.example"), ("/numbers", "/numbers.csv")):
            assert (await at.client.get(path, params={"mailbox": mailbox})).status_code == 404


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


async def test_the_score_is_held_against_outcomes(visitor: Visitor) -> None:
    """A reply that should not have been sent counts where its confidence was; so do rates and the last mail."""
    sent = await visitor.home.receive(HOURS)
    await visitor.home.settle()
    await visitor.post((await visitor.page(f"/mail/{sent}")).form("wrong"), reason="closed that day")
    text = " ".join((await visitor.page("/numbers")).text.split())
    assert "95 % to 100 %0001" in text
    assert "0.0 % of 1 sent" in text
    assert "The last mail came 2026-11-20" in text
    assert "No canary watches a door" in text


def test_bands_hold_every_confidence_once() -> None:
    """From nothing to sure, edges included; a verdict beats what the gate or a person let go."""
    found = [
        (DraftState.UNSEEN, 1.0, None),
        (DraftState.APPROVED, 0.95, 1),
        (DraftState.UNSEEN, 0.949, 0),
        (DraftState.EDITED, 0.5, None),
        (DraftState.REJECTED, 0.0, None),
    ]
    bands = banded(found)
    assert sum(band.total for band in bands) == len(found)
    told = [(band.low, band.right, band.edited, band.rejected, band.wrong) for band in bands if band.total]
    assert told == [(0.0, 0, 0, 1, 0), (0.5, 0, 1, 0, 0), (0.9, 0, 0, 0, 1), (0.95, 2, 0, 0, 0)]


def test_rates_are_of_what_they_say() -> None:
    """Bounces and complaints of what was sent; nothing is divided by nothing."""
    day = Day(START, received=10, unseen=4, approved=3, edited=1, seconds=[60.0, 600.0, 7200.0, 90_000.0])
    told = {title: figure for title, figure, _ in tiles([day], {"bounced": 1, "complained": 2}, 0.5)}
    assert (told["Bounced"], told["Complained of"], told["Edited"]) == ("25.0 %", "50.0 %", "25.0 %")
    assert (told["Time to an answer"], told["Models"]) == ("2.0 h", "0.50")
    assert {figure for _, figure, _ in tiles([Day(START)], {}, 0.0)} == {"0", "-", "0.00"}
