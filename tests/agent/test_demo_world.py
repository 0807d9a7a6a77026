"""The demo's signatures: dated as the mail is, not as the machine's clock says."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.demo_orders import ORDERS
from agent.playbook import load
from tests.agent.postroom import CUSTOMER, HOURS, house

MAIL = Path(__file__).parents[2] / "fixtures" / "mail"


@pytest.mark.parametrize("days", [-4000, -1, 0, 1, 4000])
async def test_a_signature_counts_at_the_time_that_it_was_made(tmp_path: Path, days: int) -> None:
    """Whatever day the tests run: a clock that stands still is years away from the machine's one day."""
    async with house(tmp_path) as home:
        home.clock.advance(days=days)
        mail_id = await home.receive(HOURS)
        await home.settle()
        mail = await home.mail(mail_id)
    assert mail.authenticated == CUSTOMER


def test_every_answer_of_the_shop_fits_its_place() -> None:
    """A status that the entry's pattern refuses would stay a gap, and nobody would see why."""
    entry = load(MAIL.parent / "playbook").entry("order-status")
    assert entry is not None
    assert [number for number, order in ORDERS.items() if not entry.variables["status"].accepts(order["status"])] == []
