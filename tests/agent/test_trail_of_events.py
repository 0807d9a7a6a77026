"""What the audit says of each way that a mail can take: every step has its row, in order, with who did it."""

from __future__ import annotations

from pathlib import Path

from agent import approval, switch
from agent.run import expire
from agent.store import trail
from outbound.contracts import Again, InDoubt, Never
from tests.agent.postroom import HOURS, ORDER, House, house
from tests.agent.test_delivery import Told

FOLLOWS = {"In-Reply-To": "<first@customer.example>"}
READ = [("received", "door"), ("understood", "playbook"), ("proposed", "playbook")]
LEFT = [("attempt", "sender"), ("sent", "sender"), ("run_completed", "playbook")]


async def rows(home: House, mail_id: str) -> list[tuple[str, str]]:
    async with home.parts.database.read() as tx:
        return [(entry.event, entry.actor.split()[0]) for entry in await trail.of_mail(tx, mail_id)]


async def test_sent_by_the_gate(tmp_path: Path) -> None:
    """Nobody but machines is named."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert await rows(home, mail_id) == [*READ, ("queued", "gate"), *LEFT]


async def test_approved_by_a_person(tmp_path: Path) -> None:
    """The decision has a row of its own beside the outbox's."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        draft = await home.waiting(mail_id)
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await home.settle()
        assert await rows(home, mail_id) == [*READ, ("queued", "ruth"), ("approved", "ruth"), *LEFT]


async def test_edited_and_rejected(tmp_path: Path) -> None:
    """Both versions stay, and each decision says whose it was."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        draft = await home.waiting(mail_id)
        await approval.edit(
            home.parts, draft.id, by="ruth", subject="Re: A question", plain_text="No.", seen_hash=draft.approval_hash
        )
        await approval.reject(home.parts, (await home.waiting(mail_id)).id, by="paul", reason="rude")
        await home.settle()
        assert (await rows(home, mail_id))[3:] == [
            ("edited", "ruth"),
            ("rejected", "paul"),
            ("run_completed", "playbook"),
        ]


async def test_overtaken_and_expired(tmp_path: Path) -> None:
    """A newer mail and the clock are machines' doing."""
    async with house(tmp_path) as home:
        first = await home.receive(ORDER, message_id="first@customer.example")
        await home.settle()
        second = await home.receive(ORDER, subject="Re: A question", headers=FOLLOWS)
        await home.settle()
        assert (await rows(home, first))[3:] == [("voided", "postroom"), ("run_cancelled", "postroom")]
        home.clock.advance(days=home.parts.config.worker.run_expires_days + 1)
        await expire(home.parts)
        assert (await rows(home, second))[3:] == [("run_expired", "playbook")]


async def test_deferred_refused_and_in_doubt(tmp_path: Path) -> None:
    """Each attempt and what came of it."""
    courier = Told(Again(reason="451"), Never(reason="550"), InDoubt(reason="broken"))
    async with house(tmp_path, courier=courier) as home:
        one = await home.receive(HOURS)
        await home.settle()
        home.clock.advance(hours=1)
        await home.settle()
        attempts = [event for event, _ in (await rows(home, one))[4:]]
        assert attempts == ["attempt", "deferred", "run_completed", "attempt", "failed"]
        other = await home.receive(HOURS)
        await home.settle()
        await switch.resolve(home.parts, other, "sent", by="ruth")
        assert [event for event, _ in (await rows(home, other))[4:]] == [
            "attempt",
            "in_doubt",
            "run_completed",
            "resolved",
        ]
