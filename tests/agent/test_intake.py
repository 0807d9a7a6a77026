"""The intake: durable before it answers, many mails to a commit, and an honest no where the store cannot."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from agent.store import mails
from inbound.contracts import Envelope, StoreUnavailableError
from tests.agent.postroom import CUSTOMER, SUPPORT, House, house

pytestmark = pytest.mark.usefixtures("both_databases")

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def envelope(*rcpt_to: str) -> Envelope:
    return Envelope(door="smtp", mail_from=CUSTOMER, rcpt_to=rcpt_to or (SUPPORT,), received_at=NOW)


async def count(home: House, table: str) -> int:
    async with home.parts.database.read() as tx:
        return int((await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())  # noqa: S608 (a table of ours)


async def test_mails_that_arrive_together_share_commits(tmp_path: Path) -> None:
    """Two hundred at once are all there, each with its bytes and its job, in far fewer transactions."""
    async with house(tmp_path) as home:
        commits = 0
        real = mails.accept_all

        async def counted(*given: object) -> list[tuple[str, bool]]:
            nonlocal commits
            commits += 1
            return await real(*given)  # type: ignore[arg-type]  # passed through as it came

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mails, "accept_all", counted)
            given = [home.service.intake.accept(b"Subject: %d\r\n\r\nx\r\n" % n, envelope()) for n in range(200)]
            receipts = await asyncio.gather(*given)
        assert len({receipt.mail_id for receipt in receipts}) == 200
        assert commits <= 20
        for table in ("mail", "raw_mail", "job", "routing"):
            assert await count(home, table) == 200


async def test_the_same_mail_in_one_group_is_stored_once(tmp_path: Path) -> None:
    """Ten peers' worth of the same bytes and envelope at the same moment: one mail."""
    async with house(tmp_path) as home:
        raw = b"Subject: same\r\n\r\nx\r\n"
        receipts = await asyncio.gather(*(home.service.intake.accept(raw, envelope()) for _ in range(10)))
        assert len({receipt.mail_id for receipt in receipts}) == 1
        assert sum(not receipt.duplicate for receipt in receipts) == 1
        assert await count(home, "mail") == 1


async def test_another_envelope_is_another_delivery(tmp_path: Path) -> None:
    """The same bytes to somebody else are not a repetition."""
    async with house(tmp_path) as home:
        raw = b"Subject: same\r\n\r\nx\r\n"
        first = await home.service.intake.accept(raw, envelope())
        other = await home.service.intake.accept(raw, envelope("sales@larkspur.example"))
        assert first.mail_id != other.mail_id


async def test_a_store_that_does_not_take_it_says_so(tmp_path: Path) -> None:
    """The door answers 451 to this, and the peer keeps the mail; afterwards all goes on."""
    async with house(tmp_path) as home:
        async with home.parts.database.write() as tx:
            await tx.execute(text("ALTER TABLE raw_mail RENAME TO away"))
        with pytest.raises(StoreUnavailableError):
            await home.service.intake.accept(b"Subject: x\r\n\r\nx\r\n", envelope())
        assert await count(home, "mail") == 0
        async with home.parts.database.write() as tx:
            await tx.execute(text("ALTER TABLE away RENAME TO raw_mail"))
        assert not (await home.service.intake.accept(b"Subject: x\r\n\r\nx\r\n", envelope())).duplicate


async def test_only_our_addresses_are_ours(tmp_path: Path) -> None:
    """Mailboxes, aliases and return paths that we signed; a return path of somebody's making is not."""
    from inbound.contracts import Recipient
    from outbound import tokens

    async with house(tmp_path) as home:
        intake = home.service.intake
        assert intake.recipient(SUPPORT) is Recipient.MAILBOX
        assert intake.recipient("help@larkspur.example") is Recipient.MAILBOX
        ours = tokens.verp(home.parts.keys.token, "o-1", "larkspur.example")
        assert intake.recipient(ours) is Recipient.BOUNCE
        assert intake.recipient(tokens.verp(b"another key", "o-1", "larkspur.example")) is Recipient.UNKNOWN
        assert intake.recipient(ours.replace("larkspur", "elsewhere")) is Recipient.UNKNOWN
        assert intake.recipient("ceo@larkspur.example") is Recipient.UNKNOWN
