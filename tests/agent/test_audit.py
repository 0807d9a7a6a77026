"""The audit: rows that cannot be changed, taken out or moved unseen, and that hold nothing of a mail."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from agent import approval, events, switch
from agent.audit import SYSTEM, Audit
from agent.models.base import FunctionCall, Message
from agent.states import MailStatus
from agent.store import locks, trail
from agent.store.database import Database
from agent.store.trail import Entry
from agent.story import Story, tell
from outbound.contracts import ApprovedEmail, DeliveryResult, Never
from tests.agent.postroom import HOURS, SUPPORT, House, Scripted, house
from tests.agent.stores import lay

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = b"k" * 32


async def chain(folder: Path, length: int, *, name: str = "c-1") -> list[Entry]:
    """A chain as it stands in the store, oldest row first."""
    await lay(folder / "audit.db")
    database = Database.sqlite(folder / "audit.db")
    audit = Audit(KEY)
    try:
        async with database.write() as tx:
            await locks.conversation(tx, name)
            for n in range(length):
                at = NOW + timedelta(seconds=n)
                await audit.add(tx, name, f"event{n}", actor="ruth", now=at, mail_id="m-1", data={"n": n, "x": [1.5]})
        async with database.read() as tx:
            return await trail.chain_of(tx, name)
    finally:
        await database.close()


async def test_a_chain_as_it_was_written_holds(tmp_path: Path) -> None:
    """Read from the store again, numbers and instants included; an empty one holds too."""
    rows = await chain(tmp_path, 5)
    assert Audit(KEY).verify(rows) is None
    assert Audit(KEY).verify([]) is None
    assert [row.n for row in rows] == [1, 2, 3, 4, 5]


CHANGES = {
    "actor": "eve",
    "event": "approved",
    "mail_id": "m-2",
    "data": {"n": 7},
    "at": NOW,
    "mac": "0" * 64,
    "chain": "c-2",
}


@pytest.mark.parametrize("field", CHANGES)
async def test_any_change_of_a_row_is_found(tmp_path: Path, field: str) -> None:
    """Every column counts; the sentence names the row."""
    rows = await chain(tmp_path, 5)
    rows[2] = replace(rows[2], **{field: CHANGES[field]})  # type: ignore[arg-type]  # each of its own type
    assert "row 3 of chain" in str(Audit(KEY).verify(rows))
    assert set(CHANGES) | {"n"} == set(Entry.__dataclass_fields__)


@pytest.mark.parametrize("gone", [0, 1, 3])
async def test_a_row_that_was_taken_out_is_found(tmp_path: Path, gone: int) -> None:
    """The first one too; and closing the gap by numbering anew does not help."""
    rows = await chain(tmp_path, 5)
    del rows[gone]
    assert f"row {gone + 1} of chain c-1 is missing" == Audit(KEY).verify(rows)
    closed = [replace(row, n=n) for n, row in enumerate(rows, start=1)]
    assert f"row {gone + 1} of chain c-1 was changed" == Audit(KEY).verify(closed)


async def test_rows_that_changed_places_are_found(tmp_path: Path) -> None:
    """With their numbers or without."""
    rows = await chain(tmp_path, 4)
    swapped = [rows[0], rows[2], rows[1], rows[3]]
    assert Audit(KEY).verify(swapped) is not None
    assert Audit(KEY).verify([replace(row, n=n) for n, row in enumerate(swapped, start=1)]) is not None


async def test_a_row_of_another_chain_does_not_fit(tmp_path: Path) -> None:
    """A row moved with its number and MAC from one conversation to another."""
    first, second = await chain(tmp_path / "a", 2), await chain(tmp_path / "b", 2, name="c-2")
    assert Audit(KEY).verify([first[0], replace(second[1], chain="c-1")]) is not None


async def test_without_the_key_nobody_appends(tmp_path: Path) -> None:
    """A row in due form with a MAC by another key, and a whole chain by another key, are found."""
    rows = await chain(tmp_path, 3)
    other = Audit(b"o" * 32)
    forged = replace(rows[2], actor="eve")
    assert Audit(KEY).verify([*rows[:2], replace(forged, mac=other._mac(rows[1].mac, forged))]) is not None
    assert other.verify(rows) == "row 1 of chain c-1 was changed"


def test_a_digest_tells_nothing_without_the_key() -> None:
    """Keyed, so that short content cannot be guessed; text and its bytes are one; not taken for a row's MAC."""
    ours, other = Audit(KEY), Audit(b"o" * 32)
    assert ours.digest("é") == ours.digest("é".encode()) != other.digest("é")
    assert ours.digest("a") != ours.digest("b")


# On a real database ---------------------------------------------------------------------------------------------


async def story(home: House, mail_id: str) -> Story:
    async with home.parts.database.read() as tx:
        found = await tell(tx, home.parts.audit, mail_id)
    assert found is not None
    return found


def tamper(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "postroom.db")) as database:
        for statement in statements:
            assert database.execute(statement).rowcount > 0
        database.commit()


