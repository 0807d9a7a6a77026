"""A house with one provider's door, and the mails that are posted to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import select

from agent.demo_world import finish
from agent.reported import reported
from agent.store.tables import mail as mail_table
from inbound.contracts import NormalizedEmail
from inbound.webhooks.contract import Answers, Request
from inbound.webhooks.door import WebhookDoor
from inbound.webhooks.fetching import Fetcher
from inbound.webhooks.registry import provider
from tests.agent.postroom import CUSTOMER, HOURS, SIGNED, START, SUPPORT, House, house, keys
from tests.inbound.webhooks import dressed
from tests.inbound.webhooks.dressed import Stores, base, letter

RICH = (
    "From: =?utf-8?q?J=C3=BCrgen?= <ann@customer.example>\r\nTo: support@larkspur.example\r\n"
    "Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
    "Message-ID: <rich@customer.example>\r\n"
    'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "Grüße aus Köln, größer als 5 €.\r\n"
    '--b\r\nContent-Type: image/png\r\nContent-Disposition: inline; filename="logo.png"\r\nContent-ID: <logo@x>\r\n'
    "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
    '--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="bill.pdf"\r\n'
    "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--b--\r\n"
).encode()
"""8-bit text, an inline image, an attachment, encoded names."""


def known(text: str = HOURS) -> bytes:
    """A signed question that the playbook answers."""
    block = (
        f"From: Ann <{CUSTOMER}>\nTo: {SUPPORT}\nSubject: A question\nDate: @NOW@\nMessage-ID: <w@customer.example>\n"
        f"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
    return finish(block.encode(), START, keys(), SIGNED)


def answers(name: str) -> Answers:
    return provider(base(name)).ANSWERS


@dataclass
class Hooked:
    home: House
    door: WebhookDoor
    stores: Stores

    async def post(self, name: str, request: Request) -> int:
        return (await self.door.receive(base(name), request)).status

    async def stored(self) -> list[str]:
        async with self.home.parts.database.read() as tx:
            return [row.id for row in await tx.execute(select(mail_table.c.id).order_by(mail_table.c.received_at))]

    async def email(self, mail_id: str) -> NormalizedEmail:
        return NormalizedEmail.model_validate((await self.home.mail(mail_id)).normalized)

    async def statuses(self) -> Sequence[str]:
        return sorted([(await self.home.mail(one)).status for one in await self.stored()])


@asynccontextmanager
async def hooked(
    folder: Path, name: str, raw: bytes, network: Fetcher | None = None, **changes: object
) -> AsyncIterator[Hooked]:
    """A house whose door takes this provider; `changes` are keys of its `[[webhook]]`."""
    async with house(folder) as home:
        stores = network if isinstance(network, Stores) else Stores.of(letter(raw))
        door = WebhookDoor(
            [dressed.settings(name, **changes)],
            home.service.intake,
            fetcher=network or stores,
            events=partial(reported, home.parts),
            clock=home.clock,
            max_message_bytes=1_000_000,
        )
        yield Hooked(home, door, stores)
