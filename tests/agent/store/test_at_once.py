"""Two processes do it at once: what one writer gave for nothing holds on PostgreSQL too, and on one SQLite file.

Each has connections of its own. Every case is tried several times, because a race that is lost once is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent import approval, closing, switch
from agent.approval import Decided
from agent.roles import Role
from agent.serve import Service, assemble
from agent.states import DraftState, MailStatus
from agent.store import deliveries, locks
from agent.story import tell
from outbound.couriers.registry import open_courier
from tests.agent.postroom import HOURS, ORDER, SALES, SUPPORT, House, configuration, house
from tests.agent.stores import STORES

pytestmark = pytest.mark.usefixtures("both_databases")
ROUNDS = 4


@asynccontextmanager
async def beside(home: House, folder: Path) -> AsyncIterator[Service]:
    """The same Postroom in what could be another process: its own connections."""
    database = STORES.open(folder)
    try:
        yield assemble(
            replace(home.parts, database=database),
            open_courier(home.parts.config.courier),
            frozenset({Role.WORKER, Role.SENDER}),
        )
    finally:
        await database.close()


async def sound(home: House, *mail_ids: str) -> None:
    """No chain of the audit was torn by two who wrote it at once."""
    async with home.parts.database.read() as tx:
        for mail_id in mail_ids:
            story = await tell(tx, home.parts.audit, mail_id)
            assert story is not None
            assert story.broken == ""


async def test_the_first_decision_wins(tmp_path: Path) -> None:
    """Of approve, approve and reject at once one stands, with at most one delivery."""
    async with house(tmp_path) as home, beside(home, tmp_path) as other:
        for n in range(ROUNDS):
            mail_id = await home.receive(ORDER, author=f"a{n}@customer.example")
            await home.settle()
            draft = await home.waiting(mail_id)
            seen = draft.approval_hash
            done = await asyncio.gather(
                approval.reject(home.parts, draft.id, by="otto", reason="no"),
                approval.edit(
                    other.parts, draft.id, by="ruth", subject="Re: A question", plain_text="Soon.", seen_hash=seen
                ),
                approval.edit(
                    home.parts, draft.id, by="eva", subject="Re: A question", plain_text="Later.", seen_hash=seen
                ),
            )
            assert sum(isinstance(one, Decided) for one in done) == 1
            waiting = [one for one in await home.drafts(mail_id) if one.state is DraftState.WAITING]
            if waiting:
                (draft,) = waiting
                approved = await asyncio.gather(
                    *(
                        approval.approve(parts, draft.id, by=by, seen_hash=draft.approval_hash)
                        for parts, by in ((home.parts, "ruth"), (other.parts, "otto"))
                    )
                )
                assert sum(isinstance(one, Decided) for one in approved) == 1
                async with home.parts.database.read() as tx:
                    assert len(await deliveries.of_mail(tx, mail_id)) == 1
            await sound(home, mail_id)


async def test_a_cap_is_over_all_processes(tmp_path: Path) -> None:
    """One reply a day to a sender: of two that are decided at once one waits for a person."""
    config = configuration(tmp_path, limits={"per_sender": 1})
    async with house(tmp_path, config=config) as home, beside(home, tmp_path) as other:
        for n in range(ROUNDS):
            author = f"a{n}@customer.example"
            ids = [await home.receive(HOURS, author=author) for _ in range(2)]
            await home.service.triager.drain()
            await asyncio.gather(home.service.runner.drain(), other.runner.drain())
            unseen = [one for mail_id in ids for one in await home.drafts(mail_id) if one.state is DraftState.UNSEEN]
            assert len(unseen) == 1


async def test_copies_through_two_mailboxes_get_one_reply(tmp_path: Path) -> None:
    """Read at once by two processes, one of them holds the claim."""
    async with house(tmp_path) as home, beside(home, tmp_path) as other:
        for n in range(ROUNDS):
            given = {"author": f"a{n}@customer.example", "message_id": f"same{n}@customer.example"}
            ids = [
                await home.receive(HOURS, to=(to,), headers={"To": SUPPORT}, **given)  # type: ignore[arg-type]  # texts alone
                for to in (SUPPORT, SALES)
            ]
            await asyncio.gather(home.service.triager.drain(), other.triager.drain())
            await home.settle()
            assert len(home.replies()) == n + 1
            assert sorted([(await home.mail(one)).status for one in ids]) == [MailStatus.ANSWERED, MailStatus.DUPLICATE]


async def test_mails_of_one_author_meet_in_one_conversation(tmp_path: Path) -> None:
    """Two replies with one subject, read at once, start one conversation and not two; the older one is taken along."""
    async with house(tmp_path) as home, beside(home, tmp_path) as other:
        for n in range(ROUNDS):
            author = f"a{n}@customer.example"
            ids = [await home.receive(ORDER, author=author, subject="Re: My order") for _ in range(2)]
            await asyncio.gather(home.service.triager.drain(), other.triager.drain())
            await home.settle()
            found = [await home.mail(one) for one in ids]
            assert len({one.conversation_id for one in found}) == 1
            assert sorted(one.status for one in found) == [MailStatus.JOINED, MailStatus.WAITING]
            await sound(home, *ids)


async def test_a_newer_mail_and_an_approval_do_not_pass_each_other(tmp_path: Path) -> None:
    """Whoever is first, nothing leaves for a conversation that has gone on."""
    async with house(tmp_path) as home, beside(home, tmp_path) as other:
        for n in range(ROUNDS):
            author, first_id = f"a{n}@customer.example", f"first{n}@customer.example"
            first = await home.receive(HOURS, author=author, message_id=first_id, headers={"Sensitivity": "x"})
            await home.service.triager.drain()
            await home.service.runner.drain()
            second = await home.receive(
                ORDER, author=author, subject="Re: A question", headers={"In-Reply-To": f"<{first_id}>"}
            )
            before = len(home.replies())
            await asyncio.gather(home.service.triager.drain(), other_send(other, home))
            await home.settle()
            left = len(home.replies()) - before
            status = (await home.mail(first)).status
            assert (left, status) in {(0, MailStatus.JOINED), (1, MailStatus.ANSWERED)}
            assert (await home.mail(second)).status is MailStatus.WAITING
            await sound(home, first, second)


async def other_send(other: Service, home: House) -> None:
    from outbound.sender import send_due

    while await send_due(other.outbox, other.courier, home.clock, key=home.parts.keys.seal):
        pass


async def test_a_mail_is_closed_or_read_but_not_both(tmp_path: Path) -> None:
    """A person closes what triage is just reading: closed, and without an open run, or taken further by triage."""
    async with house(tmp_path) as home, beside(home, tmp_path) as other:
        for n in range(ROUNDS):
            mail_id = await home.receive(ORDER, author=f"a{n}@customer.example")
            await asyncio.gather(
                home.service.triager.drain(), closing.close(other.parts, mail_id, by="ruth", reason="by phone")
            )
            await home.settle()
            assert (await home.mail(mail_id)).status in {MailStatus.CLOSED, MailStatus.WAITING}
            waiting = [one for one in await home.drafts(mail_id) if one.state is DraftState.WAITING]
            assert bool(waiting) == ((await home.mail(mail_id)).status is MailStatus.WAITING)
            await sound(home, mail_id)


async def test_a_pause_waits_for_an_attempt_that_is_being_committed(tmp_path: Path) -> None:
    """When `pause` says it is done, no attempt begins that did not see it."""
    async with house(tmp_path) as home, beside(home, tmp_path) as other:
        async with other.parts.database.write() as tx:
            await locks.switch(tx, turning=False)
            pausing = asyncio.create_task(switch.pause(home.parts, "", by="ruth"))
            await asyncio.wait([pausing], timeout=0.2)
            assert not pausing.done()
        assert await pausing
