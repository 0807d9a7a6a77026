"""Rates and warm-up: what is over them waits, over restarts too, and people are told what for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent import approval
from agent.buckets import SCOPES, Bucket
from agent.config import Config
from agent.reputation_settings import ReputationSettings
from agent.retention import prune
from agent.standing import ceiling
from agent.states import MailStatus
from agent.store import deliveries, reputation, trail
from agent.store.reputation_tables import bucket
from tests.agent.postroom import HOURS, SALES, SUPPORT, House, configuration, house
from tests.agent.stores import Stores
from tests.agent.test_delivery import Told

pytestmark = pytest.mark.usefixtures("both_databases")

OFF: dict[str, float] = {**{f"{scope}_per_hour": 0.0 for scope in SCOPES}, "warmup_first_day": 0}


def limited(folder: Path, **changes: float) -> Config:
    """Nothing limits but what is named."""
    return configuration(folder, reputation=OFF | changes)


async def mail_of(home: House, n: int, **changes: Any) -> str:
    return await home.receive(HOURS, **({"author": f"p{n}@customer.example"} | changes))


CASES: dict[str, list[dict[str, Any]]] = {
    "domain": [{"to": (SUPPORT,)}, {"to": (SALES,)}, {"to": (SUPPORT,)}],
    "sender": [{"author": "ann@customer.example"}] * 3,
    "mailbox": [{}] * 3,
    "tenant": [{"to": (SUPPORT,)}, {"to": (SALES,)}, {"to": (SUPPORT,)}],
    "total": [{"to": (SUPPORT,)}, {"to": (SALES,)}, {"to": (SUPPORT,)}],
}


@pytest.mark.parametrize(
    ("both_databases", "scope"),
    [*(("sqlite", scope) for scope in SCOPES), ("postgresql", "domain")],
    indirect=["both_databases"],
)
async def test_a_rate_holds_over_restarts_and_says_which_it_is(tmp_path: Path, scope: str) -> None:
    """Two at once, the third after the time of one token: by a process of its own each."""
    courier = Told()
    config = limited(tmp_path, **{f"{scope}_per_hour": 4, f"{scope}_burst": 2})
    for n, mail in enumerate(CASES[scope]):
        async with house(tmp_path, courier=courier, config=config) as home:
            home.sent = n
            mail_id = await mail_of(home, n, **mail)
            await home.settle()
    assert len(courier.given) == 2
    async with house(tmp_path, courier=courier, config=config) as home:
        held = await home.mail(mail_id)
        assert held.status is MailStatus.SENDING
        assert "held: the rate of replies" in held.status_reason
        async with home.parts.database.read() as tx:
            told = [(one.event, one.data.get("bucket")) for one in await trail.of_mail(tx, mail_id)]
            assert ("held", scope) in told
            assert "4 an hour, 2 at once" in (await deliveries.of_mail(tx, mail_id))[0].detail
        home.clock.advance(minutes=14, seconds=59)
        await home.settle()
        assert len(courier.given) == 2
        home.clock.advance(seconds=1)
        await home.settle()
        assert len(courier.given) == 3
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED


async def test_what_waits_for_room_is_told_of_once(tmp_path: Path) -> None:
    """However often it is looked at until then."""
    async with house(tmp_path, courier=Told(), config=limited(tmp_path, mailbox_per_hour=1, mailbox_burst=1)) as home:
        ids = [await mail_of(home, n) for n in range(4)]
        await home.settle()
        for _ in range(3):
            home.clock.advance(hours=1)
            await home.settle()
        async with home.parts.database.read() as tx:
            held = [[one.event for one in await trail.of_mail(tx, one)].count("held") for one in ids]
        assert sorted(held) == [0, 1, 1, 1]
        assert [(await home.mail(one)).status for one in ids] == [MailStatus.ANSWERED] * 4


async def test_one_full_bucket_holds_nobody_else_back(tmp_path: Path) -> None:
    """The next one due goes to another domain, and leaves in the same round."""
    courier = Told()
    async with house(tmp_path, courier=courier, config=limited(tmp_path, sender_per_hour=1, sender_burst=1)) as home:
        for n in (0, 0, 1):
            await mail_of(home, n)
        await home.service.triager.drain()
        await home.service.runner.drain()
        while await home.send():
            pass
        assert sorted(one.recipient for one in courier.given) == ["p0@customer.example", "p1@customer.example"]


async def test_two_at_once_do_not_take_the_last_token(tmp_path: Path, both_databases: Stores) -> None:
    """Transactions at the same time, one token: one gets it, whichever database it is."""
    async with house(tmp_path) as home:
        database = home.parts.database
        wanted = [Bucket("total", "", 1, 1), Bucket("mailbox", SUPPORT, 1, 1)]

        async def take() -> bool:
            async with database.write() as tx:
                return await reputation.take(database, tx, wanted, home.clock()) is None

        assert sum(await asyncio.gather(*(take() for _ in range(8)))) == 1
    assert both_databases.kind in {"sqlite", "postgresql"}


async def test_a_full_bucket_is_forgotten(tmp_path: Path) -> None:
    """One that is not there is full too: nothing of a correspondent stays."""
    async with house(tmp_path, courier=Told()) as home:
        await mail_of(home, 1)
        await home.settle()
        home.clock.advance(hours=2)
        await prune(home.parts)
        async with home.parts.database.read() as tx:
            assert (await tx.execute(bucket.select())).all() == []


async def test_what_a_person_approved_leaves_before_what_nobody_saw(tmp_path: Path) -> None:
    """Though it was decided last."""
    courier = Told()
    async with house(tmp_path, courier=courier, config=limited(tmp_path)) as home:
        waiting = await mail_of(home, 0, signed=False)
        for n in range(1, 4):
            await mail_of(home, n)
        await home.service.triager.drain()
        await home.service.runner.drain()
        home.clock.advance(minutes=1)
        draft = await home.waiting(waiting)
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await home.settle()
        assert [one.way for one in courier.given] == ["approved", "unseen", "unseen", "unseen"]


@pytest.mark.parametrize(
    ("day", "most"), [(0, 50), (1, 100), (2, 200), (6, 3200), (13, 409_600), (14, None), (400, None), (-1, None)]
)
def test_a_new_domain_may_send_more_each_day(day: int, most: int | None) -> None:
    """As the defaults have it."""
    assert ceiling(ReputationSettings(), day) == most


async def test_over_its_ceiling_a_new_domain_sends_nothing_unseen(tmp_path: Path) -> None:
    """One on the first day, two on the second, over restarts; what is over it waits for a person, who may send it."""
    courier = Told()
    config = limited(tmp_path, warmup_first_day=1, warmup_days=2)
    async with house(tmp_path, courier=courier, config=config) as home:
        await mail_of(home, 1)
        await home.settle()
    assert len(courier.given) == 1
    async with house(tmp_path, courier=courier, config=config) as home:
        home.sent = 1
        over = await mail_of(home, 2, to=(SALES,))
        await home.settle()
        draft = await home.waiting(over)
        assert "larkspur.example is new here: its ceiling of 1 replies on day 1 is reached" in draft.reasons
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await home.settle()
        assert len(courier.given) == 2
        for allowed in (2, 3):
            home.clock.advance(days=1)
            before = len(courier.given)
            for n in range(3):
                await mail_of(home, 10 * allowed + n)
            await home.settle()
            assert len(courier.given) - before == allowed, "two on the second day; then it is not new any more"
