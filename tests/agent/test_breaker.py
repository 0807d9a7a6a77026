"""The breaker: too many bounces or complaints, and nothing leaves any more that nobody saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent import approval, breaker
from agent.breaker import Seen, next_move, too_much
from agent.config import Config
from agent.reported import reported
from agent.reputation_settings import ReputationSettings
from agent.retention import prune
from agent.states import MailStatus
from agent.store import deliveries, reputation, trail
from agent.store.reputation import Breaker
from agent.store.reputation_tables import report as report_table
from inbound.contracts import DeliveryEvent
from tests.agent.postroom import HOURS, START, House, configuration, house
from tests.agent.test_delivery import Told
from tests.agent.test_suppression import report, return_path

SETTINGS = ReputationSettings()


@pytest.mark.parametrize(
    ("seen", "opens"),
    [
        (Seen(left=0, bounced=0, complained=0), False),
        (Seen(left=40, bounced=2, complained=0), False),
        (Seen(left=60, bounced=3, complained=0), True),
        (Seen(left=61, bounced=3, complained=0), False),
        (Seen(left=1000, bounced=0, complained=2), False),
        (Seen(left=1000, bounced=0, complained=3), True),
        (Seen(left=1001, bounced=0, complained=3), False),
        (Seen(left=1, bounced=3, complained=0), True),
    ],
)
def test_it_opens_at_a_share_and_a_least_number(seen: Seen, *, opens: bool) -> None:
    """Five of a hundred bounced, three of a thousand called it spam, three at least."""
    assert bool(too_much(seen, SETTINGS)) is opens


def test_a_rate_of_0_never_opens_it() -> None:
    """Whatever comes back."""
    never = ReputationSettings(breaker_bounce_rate=0, breaker_complaint_rate=0)
    assert too_much(Seen(left=10, bounced=10, complained=10), never) == ""


@pytest.mark.parametrize(
    ("state", "hours", "of_trial", "target"),
    [
        ("open", 11.9, 0, None),
        ("open", 12, 0, "half_open"),
        ("half_open", 11.9, 0, None),
        ("half_open", 12, 0, "closed"),
        ("half_open", 1, 1, "open"),
        ("half_open", 13, 1, "open"),
        ("closed", 100, 0, None),
    ],
)
def test_it_rests_tries_and_closes(state: str, hours: float, of_trial: int, target: str | None) -> None:
    """Each move by time or by what came back of the trial."""
    from datetime import timedelta

    known = Breaker(state, START, "postroom", "x")
    move = next_move(known, Seen(10, 0, 0, of_trial), SETTINGS, START + timedelta(hours=hours))
    assert (move[1] if move else None) == target


def touchy(folder: Path) -> Config:
    return configuration(folder, reputation={"breaker_at_least": 2, "breaker_trial": 2, "warmup_first_day": 0})


async def answered(home: House, n: int) -> str:
    mail_id = await home.receive(HOURS, author=f"p{n}@customer.example")
    await home.settle()
    return mail_id


async def bounced(home: House, mail_id: str, kind: str = "bounced") -> None:
    async with home.parts.database.read() as tx:
        (sent,) = await deliveries.of_mail(tx, mail_id)
    event = DeliveryEvent.model_validate(
        {"kind": kind, "recipient": sent.recipient, "permanent": True, "original_message_id": sent.message_id}
    )
    await reported(home.parts, [event])


async def state(home: House) -> str:
    async with home.parts.database.read() as tx:
        known = await reputation.get_breaker(tx, "test")
    return known.state if known else "closed"


@pytest.mark.usefixtures("both_databases")
async def test_from_its_opening_to_its_closing(tmp_path: Path) -> None:
    """Over restarts: what was on its way waits for a person, who may send it; a trial closes it or opens it again."""
    courier: Any = Told()
    async with house(tmp_path, courier=courier, config=touchy(tmp_path)) as home:
        first, second = await answered(home, 1), await answered(home, 2)
        await bounced(home, first)
        await bounced(home, first)
        assert await state(home) == "closed", "the same delivery counts once"
        on_its_way = await home.receive(HOURS, author="p3@customer.example")
        await home.service.triager.drain()
        await home.service.runner.drain()
        await bounced(home, second, "complained")
        assert await state(home) == "closed", "one of each kind are not two of one"
        third = await home.receive(HOURS, author="p4@customer.example")
        await home.service.triager.drain()
        await home.service.runner.drain()
        await bounced(home, second)
        assert await state(home) == "open"
        await home.settle()
        assert len(courier.given) == 2
    async with house(tmp_path, courier=courier, config=touchy(tmp_path)) as home:
        home.sent = 20
        for mail_id in (on_its_way, third, await answered(home, 5)):
            draft = await home.waiting(mail_id)
            assert "2 of 4 replies bounced" in "; ".join(draft.reasons)
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await home.settle()
        assert len(courier.given) == 3, "what a person approves leaves"
        home.clock.advance(hours=12)
        assert await breaker.look(home.parts) == "half_open"
        tried = [await answered(home, n) for n in (6, 7, 8)]
        assert len(courier.given) == 5
        assert "2 have tried" in "; ".join((await home.waiting(tried[2])).reasons)
        await bounced(home, tried[0])
        assert await state(home) == "open"
        home.clock.advance(hours=12)
        assert await breaker.look(home.parts) == "half_open"
        assert await breaker.look(home.parts) == ""
        home.clock.advance(hours=12)
        assert await breaker.look(home.parts) == "closed"
        assert (await home.mail(await answered(home, 9))).status is MailStatus.ANSWERED
        async with home.parts.database.read() as tx:
            said = [one.event for one in await trail.chain_of(tx, "system") if one.event.startswith("breaker")]
        assert said == [f"breaker_{one}" for one in ("open", "half_open", "open", "half_open", "closed")]


async def test_a_person_opens_and_closes_it(tmp_path: Path) -> None:
    """What came back before it was closed does not count again."""
    async with house(tmp_path, courier=Told(), config=touchy(tmp_path)) as home:
        for n in (1, 2):
            await bounced(home, await answered(home, n))
        assert await state(home) == "open"
        home.clock.advance(minutes=1)
        assert await breaker.close(home.parts, by="ruth")
        assert not await breaker.close(home.parts, by="otto")
        assert await breaker.look(home.parts) == ""
        assert (await home.mail(await answered(home, 3))).status is MailStatus.ANSWERED
        assert await breaker.trip(home.parts, by="ruth", reason="a blocklist names us")
        assert not await breaker.trip(home.parts, by="otto", reason="again")
        waits = await answered(home, 4)
        assert "a blocklist names us" in "; ".join((await home.waiting(waits)).reasons)


async def test_bounces_that_come_as_mail_count_where_they_are_proven(tmp_path: Path) -> None:
    """To our signed return path; to the mailbox, by a Message-ID that everybody saw, nothing counts."""
    async with house(tmp_path, courier=Told(), config=touchy(tmp_path)) as home:
        for proven in (False, True):
            for n in (1, 2):
                mail_id = await answered(home, n + 10 * proven)
                async with home.parts.database.read() as tx:
                    (sent,) = await deliveries.of_mail(tx, mail_id)
                to = return_path(home, sent) if proven else "support@larkspur.example"
                raw = report(sent, to=to, recipient=sent.recipient).replace(b"<dsn@", f"<d{n}{proven}@".encode())
                await home.receive_raw(raw, mail_from="", to=(to,))
            await home.settle()
            assert await state(home) == ("open" if proven else "closed")


async def test_reports_are_forgotten_when_no_window_reaches_them(tmp_path: Path) -> None:
    """After two months."""
    async with house(tmp_path, courier=Told(), config=touchy(tmp_path)) as home:
        await bounced(home, await answered(home, 1))
        for days, left in ((59, 1), (2, 0)):
            home.clock.advance(days=days)
            await prune(home.parts)
            async with home.parts.database.read() as tx:
                assert len((await tx.execute(report_table.select())).all()) == left