@pytest.mark.parametrize(
    "statements",
    [
        ["UPDATE audit SET data = json_set(data, '$.decision', 'allow2') WHERE event = 'proposed'"],
        ["DELETE FROM audit WHERE n = 2"],
        [
            "UPDATE audit SET n = 99 WHERE n = 2",
            "UPDATE audit SET n = 2 WHERE n = 3",
            "UPDATE audit SET n = 3 WHERE n = 99",
        ],
        ["UPDATE audit SET mail_id = '' WHERE n = 2"],
        ["DELETE FROM audit"],
    ],
    ids=["changed", "removed", "swapped", "hidden", "emptied"],
)
async def test_the_story_says_what_was_done_to_the_audit(tmp_path: Path, statements: list[str]) -> None:
    """By somebody who can write to the database and does not have the key."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        before = await story(home, mail_id)
        assert before.broken == ""
        assert len(before.entries) >= 5
        tamper(tmp_path, *statements)
        assert (await story(home, mail_id)).broken != ""


async def test_a_decision_and_its_row_are_there_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the audit cannot be written, nothing is decided and nothing leaves."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        draft = await home.waiting(mail_id)

        async def broken(*_: object) -> None:
            raise OSError("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(trail, "append", broken)
            with pytest.raises(OSError, match="disk full"):
                await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
            with pytest.raises(OSError, match="disk full"):
                await switch.pause(home.parts, "", by="ruth")
        await home.settle()
        assert (await home.waiting(mail_id)).id == draft.id
        assert home.replies() == []
        assert await switch.resume(home.parts, "", by="ruth") is False


async def test_pauses_are_in_the_chain_of_the_house(tmp_path: Path) -> None:
    """What belongs to no conversation has a chain of its own, which verifies like any other."""
    async with house(tmp_path) as home:
        await switch.pause(home.parts, SUPPORT, by="ruth")
        await switch.resume(home.parts, SUPPORT, by="bo")
        async with home.parts.database.read() as tx:
            rows = await trail.chain_of(tx, SYSTEM)
    assert [(row.event, row.actor, row.data) for row in rows] == [
        ("paused", "ruth", {"scope": SUPPORT}),
        ("resumed", "bo", {"scope": SUPPORT}),
    ]
    assert home.parts.audit.verify(rows) is None


# Nothing of a mail ----------------------------------------------------------------------------------------------

CANARY = "canary7f3a91"


class Refusing:
    """A courier whose server repeats the recipient, as many do."""

    name = "refusing"

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        return Never(reason=f"550 <{email.recipient}>: no such user {CANARY}")

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """All that is logged, from the lowest level on."""
    events.configure("debug", "json")
    yield capsys
    structlog.reset_defaults()


def rows_of(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "postroom.db")) as database:
        return json.dumps(database.execute("SELECT * FROM audit").fetchall(), default=str)


async def worked(home: House, **more: str) -> str:
    """One mail with the canary in address, name, subject, text, Message-ID and an attachment's name."""
    mail_id = await home.receive(
        f"{HOURS} My secret is {CANARY}.",
        subject=f"About {CANARY}",
        author=f"{CANARY}@customer.example",
        message_id=f"{CANARY}@customer.example",
        **more,  # type: ignore[arg-type]  # names as texts
    )
    await home.settle()
    return mail_id


async def test_neither_audit_nor_log_holds_anything_of_a_mail(tmp_path: Path, log: pytest.CaptureFixture[str]) -> None:
    """Answered, edited, approved, rejected, refused by the server: ids, codes and digests alone."""
    async with house(tmp_path, courier=Refusing()) as home:
        await worked(home)
        for decision in ("approve", "reject"):
            mail_id = await home.receive(HOURS, author=f"{CANARY}@customer.example", signed=False)
            await home.settle()
            draft = await home.waiting(mail_id)
            await approval.edit(
                home.parts,
                draft.id,
                by="ruth",
                subject=f"Re: {CANARY}",
                plain_text=f"Dear {CANARY}\n",
                seen_hash=draft.approval_hash,
            )
            fresh = await home.waiting(mail_id)
            if decision == "approve":
                await approval.approve(home.parts, fresh.id, by="ruth", seen_hash=fresh.approval_hash)
            else:
                await approval.reject(home.parts, fresh.id, by="ruth", reason="too curt")
            await home.settle()
        text = rows_of(tmp_path)
    for event in ("received", "understood", "proposed", "edited", "approved", "rejected", "queued", "failed"):
        assert f'"{event}"' in text
    told = log.readouterr()
    assert "draft.approved" in told.err
    assert CANARY not in text
    assert CANARY not in told.err + told.out


async def test_nothing_that_a_model_says_reaches_audit_or_log(tmp_path: Path, log: pytest.CaptureFixture[str]) -> None:
    """The model repeats the mail in risks, values, names of tools and arguments, and in words."""
    extraction = {
        "intent": "opening_hours",
        "confidence": 0.9,
        "entities": [{"name": CANARY, "value": CANARY}],
        "risks": [CANARY, f"{CANARY} {CANARY}"],
        "requested_action": "reply",
        "review_required": False,
    }
    arguments = {"to": f"{CANARY}@customer.example", "subject": f"Re: {CANARY}", "body": f"{CANARY}\n"}
    model = Scripted(
        FunctionCall(call_id="c1", name=CANARY, arguments=CANARY),
        FunctionCall(call_id=f"c2{CANARY}", name="send_email", arguments=json.dumps(arguments)),
        FunctionCall(
            call_id="c3", name="send_email", arguments=json.dumps({**arguments, "to": f"{CANARY}@evil.example"})
        ),
        Message(role="assistant", text=CANARY),
        extraction=json.dumps(extraction),
    )
    async with house(tmp_path, model=model) as home:
        mail_id = await worked(home)
        assert (await home.mail(mail_id)).status is not MailStatus.RECEIVED
        text = rows_of(tmp_path)
    assert '"proposed"' in text
    assert CANARY not in text
    told = log.readouterr()
    assert CANARY not in told.err + told.out
