"""A person is forgotten: nothing of them is left in any file, and the audit still verifies."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from sqlalchemy import select, text

from agent import approval, closing, noticing
from agent.forgetting import Busy, Forgotten, export, forget
from agent.states import MailStatus
from agent.store import deliveries, erasure, handlings, locks, mails
from agent.store.tables import metadata
from agent.story import tell
from agent.verify import verify_all
from tests.agent.postroom import CUSTOMER, HOURS, ORDER, House, configuration, house

WORDS = "my daughter Philomena is allergic to nettles"
OTHER = "bob@customer.example"


async def rows(home: House) -> str:
    """Everything that the database holds, bytes of mail decoded."""
    found = []
    async with home.parts.database.read() as tx:
        for table in metadata.sorted_tables:
            for row in await tx.execute(select(table)):
                found += [one.decode("latin-1") if isinstance(one, bytes) else repr(one) for one in row]
    return "\n".join(found)


async def lived(home: House) -> list[str]:
    """Ann was answered unseen, has a draft that waits and a mail for a person; Bob was answered too."""
    ids = [await home.receive(HOURS)]
    ids.append(await home.receive(ORDER, signed=False, headers={"X-Note": WORDS}))
    await home.settle()
    ids.append(await home.receive(f"And {WORDS}.", signed=False))
    ids.append(await home.receive(HOURS, author=OTHER))
    await home.settle()
    return ids


@pytest.mark.usefixtures("both_databases")
async def test_nothing_of_a_person_is_left(tmp_path: Path) -> None:
    """No address, name, word, nor byte of theirs, while another customer's mail stays; the audit holds."""
    async with house(tmp_path) as home:
        ids = await lived(home)
        before = await rows(home)
        assert CUSTOMER in before
        assert "Philomena" in before
        assert await forget(home.parts, f" {CUSTOMER.upper()} ", by="ruth") == Forgotten(3)
        after = await rows(home)
        for trace in (CUSTOMER, "Philomena", "order LG-48213"):
            assert trace not in after, trace
        assert OTHER in after
        assert (await verify_all(home.parts)).problems == ()
        for mail_id in ids:
            async with home.parts.database.read() as tx:
                story = await tell(tx, home.parts.audit, mail_id)
            assert story is not None
            assert story.broken == ""
        assert await forget(home.parts, CUSTOMER, by="ruth") == Forgotten(0)


def traces(folder: Path, needles: tuple[str, ...]) -> set[tuple[str, str]]:
    """Which of these stand in which files, as they are."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes().lower()
            found |= {(path.name, needle) for needle in needles if needle.lower().encode() in data}
    return found


async def everywhere(home: House) -> None:
    """Ann's traces in every place: a note, a tag, an edit, a bounce of the reply to her, a notice not yet sent."""
    ids = await lived(home)
    await home.receive(ORDER, subject=NEEDLES[6], signed=False)
    await home.settle()  # the bounce will suppress her address
    async with home.parts.database.write() as tx:
        await locks.mail(tx, ids[1])
        await handlings.note(tx, ids[1], f"{NEEDLES[2]} again", by="ruth", now=home.clock())
        await handlings.tag(home.parts.database, tx, ids[1], NEEDLES[3])
    draft = await home.waiting(ids[1])
    text = f"Dear Ann, {NEEDLES[4]}."
    await approval.edit(home.parts, draft.id, by="ruth", subject="Re", plain_text=text, seen_hash=draft.approval_hash)
    fresh = await home.waiting(ids[1])
    await approval.reject(home.parts, fresh.id, by="ruth", reason=f"{NEEDLES[7]}, she says")
    await closing.close(home.parts, ids[2], by="ruth", reason=f"{NEEDLES[7]} again")
    async with home.parts.database.read() as tx:
        (sent,) = await deliveries.of_mail(tx, ids[0])
    report = (
        f"From: MAILER-DAEMON@mx.customer.example\r\nTo: {sent.email['return_path']}\r\nSubject: Undelivered\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: text/plain\r\n\r\nNo {CUSTOMER} here: {NEEDLES[5]}\r\n--b\r\n"
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.customer.example\r\n\r\n"
        f"Final-Recipient: rfc822; {CUSTOMER}\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"
    )
    await home.receive_raw(report.encode(), mail_from="", to=(sent.email["return_path"],))
    await home.settle()
    await noticing.look(home.parts)


NEEDLES = (
    CUSTOMER,
    "philomena",
    "needle-note",
    "needle-tag",
    "needle-edit",
    "needle-bounce",
    "needle-subject",
    "needle-why",
)


