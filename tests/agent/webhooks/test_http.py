"""The webhook door over real HTTP: sizes, routes, what is configured, what is said at start."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError

from agent.check import notes
from agent.config import ConfigError, load
from agent.serve import assemble, build, opened, running
from agent.web.server import bind
from inbound.settings import WebhookSettings
from inbound.webhooks.contract import Letter, Signing
from inbound.webhooks.registry import NAMES, clothes, provider
from outbound.couriers.registry import open_courier
from tests.agent.postroom import CUSTOMER, HOURS, START, SUPPORT, Clock, configuration
from tests.agent.stores import lay_for
from tests.inbound.webhooks import dressed

SECRET = "a secret of some length"
MAIL = f"From: {CUSTOMER}\r\nTo: {SUPPORT}\r\nSubject: A question\r\nMessage-ID: <h@x>\r\n\r\n{HOURS}\r\n".encode()
LETTER = Letter(MAIL, CUSTOMER, (SUPPORT,))


@asynccontextmanager
async def listening(
    folder: Path, names: Sequence[str] = ("postmark", "mailgun", "cloudmailin"), **door: object
) -> AsyncIterator[httpx2.AsyncClient]:
    """A whole service with these providers configured."""
    config = configuration(folder, webhook=[dressed.section(one) for one in names], webhooks={"port": 0, **door})
    await lay_for(config)
    async with opened(config) as database:
        service = assemble(build(config, database=database, now=Clock()), open_courier(config.courier))
        assert service.hooks is not None
        port = service.hooks.getsockname()[1]
        async with running(service), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False) as client:
            yield client


async def post(client: httpx2.AsyncClient, path: str, name: str = "postmark", secret: str = SECRET) -> int:
    made = clothes()[name](LETTER, Signing(secret, START))
    return (await client.post(path, content=made.body, headers=list(made.headers))).status_code


async def test_only_what_is_configured_is_there(tmp_path: Path) -> None:
    """Others are 404, as are pages that there are not."""
    async with listening(tmp_path) as client:
        assert await post(client, "/inbound/postmark") == 200
        assert await post(client, "/inbound/sparkpost") == 404
        assert await post(client, "/inbound/nobody") == 404
        assert (await client.get("/")).status_code == 404
        assert (await client.get("/inbound/postmark")).status_code == 405
        assert (await client.head("/inbound/mailgun")).status_code == 200


async def test_a_path_may_carry_the_secret_or_a_form(tmp_path: Path) -> None:
    """Behind the provider's name: the secret for who signs nothing, `mime` for Mailgun."""
    async with listening(tmp_path) as client:
        made = clothes()["postmark"](LETTER, Signing(SECRET, START))
        plain = {"content-type": "application/json"}
        for path, status in ((f"/inbound/postmark/{SECRET}", 200), ("/inbound/postmark/other", 401)):
            assert (await client.post(path, content=made.body, headers=plain)).status_code == status
        assert await post(client, "/inbound/mailgun/mime", "mailgun") == 200
        assert await post(client, "/inbound/mailgun", "mailgun", secret="another one") == 401


