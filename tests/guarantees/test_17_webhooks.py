"""Guarantee 17: a webhook is proven over its raw bytes, in its time, once; nothing is open by an empty secret.

Looked at from outside: requests over HTTP to a whole service, and the mails in its store. `tests/agent/webhooks` puts
every provider through each of these, and more.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError

from agent.parts import Parts
from agent.serve import assemble, build, opened, running
from agent.store import mails
from inbound.settings import WebhookSettings
from inbound.webhooks.contract import Request
from inbound.webhooks.fetching import HttpFetcher
from inbound.webhooks.registry import NAMES, provider
from outbound.couriers.registry import open_courier
from tests.agent.postroom import CUSTOMER, HOURS, START, SUPPORT, Clock, configuration
from tests.agent.stores import lay_for
from tests.inbound.webhooks import dressed
from tests.inbound.webhooks.dressed import Stores, letter

MAIL = f"From: {CUSTOMER}\r\nTo: {SUPPORT}\r\nSubject: x\r\nMessage-ID: <17@x>\r\n\r\n{HOURS}\r\n".encode()
LIMIT = 20_000


class Network(HttpFetcher):
    """What the network would give, in the place of the network."""

    def __init__(self, stores: Stores) -> None:
        super().__init__()
        self.stores = stores

    async def get(self, url: str, headers: dict[str, str], most: int) -> bytes:
        return await self.stores.get(url, headers, most)


@dataclass
class Outside:
    client: httpx2.AsyncClient
    parts: Parts
    clock: Clock
    network: Stores

    async def post(self, name: str, made: Request) -> int:
        where = f"/inbound/{name}" + (f"/{made.path_secret}" if made.path_secret else "")
        answer = await self.client.post(
            where, content=made.body, headers=list(made.headers), params=list(made.query) or None
        )
        return answer.status_code

    async def stored(self) -> int:
        async with self.parts.database.read() as tx:
            return len(await mails.listing(tx, limit=1000))


@asynccontextmanager
async def outside(folder: Path) -> AsyncIterator[Outside]:
    """A service with every provider configured, and what the network would give it."""
    config = configuration(
        folder, webhook=[dressed.section(one) for one in NAMES], webhooks={"port": 0, "max_body_bytes": LIMIT}
    )
    clock, network = Clock(), Stores.of(letter(MAIL))
    await lay_for(config)
    async with opened(config) as database:
        parts = build(config, database=database, now=clock)
        service = replace(assemble(parts, open_courier(config.courier)), fetcher=Network(network))
        assert service.hooks is not None
        base = f"http://127.0.0.1:{service.hooks.getsockname()[1]}"
        async with running(service), httpx2.AsyncClient(base_url=base, verify=False) as client:
            yield Outside(client, parts, clock, network)


async def test_size_comes_first(tmp_path: Path) -> None:
    """Before route, proof and anything that reads: a request that is too large is 413, whatever is in it."""
    async with outside(tmp_path) as it:
        for name in (*NAMES, "nobody"):
            assert await it.post(name, Request(b"x" * (LIMIT + 1))) == 413
            assert it.network.asked == []


async def test_a_proof_is_over_the_raw_bytes_and_nothing_is_parsed_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bit of the body, or of the proof where nothing covers the body: refused, with the parser never called."""
    read: list[Request] = []
    async with outside(tmp_path) as it:
        for name in NAMES:
            good = dressed.request(name, letter(MAIL))
            covered = dressed.about(name).covers
            at = good.body.index(b"e", len(good.body) // 2)
            spoilt = bytes((*good.body[:at], good.body[at] ^ 1, *good.body[at + 1 :]))
            bad = replace(good, body=spoilt) if covered else dressed.request(name, letter(MAIL), secret=dressed.OTHER)
            with monkeypatch.context() as patch:
                patch.setattr(f"inbound.webhooks.{name}.parse", read.append)
                assert await it.post(name, bad) in {401, 503}, name
            assert read == [], name
        assert await it.stored() == 0


async def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every comparison of what came with what is wanted goes through `hmac.compare_digest`, and sees all secrets."""
    seen: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        seen.append((one, other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    for name in [one for one in NAMES if "secret" in dressed.about(one).needs]:
        seen.clear()
        settings = dressed.settings(name, previous_secret=dressed.OTHER)
        assert dressed.verified(name, dressed.request(name, letter(MAIL)), settings)
        assert len(seen) == 2, name


async def test_a_signed_time_of_an_attempt_is_good_for_five_minutes(tmp_path: Path) -> None:
    """Where each attempt has its own; SNS's is of the publishing: there a day, and ids are remembered."""
    async with outside(tmp_path) as it:
        for name, minutes in (("raw", 5), ("resend", 5), ("ses", 24 * 60)):
            for late in (-minutes - 1, minutes + 1):
                made = dressed.request(name, letter(MAIL), now=START + timedelta(minutes=late))
                assert await it.post(name, made) in {401, 503}, name
        assert await it.stored() == 0


async def test_a_mail_comes_once_by_its_name_and_by_its_bytes(tmp_path: Path) -> None:
    """Again under the same name, and with the name taken away: success, and nothing new."""
    async with outside(tmp_path) as it:
        for n, name in enumerate(NAMES, 1):
            mail = letter(MAIL.replace(b"<17@x>", f"<17-{n}@x>".encode()))
            it.network.found |= Stores.of(mail).found
            for made in (dressed.request(name, mail), dressed.request(name, mail, now=START + timedelta(minutes=1))):
                assert await it.post(name, made) == 200, name
                bare = tuple(one for one in made.headers if one[0] != "x-mox-webhook-id")
                assert await it.post(name, replace(made, headers=bare)) == 200, name
            assert await it.stored() == n, name


async def test_sns_is_believed_from_its_host_and_of_our_topics(tmp_path: Path) -> None:
    """No certificate from elsewhere, no topic of others; a subscription is confirmed at the pinned host alone."""
    async with outside(tmp_path) as it:
        elsewhere = "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem"
        foreign = "arn:aws:sns:eu-west-1:999999999999:mail"
        assert await it.post("ses", dressed.ses(letter(MAIL), SigningCertURL=elsewhere)) == 503
        assert await it.post("ses", dressed.ses(letter(MAIL), TopicArn=foreign)) == 503
        assert it.network.asked == []
        subscribe = dressed.sns(
            "SubscriptionConfirmation", "", SubscribeURL="https://evil.example/?a=ConfirmSubscription", Token="t"
        )
        assert await it.post("ses", subscribe) == 503  # our stand-in for the network knows no such page
        assert [url.partition("?")[0] for url, _ in it.network.asked] == [
            dressed.CERTIFICATE,
            "https://sns.eu-west-1.amazonaws.com/",
        ]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_open_by_an_empty_secret(name: str) -> None:
    """Not by one that is left out either: it does not start."""
    good = dressed.section(name)
    for key in [one for one in good if one != "provider"]:
        for worse in ({**good, key: [] if key == "topics" else ""}, {one: good[one] for one in good if one != key}):
            with pytest.raises(ValidationError, match=f"{name} needs"):
                WebhookSettings.model_validate(worse)


async def test_who_signs_nothing_wants_a_password_or_a_secret_path(tmp_path: Path) -> None:
    """Neither, a wrong one, or an empty one is refused."""
    async with outside(tmp_path) as it:
        for name in [one for one in NAMES if not dressed.about(one).signs]:
            plain = next(iter(provider(name).CLOTHES.values()))(letter(MAIL))
            for more in ((), (("authorization", "Basic Og=="),), (("authorization", "Bearer x"),)):
                assert await it.post(name, replace(plain, headers=(*plain.headers, *more))) in {401, 503}, name
            assert await it.post(name, replace(plain, path_secret="wrong")) in {401, 503}, name
            assert await it.post(name, replace(plain, path_secret=dressed.SECRET.replace(" ", "%20"))) == 200, name
        assert await it.stored() > 0
