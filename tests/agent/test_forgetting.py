"""A person is forgotten: nothing of them is left in any file, and the audit still verifies."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from sqlalchemy import select

from agent.forgetting import Busy, Forgotten, export, forget
from agent.states import MailStatus
from agent.store import erasure, mails
from agent.store.tables import metadata
from agent.story import tell
from agent.verify import verify_all
from tests.agent.postroom import CUSTOMER, HOURS, ORDER, House, house

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
        assert len(list((tmp_path / "replies" / "new").iterdir())) == 1


async def test_an_export_has_all_of_it(tmp_path: Path) -> None:
    """Mails as they came, what was read in them, drafts, replies, and who decided."""
    async with house(tmp_path) as home:
        ids = await lived(home)
        found = {one["id"]: one async for one in export(home.parts, CUSTOMER)}
        assert set(found) == set(ids[:3])
        answered, drafted, left = (found[one] for one in ids[:3])
        assert WORDS in left["read"]["text"]
        assert WORDS.encode() in base64.b64decode(drafted["raw"])
        assert [one["state"] for one in drafted["drafts"]] == ["waiting"]
        assert b"To: Ann Example" in base64.b64decode(answered["replies"][0]["raw"])
        assert "sent" in {one["event"] for one in answered["audit"]}
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