@pytest.mark.usefixtures("both_databases")
async def test_nothing_of_a_person_is_left_in_the_files(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Read as bytes: the database, its log, its search, and the Maildir; on PostgreSQL once it wrote them anew."""
    notices = {"team": ["team@people.example"], "tell": ["waiting"], "digest_hour": -1}
    config = configuration(tmp_path, notices=notices)
    async with house(tmp_path, config=config) as home:
        folder = tmp_path
        if not home.parts.database.is_sqlite:
            async with home.parts.database.write() as tx:
                oid = (
                    await tx.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()"))
                ).scalar()
            folder = request.getfixturevalue("postgres_server").folder / "data" / "base" / str(oid)
        await everywhere(home)
        await home.parts.database.scrub(rewrite=True)  # or what stands in PostgreSQL's memory is in no file yet
        assert {needle for _, needle in traces(folder, NEEDLES)} == set(NEEDLES)
        assert traces(tmp_path / "replies", NEEDLES)
        assert isinstance(await forget(home.parts, CUSTOMER, by="ruth", rewrite=True), Forgotten)
        assert traces(folder, NEEDLES) == set()
        assert traces(tmp_path, NEEDLES) == set()
        assert (await verify_all(home.parts)).problems == ()
        assert traces(folder, (OTHER,))


async def test_what_is_still_under_way_is_waited_for(tmp_path: Path) -> None:
    """A mail that nobody has read yet: nothing is erased, and it says which."""
    async with house(tmp_path) as home:
        await home.receive(HOURS)
        await home.settle()
        mail_id = await home.receive(ORDER)
        # Before it is read nobody knows whose it is; afterwards its run is under way.
        await home.service.triager.drain()
        done = await forget(home.parts, CUSTOMER, by="ruth")
        assert done == Busy(((mail_id, MailStatus.WORKING),))
        assert CUSTOMER in await rows(home)


async def test_a_copy_of_a_forgotten_mail_is_not_answered_again(tmp_path: Path) -> None:
    """A digest of it stays, so that its replay is known."""
    async with house(tmp_path) as home:
        first = await home.receive(HOURS, message_id="once@customer.example")
        await home.settle()
        async with home.parts.database.read() as tx:
            raw = await mails.raw(tx, first)
        await forget(home.parts, CUSTOMER, by="ruth")
        assert raw is not None
        again = await home.receive_raw(raw, mail_from=CUSTOMER)
        await home.settle()
        assert again == first
        assert home.replies() == []


async def test_an_export_has_all_of_it(tmp_path: Path) -> None:
    """Mails as they came, what was read in them, drafts, replies, and who decided."""
    async with house(tmp_path) as home:
        ids = await lived(home)
        await closing.close(home.parts, ids[2], by="ruth", reason="she rang us")
        found = {one["id"]: one async for one in export(home.parts, CUSTOMER)}
        assert set(found) == set(ids[:3])
        answered, drafted, left = (found[one] for one in ids[:3])
        assert WORDS in left["read"]["text"]
        assert WORDS.encode() in base64.b64decode(drafted["raw"])
        assert [one["state"] for one in drafted["drafts"]] == ["waiting"]
        assert b"To: Ann Example" in base64.b64decode(answered["replies"][0]["raw"])
        assert "sent" in {one["event"] for one in answered["audit"]}
        assert [one["reason"] for one in left["audit"] if one["event"] == "closed"] == ["she rang us"]
        assert [one["tool"] for one in answered["tools"]] == ["read_inbox", "send_email"]
        assert HOURS in json.dumps(answered["model"])
        assert [one async for one in export(home.parts, "nobody@customer.example")] == []


@pytest.mark.parametrize(
    "nobody", ["", "  ", "@", "ann", "ann@", "%", "*", "ann@customer.example, bob@customer.example"]
)
async def test_nobody_is_not_a_person(tmp_path: Path, nobody: str) -> None:
    """Mail whose author is unknown, and whose conversation was blanked, belongs to no address."""
    async with house(tmp_path) as home:
        ids = await lived(home)
        ids.append(await home.receive_raw(b"Subject: no author\r\n\r\nHello?\r\n", mail_from=""))
        await home.settle()
        await forget(home.parts, OTHER, by="ruth")
        before = await rows(home)
        with pytest.raises(ValueError, match="plain address"):
            await forget(home.parts, nobody, by="ruth")
        with pytest.raises(ValueError, match="plain address"):
            [one async for one in export(home.parts, nobody)]
        async with home.parts.database.read() as tx:
            assert await erasure.mails_of(tx, "") == []
        assert await rows(home) == before
