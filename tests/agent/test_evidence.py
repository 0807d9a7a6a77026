"""The story is held against the audit: words and bytes that were changed beside it are named."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing as closing_
from pathlib import Path

import pytest

from agent import breaker, closing
from agent.audit import LONGEST_REASON
from agent.story import Story, tell
from agent.verify import verify_all
from tests.agent.postroom import HOURS, House, house

CHANGES = [
    ("UPDATE raw_mail SET data = CAST(data || 'x' AS BLOB)", "the stored mail was changed"),
    ("UPDATE mail SET sha256 = lower(hex(randomblob(32)))", "the stored mail's fingerprint was changed"),
    ("UPDATE outbox SET raw = CAST(raw || 'x' AS BLOB)", "the bytes of delivery"),
    ("UPDATE outbox SET recipient = 'eve@evil.example'", "the recipient of delivery"),
    ("UPDATE draft SET proposal = replace(proposal, 'from 9 to 18', 'from 8 to 18')", "the text of draft"),
    ("UPDATE draft SET proposal = replace(proposal, 'Re: ', 'Fw: ')", "the subject of draft"),
    ('UPDATE draft SET added = \'{"copies": ["eve@evil.example"]}\'', "the copies or files of draft"),
]


async def told(home: House, mail_id: str) -> Story:
    async with home.parts.database.read() as tx:
        story = await tell(tx, home.parts.audit, mail_id)
    assert story is not None
    return story


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=[said for _, said in CHANGES])
async def test_a_change_beside_the_audit_is_named(tmp_path: Path, change: str, said: str) -> None:
    """By somebody with the database in hand, after the mail was answered."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert (await told(home, mail_id)).broken == ""
        with closing_(sqlite3.connect(tmp_path / "postroom.db")) as file, file:
            assert file.execute(change).rowcount == 1
        assert said in (await told(home, mail_id)).broken


async def test_what_was_pruned_is_no_difference(tmp_path: Path) -> None:
    """Retention may take the raw bytes; what the audit says of them stays true."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        with closing_(sqlite3.connect(tmp_path / "postroom.db")) as file, file:
            file.execute("DELETE FROM raw_mail")
        assert (await told(home, mail_id)).broken == ""


async def test_each_proposal_is_in_the_audit_by_digest_alone(tmp_path: Path) -> None:
    """Text and subject of what was proposed; nobody reads them from it."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        story = await told(home, mail_id)
        (row,) = [entry for entry in story.entries if entry.event == "proposed"]
        assert row.data["text"] == home.parts.audit.digest(story.drafts[0].proposal.plain_text)
        assert row.data["subject"] == home.parts.audit.digest(story.drafts[0].proposal.subject)
        assert "opening" not in json.dumps(row.data).lower()


async def test_a_reason_stands_beside_its_row(tmp_path: Path) -> None:
    """As it was given, cut to a bound; another one in its place is named, and one that was forgotten is not missed."""
    long = "x" * (LONGEST_REASON + 1)
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        await closing.close(home.parts, mail_id, by="ruth", reason=f"she rang us {long}")
        await breaker.turn(home.parts, "closed", "open", by="ruth", reason="a wrong list")
        story = await told(home, mail_id)
        (row,) = [entry for entry in story.entries if entry.event == "closed"]
        assert story.reasons == {(row.chain, row.n): f"she rang us {long}"[:LONGEST_REASON]}
        assert row.data == {"reason": home.parts.audit.digest(f"she rang us {long}"[:LONGEST_REASON])}
        assert (await verify_all(home.parts)).problems == ()
        with closing_(sqlite3.connect(tmp_path / "postroom.db")) as file, file:
            assert file.execute("UPDATE audit_words SET words = 'another'").rowcount == 2
        found = (await verify_all(home.parts)).problems
        assert [one for one in found if "the reason beside row 1 of chain system was changed" in one]
        assert [one for one in found if f"{mail_id}: the reason beside row {row.n} of chain {row.chain} was" in one]
        with closing_(sqlite3.connect(tmp_path / "postroom.db")) as file, file:
            file.execute("DELETE FROM audit_words")
        assert (await verify_all(home.parts)).problems == ()
        with closing_(sqlite3.connect(tmp_path / "postroom.db")) as file, file:
            file.execute("INSERT INTO audit_words VALUES (?, 1, ?, 'never given')", (row.chain, mail_id))
        assert "the reason beside row 1" in (await told(home, mail_id)).broken