async def test_a_request_that_is_too_large_is_413(tmp_path: Path) -> None:
    """Of whichever provider, and of none: by the length that is claimed, and by what comes in pieces without one."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 1000

    async with listening(tmp_path, NAMES, max_body_bytes=10_000) as client:
        for name in NAMES:
            for content in (pieces(), b"x" * 30_000):
                assert (await client.post(f"/inbound/{name}", content=content)).status_code == 413, name
            small = await client.post(f"/inbound/{name}", content=b"x" * 9_000)
            assert small.status_code == provider(name).ANSWERS.unauthentic, name
        assert (await client.post("/inbound/nobody", content=b"x" * 30_000)).status_code == 413
        assert await post(client, "/inbound/postmark") == 200


async def test_the_start_says_by_what_each_provider_proves_itself(tmp_path: Path) -> None:
    """Who signs nothing demands a password or a secret path, and it is said where it posts to."""
    config = configuration(tmp_path, webhook=[dressed.section(one) for one in NAMES], webhooks={"port": 0})
    await lay_for(config)
    async with opened(config) as database:
        service = assemble(build(config, database=database, now=Clock()), open_courier(config.courier))
        async with running(service):
            for name, line in zip(NAMES, service.hook_lines, strict=True):
                assert f"/inbound/{name} (" in line
                assert ("it signs nothing: HTTP basic" in line) is (not provider(name).ABOUT.signs), line


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_open_by_an_empty_secret(name: str) -> None:
    """Whatever a provider is proven by: left out, empty or short, it does not start."""
    good = dressed.section(name)
    assert WebhookSettings.model_validate(good).provider == name
    for key in set(good) - {"provider"}:
        for value in ([] if key == "topics" else "", *(["short"] if key == "secret" else [])):
            with pytest.raises(ValidationError, match=f"{name} needs"):
                WebhookSettings.model_validate({**good, key: value})
        with pytest.raises(ValidationError, match=f"{name} needs"):
            WebhookSettings.model_validate({one: good[one] for one in good if one != key})


@pytest.mark.parametrize("key", ["no key", dressed.public(dressed.key("rsa")), "-----BEGIN PUBLIC KEY-----\nx"])
def test_a_key_that_is_none_does_not_start(key: str) -> None:
    """Or is of another kind than the provider signs with."""
    for change in ({"public_key": key}, {"previous_public_key": key}):
        with pytest.raises(ValidationError, match="EC key"):
            dressed.settings("sendgrid", **change)
    with pytest.raises(ValidationError, match="no use for public_key"):
        dressed.settings("postmark", public_key=key)


async def test_who_reads_4xx_as_a_bounce_hears_none(tmp_path: Path) -> None:
    """CloudMailin would send the customer an error: a wrong password of ours is a 5xx."""
    async with listening(tmp_path) as client:
        assert await post(client, "/inbound/cloudmailin", "cloudmailin", secret="a wrong one") == 503
        assert await post(client, "/inbound/cloudmailin", "cloudmailin") == 200


async def test_a_body_that_never_ends_is_let_go(tmp_path: Path) -> None:
    """A request that stops in the middle holds nothing up: it is asked to come again."""
    async with listening(tmp_path, body_seconds=0.2) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"POST /inbound/postmark HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
        assert b" 503 " in await asyncio.wait_for(reader.readline(), 3)
        writer.close()
        assert await post(client, "/inbound/postmark") == 200


@pytest.mark.parametrize("length", ["10001", "9" * 20])
async def test_a_claim_that_is_too_large_is_413_before_a_byte_came(tmp_path: Path, length: str) -> None:
    """However many digits it has."""
    async with listening(tmp_path, max_body_bytes=10_000) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(f"POST /inbound/postmark HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert b" 413 " in await asyncio.wait_for(reader.readline(), 3)
        writer.close()


CASES = {
    'provider = "postmark"': "needs secret",
    'provider = "postmrak"': "did you mean postmark",
    'provider = "nobody"': "provider",
    'provider = "ses"': "topics",
    'provider = "ses"\ntopics = ["mail"]': "topics",
    'provider = "postal"': "public_key",
    'provider = "mandrill"': "secret",
    'provider = "postmark"\nmailbox = "who@larkspur.example"': "no mailbox",
    'provider = "postmark"\nsecret = "in the file"': "does not stand in the file",
}


@pytest.mark.parametrize("section", CASES)
def test_a_webhook_that_cannot_be_proven_does_not_start(tmp_path: Path, section: str) -> None:
    """An empty secret, an unknown provider, a topic that is none: said in a line that names it."""
    environ = {"POSTROOM_WEBHOOK_POSTMARK_SECRET": SECRET} if "mailbox" in section else {}
    (tmp_path / "config.toml").write_text(
        f'[[mailbox]]\naddress = "{SUPPORT}"\nplaybook = "."\n[[webhook]]\n{section}\n'
    )
    with pytest.raises(ConfigError, match=CASES[section]):
        load(tmp_path / "config.toml", environ)


def test_secrets_come_from_the_environment(tmp_path: Path) -> None:
    """By the provider's name; the previous one beside it."""
    text = f'[[mailbox]]\naddress = "{SUPPORT}"\nplaybook = "."\n[[webhook]]\nprovider = "mailgun"\n'
    (tmp_path / "config.toml").write_text(text)
    environ = {"POSTROOM_WEBHOOK_MAILGUN_SECRET": SECRET, "POSTROOM_WEBHOOK_MAILGUN_PREVIOUS_SECRET": "the one before"}
    (found,) = load(tmp_path / "config.toml", environ).webhooks
    assert (found.secret.get_secret_value(), found.previous_secret.get_secret_value()) == (SECRET, "the one before")
    assert SECRET not in repr(found)


def test_check_tells_what_a_webhook_rests_on() -> None:
    """That a password is all there is, that a provider's word of DKIM and spam counts, and which variables are read."""
    webhooks = [
        {"provider": "postmark", "secret": SECRET},
        {"provider": "sendgrid", "secret": SECRET, "trusted": True},
        {"provider": "mailgun", "secret": SECRET},
    ]
    config = configuration(Path("folder"), webhook=webhooks)
    environ = {"POSTROOM_WEBHOOK_POSTMARK_SECRET": SECRET, "POSTROOM_WEBHOOK_BREVO_SECRET": SECRET}
    told = list(notes(config, {}, environ))
    assert [one for one in told if one.startswith("webhook postmark")] != []
    assert len([one for one in told if one.startswith("webhook sendgrid")]) == 3
    assert [one for one in told if one.startswith("webhook mailgun")] == []
    assert [one for one in told if "nothing reads it" in one] == [
        next(one for one in told if one.startswith("POSTROOM_WEBHOOK_BREVO_SECRET"))
    ]


async def test_an_answer_does_not_wait_for_the_next_acknowledgement() -> None:
    """Nagle's algorithm is off on what is accepted: with it an answer of two writes takes 40 ms and more."""
    seen: list[int] = []

    async def took(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listening = bind("127.0.0.1", 0)
    async with await asyncio.start_server(took, sock=listening):
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        assert await reader.read() == b""
        writer.close()
    assert seen == [1]
