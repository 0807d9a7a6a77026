"""Guarantee 13: caps on replies hold over restarts; over a cap a person looks, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.states import MailStatus
from tests.agent.postroom import HOURS, SALES, SUPPORT, configuration, house
from tests.agent.test_budget import SERVER, Costly
from tests.guarantees.attacker import Sink

FOLLOWS = {"In-Reply-To": "<n1@customer.example>", "References": "<n1@customer.example>"}
CASES: dict[str, tuple[dict[str, int], list[dict[str, object]]]] = {
    "conversation": ({"per_conversation": 2}, [{"subject": "Re: A question", "headers": FOLLOWS}] * 3),
    "sender": ({"per_sender": 2}, [{}] * 3),
    "domain": ({"per_domain": 2}, [{"author": f"p{n}@customer.example"} for n in range(3)]),
    "mailbox": ({"per_mailbox": 2}, [{"author": f"p{n}@customer.example"} for n in range(3)]),
    "total": ({"total": 2}, [{"author": f"p{n}@customer.example", "to": (SALES,)} for n in range(3)]),
}


@pytest.mark.parametrize("cap", CASES)
async def test_a_cap_holds_over_restarts_and_ends_with_a_day(tmp_path: Path, cap: str) -> None:
    """Each mail comes to a process of its own; the third waits for a person, and the next day is a new one."""
    limits, mails = CASES[cap]
    sink, config = Sink(), configuration(tmp_path, limits=limits)
    found = []
    for n, mail in enumerate(mails):
        async with house(tmp_path, courier=sink, config=config) as home:
            home.clock.advance(hours=n)
            home.sent = n
            mail_id = await home.receive(HOURS, **mail)  # type: ignore[arg-type]  # names of receive's own
            await home.settle()
            found.append((await home.mail(mail_id)).status)
    assert found == [MailStatus.ANSWERED, MailStatus.ANSWERED, MailStatus.WAITING]
    async with house(tmp_path, courier=sink, config=config) as home:
        home.clock.advance(hours=30)
        home.sent = 50
        mail_id = await home.receive(HOURS, author="new@customer.example", to=(SUPPORT,))
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
    assert len(sink.given) == 3


@pytest.mark.parametrize("scope", ["sender", "mailbox", "day"])
async def test_a_budget_of_tokens_holds_over_restarts(tmp_path: Path, scope: str) -> None:
    """The first mail uses it up; in a new process no model is called, a person has the mail; a day later it goes on."""
    config = configuration(tmp_path, model=SERVER, budget={f"tokens_per_{scope}": 2000})
    calls = []
    for hour in (0, 1, 26):
        model = Costly(extraction="{}")
        async with house(tmp_path, model=model, courier=Sink(), config=config) as home:
            home.clock.advance(hours=hour)
            home.sent = hour
            mail_id = await home.receive(HOURS)
            await home.settle()
            calls.append(len(model.requests))
            assert (await home.mail(mail_id)).status is MailStatus.PERSON
    assert calls == [2, 0, 2]
