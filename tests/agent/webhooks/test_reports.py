"""What providers report of replies that left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.store import deliveries, suppression, trail
from outbound import tokens
from tests.agent.postroom import CUSTOMER, HOURS
from tests.agent.webhooks.hooked import Hooked, hooked, known
from tests.inbound.webhooks import posted
from tests.inbound.webhooks.test_fixtures import OWN_NAMES

BOUNCED = {path.parent.name: path for path in sorted(posted.FOLDER.glob("*/bounced.json"))}


async def answered(it: Hooked) -> tuple[str, deliveries.Delivery]:
    """A reply that left: of which mail, and itself."""
    mail_id = await it.home.receive(HOURS)
    await it.home.settle()
    async with it.home.parts.database.read() as tx:
        (sent,) = await deliveries.of_mail(tx, mail_id)
    return mail_id, sent


async def noted(it: Hooked, mail_id: str) -> list[dict[str, object]]:
    async with it.home.parts.database.read() as tx:
        return [one.data for one in await trail.of_mail(tx, mail_id) if one.event == "reported_bounced"]


async def suppressed(it: Hooked) -> bool:
    async with it.home.parts.database.read() as tx:
        tenant = it.home.parts.config.postroom.tenant_id
        return await suppression.covers(tx, tenant, CUSTOMER)


@pytest.mark.parametrize("name", sorted(BOUNCED))
async def test_what_a_provider_reports_is_noted_once_and_only_of_ours(tmp_path: Path, name: str) -> None:
    """By our own Message-ID, for good; another one changes nothing, and neither does an id of the provider's own."""
    async with hooked(tmp_path, name, known()) as it:
        mail_id, sent = await answered(it)
        text = BOUNCED[name].read_text("utf-8")
        for message_id, ours in (("forged@larkspur.example", False), (sent.message_id, True), (sent.message_id, True)):
            said = json.loads(text.replace("OURS", message_id))
            assert await it.post(name, posted.signed(name, said)) == 200
            assert await suppressed(it) is (ours and name not in OWN_NAMES)
        told = await noted(it, mail_id)
        assert [one["permanent"] for one in told] == ([] if name in OWN_NAMES else [True])


@pytest.mark.parametrize(
    ("name", "member", "stood"),
    [
        ("ses", "source", "support@larkspur.example"),
        ("sparkpost", "msg_from", "bounces+ref@larkspur.example"),
        ("mailgun", "sender", "support@larkspur.example"),
    ],
)
async def test_a_return_path_that_we_signed_names_the_reply_too(
    tmp_path: Path, name: str, member: str, stood: str
) -> None:
    """Where the provider sets a Message-ID of its own."""
    async with hooked(tmp_path, name, known()) as it:
        mail_id, sent = await answered(it)
        text = BOUNCED[name].read_text("utf-8").replace("OURS", "of-its-own@provider.example")
        path = tokens.verp(it.home.parts.keys.token, sent.id, "larkspur.example")
        named = text.replace(f'"{member}": "{stood}"', f'"{member}": "{path}"')
        assert named != text
        assert await it.post(name, posted.signed(name, json.loads(named))) == 200
        assert len(await noted(it, mail_id)) == 1
