"""Marked mail that has to come in again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from starlette.requests import Request

from agent import canary, noticing
from agent.config import Config
from agent.states import NoticeState
from agent.store import notices as store
from agent.web.metrics import Metrics
from outbound.contracts import Again, ApprovedEmail
from tests.agent.postroom import SALES, SUPPORT, House, configuration, house
from tests.agent.test_notices import TEAM, Kept

LEASE = timedelta(minutes=5)


def sung(folder: Path, **changes: object) -> Config:
    return configuration(
        folder,
        canary=[{"to": SUPPORT, "every_minutes": 60, "silent_minutes": 30, **changes}],
        notices={"team": [TEAM], "digest_hour": -1},
    )


async def minutes(home: House, courier: Kept, count: int, *, arrives: bool) -> None:
    """What the service does each minute; the world outside brings canaries back, or does not."""
    for _ in range(count):
        await canary.watch(home.parts)
        taken = len(courier.mails)
        while await noticing.send(home.parts, courier, LEASE):
            pass
        if arrives:
            for email in courier.mails[taken:]:
                await back(home, email)
        home.clock.advance(minutes=1)


async def back(home: House, email: ApprovedEmail) -> None:
    if email.recipient == SUPPORT:
        received = b"Received: from smarthost.example by mx.example; Fri, 20 Nov 2026 12:00:00 +0000\r\n"
        await home.receive_raw(received + email.raw, mail_from=email.return_path)
        await home.settle()


async def test_one_an_interval_comes_in_and_nobody_is_told(tmp_path: Path) -> None:
    """It is recorded, starts no run and is answered by nobody."""
    courier = Kept()
    async with house(tmp_path, config=sung(tmp_path)) as home:
        await minutes(home, courier, 180, arrives=True)
        assert [one.recipient for one in courier.mails] == [SUPPORT] * 3
        (state,) = await canary.states(home.parts)
        assert state.silent == ()
        assert state.last is not None
        assert state.last.state is NoticeState.ARRIVED
        assert home.replies() == []


async def test_a_silent_door_is_told_once(tmp_path: Path) -> None:
    """After its time, once for as long as it lasts; told of by the command too."""
    courier = Kept()
    async with house(tmp_path, config=sung(tmp_path)) as home:
        await minutes(home, courier, 30, arrives=False)
        assert [one.recipient for one in courier.mails] == [SUPPORT]
        await minutes(home, courier, 300, arrives=False)
        told = [one for one in courier.read() if one["To"] == TEAM]
        assert [one["Subject"] for one in told] == ["[Postroom] no mail seems to come in by smtp"]
        (state,) = await canary.states(home.parts)
        assert len(state.silent) == 6


async def test_a_silent_door_is_in_the_log_and_in_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever watches the one or the other: an error, and a gauge that is back at 0 when one comes in."""
    told: list[tuple[str, object]] = []
    monkeypatch.setattr(canary.log, "error", lambda event, **more: told.append((event, more["door"])))
    courier = Kept()
    async with house(tmp_path, config=sung(tmp_path)) as home:

        async def gauge() -> str:
            shown = await Metrics(home.parts).show(Request({"type": "http"}))
            lines = bytes(shown.body).decode().splitlines()
            return next(one for one in lines if one.startswith("postroom_canary_silent"))

        await minutes(home, courier, 29, arrives=False)
        assert (told, await gauge()) == ([], 'postroom_canary_silent{door="smtp"} 0')
        await minutes(home, courier, 10, arrives=False)
        assert (told, await gauge()) == ([("canary.silent", "smtp")], 'postroom_canary_silent{door="smtp"} 1')
        await minutes(home, courier, 40, arrives=True)
        assert await gauge() == 'postroom_canary_silent{door="smtp"} 0'


async def test_a_door_that_is_silent_again_is_told_again(tmp_path: Path) -> None:
    """What came in between ended the first alarm."""
    courier = Kept()
    async with house(tmp_path, config=sung(tmp_path)) as home:
        await minutes(home, courier, 90, arrives=False)
        await minutes(home, courier, 60, arrives=True)
        assert (await canary.states(home.parts))[0].silent == ()
        await minutes(home, courier, 120, arrives=False)
        assert len([one for one in courier.mails if one.recipient == TEAM]) == 2


async def test_it_counts_by_its_own_door_alone(tmp_path: Path) -> None:
    """Mail that still comes in by another way does not prove the provider's."""
    config = configuration(
        tmp_path,
        webhooks={"port": 0},
        webhook=[{"provider": "postmark", "secret": "a secret of some length"}],
        canary=[{"to": SUPPORT, "door": "webhook:postmark"}],
    )
    courier = Kept()
    async with house(tmp_path, config=config) as home:
        await minutes(home, courier, 40, arrives=True)
        (state,) = await canary.states(home.parts)
        assert len(state.silent) == 1


async def test_a_forged_one_proves_nothing(tmp_path: Path) -> None:
    """Without our key nobody makes a Message-ID that counts."""
    courier = Kept()
    async with house(tmp_path, config=sung(tmp_path)) as home:
        await minutes(home, courier, 1, arrives=False)
        (email,) = courier.mails
        forged = email.raw.replace(email.message_id[:10].encode(), b"p" + b"a" * 9)
        assert forged != email.raw
        await home.receive_raw(forged, mail_from=SUPPORT)
        await home.settle()
        assert (await canary.states(home.parts))[0].heard is None


async def test_one_that_could_not_leave_is_silent_too(tmp_path: Path) -> None:
    """The alarm says that it is the sending."""
    courier = Kept(*[Again(reason="450 not now")] * 20)
    async with house(tmp_path, config=sung(tmp_path)) as home:
        await minutes(home, courier, 40, arrives=False)
        async with home.parts.database.read() as tx:
            (found,) = await store.last(tx, "notice")
        assert "has not left Postroom yet (450 not now)" in found.body


@pytest.mark.parametrize(
    "one", [{"to": "eve@evil.example"}, {"to": SALES, "door": "webhook:postmark"}, {"to": SALES, "door": "pigeon"}]
)
def test_a_canary_that_cannot_arrive_is_refused(tmp_path: Path, one: dict[str, object]) -> None:
    """To no mailbox of ours, or by a door that there is not."""
    with pytest.raises(ValidationError):
        configuration(tmp_path, canary=[one])
