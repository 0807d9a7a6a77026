"""Ways on which others are asked: name servers, the operator's own service, a chat, what a webhook only names.

The servers are real ones on loopback, of the process itself, but for DNS and for what lies behind https at a provider.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agent import noticing
from agent.config import Config
from agent.lookup_settings import LookupSettings
from agent.lookups import Lookups
from agent.store import mails
from agent.web.server import bind, serving
from inbound.rspamd import Rspamd
from inbound.spam_settings import SpamSettings
from inbound.webhooks.contract import Request as Post
from inbound.webhooks.door import WebhookDoor
from tests.agent.flows import Stage, resolved
from tests.agent.postroom import CUSTOMER, SUPPORT
from tests.agent.tidings import Told
from tests.inbound.webhooks import dressed
from tests.inbound.webhooks.dressed import Stores

BOUNCES = "bounces@mail.customer.example"
"""Return path of a domain whose SPF record asks for everything that one can."""
BUCKET = "https://letters.s3.eu-west-1.amazonaws.com/known"


async def answered(stage: Stage, peer: str = "203.0.113.9") -> str:
    """Nobody but machines is asked."""
    mail_id = await stage.mail("looked-into", mail_from=BOUNCES, peer=peer)
    await stage.hours_pass(1)
    return await resolved(stage, mail_id)


async def over_ipv6(stage: Stage) -> str:
    return await answered(stage, "2001:db8::9")


async def forwarded(stage: Stage) -> str:
    """A group passes it on, and seals what it saw."""
    values = stage.home.parts.config.model_dump(by_alias=True)
    group = {"name": "group", "authserv_id": "mx.group.example", "arc_sealer": "sealer.example"}
    values["mailbox"][0]["forwarder"] = [group]
    object.__setattr__(stage.home.parts, "config", Config.model_validate(values))
    mail_id = await stage.mail("sealed", mail_from="group@group.example")
    await stage.home.settle()
    assert (await stage.home.mail(mail_id)).authenticated == "ann@shop.example"
    return await resolved(stage, mail_id)


@asynccontextmanager
async def answering(path: str, answer: dict[str, Any]) -> AsyncIterator[str]:
    """A server that gives the same answer to everybody; gives its address."""

    async def take(_request: Request) -> JSONResponse:
        return JSONResponse(answer)

    listening = bind("127.0.0.1", 0)
    async with serving(Starlette(routes=[Route(path, take, methods=["GET", "POST"])]), listening):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


async def looked_up(stage: Stage) -> str:
    async with answering("/orders/{order}", {"status": "on its way", "email": CUSTOMER}) as place:
        given = {
            "name": "order_status",
            "question": "Where an order is.",
            "url": f"{place}/orders/{{order}}",
            "variables": {"order": r"LG-\d{5}"},
            "fields": ("status",),
            "owner": "email",
        }
        lookups = Lookups([LookupSettings.model_validate(given)])
        object.__setattr__(stage.home.parts, "lookups", lookups)
        mail_id = await stage.mail("order")
        await stage.hours_pass(1)
        await lookups.close()
    assert "It is on its way." in (await stage.home.waiting(mail_id)).proposal.plain_text
    return mail_id


async def asked_about(stage: Stage) -> str:
    """Rspamd has nothing against it."""
    async with answering("/checkv2", {"action": "no action", "score": 0.1, "required_score": 15}) as place:
        rspamd = Rspamd(SpamSettings.model_validate({"rspamd_url": place}))
        object.__setattr__(stage.home.parts, "rspamd", rspamd)
        mail_id = await stage.mail("known")
        await stage.hours_pass(1)
        await rspamd.close()
    return await resolved(stage, mail_id)


async def told_in_a_chat(stage: Stage) -> str:
    """And by mail."""
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    async with answering("/hook", {"ok": True}) as place:
        values = stage.home.parts.config.model_dump(by_alias=True)
        values["notices"] = {
            "team": ["team@people.example"],
            "slack_url": SecretStr(f"{place}/hook"),
            "tell": ["waiting"],
            "digest_hour": -1,
        }
        object.__setattr__(stage.home.parts, "config", Config.model_validate(values))
        courier = Told(stage.folder / "told")
        for _ in range(3):
            stage.home.clock.advance(hours=1)
            await noticing.look(stage.home.parts)
            while await noticing.send(stage.home.parts, courier, timedelta(minutes=10)):
                pass
    assert len(list(courier.folder.iterdir())) == 1
    return mail_id


async def fetched(stage: Stage) -> str:
    """The provider's request names the mail, its API names a place, there are the bytes."""
    given = dressed.letter((stage.folder / "known.eml").read_bytes())
    stores = Stores.of(given)
    request = dressed.request("resend", given, now=stage.home.clock())
    return await posted(stage, "resend", stores, request)


async def stored_elsewhere(stage: Stage) -> str:
    """The subscription is confirmed; then a notification says where in S3 the mail lies."""
    stores = Stores.of(dressed.letter(b""))
    confirm = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
    token = {"Token": "t" * 64, "SubscribeURL": confirm}
    sign = dressed.signing("ses", now=stage.home.clock())
    asked = dressed.sns("SubscriptionConfirmation", "confirm", sign, **token)
    stores.found[BUCKET] = (stage.folder / "known.eml").read_bytes()
    message = {
        "notificationType": "Received",
        "mail": {"source": CUSTOMER, "messageId": "m-1"},
        "receipt": {
            "recipients": [SUPPORT],
            "action": {"type": "S3", "bucketName": "letters", "objectKey": "known"},
        },
    }
    told = dressed.sns("Notification", json.dumps(message), sign)
    return await posted(stage, "ses", Anything(stores.found, []), asked, told)


class Anything(Stores):
    """Says yes to what it does not know: a confirmation."""

    async def get(self, url: str, headers: dict[str, str], most: int) -> bytes:
        return await super().get(url, headers, most) if url in self.found else b"confirmed"


async def posted(stage: Stage, provider: str, stores: Stores, *requests: Post) -> str:
    """Each request as often as its provider repeats it; the mail that came of them, answered."""

    async def events(_found: Any) -> None: ...

    more = {"api_key": "ACCESS:SECRET", "region": "eu-west-1"} if provider == "ses" else {}
    door = WebhookDoor(
        [dressed.settings(provider, **more)],
        stage.home.service.intake,
        fetcher=stores,
        events=events,
        clock=stage.home.clock,
        max_message_bytes=1_000_000,
    )
    for request in (*requests, *requests):
        answer = await door.receive(provider, request)
        assert answer.status in {200, 202}, answer
    await stage.hours_pass(1)
    async with stage.home.parts.database.read() as tx:
        (only,) = await mails.listing(tx, limit=10)
    return await resolved(stage, only.id)
