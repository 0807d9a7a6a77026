"""A mail in a provider's clothes, posted to a webhook: how an operator tries a set-up without the provider.

Rules:
- It is signed with the configured secret, or with the private half of `public_key`: what is taken here is taken of the
  provider too.
- Resend posts only where a mail is: its API is played here, at the webhook's `api_url`, while the request lasts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import getaddresses
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from agent.commands import console, fail
from agent.config import Config
from agent.printing import line
from agent.web.server import DeskPortBusyError
from inbound import addresses
from inbound.settings import WebhookSettings
from inbound.webhooks.contract import Letter, Request, Signing
from inbound.webhooks.registry import clothes, provider

SECONDS = 30


class _CannotError(Exception):
    """Why this mail cannot be posted; for the operator."""


async def simulate(config: Config, name: str, raw: bytes, to: str, key: Path | None) -> int:
    """Post a mail as the provider would; 0 where it was taken."""
    known = clothes()
    if name not in known:
        return fail(f"{name} cannot be simulated; there are {', '.join(known)}")
    base = name.partition("-")[0]
    settings = next((one for one in config.webhooks if one.provider == base), None)
    if settings is None:
        return fail(f"{base} is not configured: add [[webhook]] with provider = {base!r}")
    try:
        private = _private(settings, key)
        letter = _letter(raw, config, settings)
        url = to or f"http://{config.webhook_door.host}:{config.webhook_door.port}/inbound/{base}"
        signing = Signing(
            secret=settings.secret.get_secret_value(),
            now=datetime.now(UTC),
            url=settings.public_url or url,
            key=private,
            topic=next(iter(settings.topics), ""),
        )
        async with _behind(settings, letter):
            return await _post(known[name](letter, signing), url)
    except (_CannotError, DeskPortBusyError) as error:
        return fail(str(error))


def _private(settings: WebhookSettings, path: Path | None) -> object:
    """The private key, where the provider proves itself by one."""
    if not provider(settings.provider).ABOUT.key or settings.by_password:
        return None
    if not settings.public_key:
        raise _CannotError(
            f"{settings.provider} signs with a key that nobody else has. For a trial make one "
            "(openssl genrsa -out key.pem 2048), set its public half (openssl rsa -in key.pem -pubout) as public_key, "
            "and name the file by --key"
        )
    if path is None:
        raise _CannotError(f"{settings.provider} signs with a private key: name its PEM file by --key")
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise _CannotError(f"{path} is no private key in PEM without a password: {error}") from None


@asynccontextmanager
async def _behind(settings: WebhookSettings, letter: Letter) -> AsyncIterator[None]:
    """What lies behind a request that only names a mail."""
    if settings.provider != "resend":
        yield
        return
    place = urlsplit(settings.api_url)
    if place.scheme != "http" or place.hostname not in {"127.0.0.1", "localhost", "::1"} or not place.port:
        raise _CannotError(
            "resend posts only where a mail is. For a trial set api_url = 'http://127.0.0.1:8028' in its [[webhook]]: "
            "Resend's API is played there"
        )
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    from agent.web.server import bind, serving

    base = place.path.rstrip("/")
    named = JSONResponse({"raw": {"download_url": f"{settings.api_url.rstrip('/')}/raw"}})
    routes = [Route(f"{base}/emails/receiving/{{name}}", named), Route(f"{base}/raw", Response(letter.raw))]
    listening = bind(place.hostname, place.port, what="the stand-in for Resend", setting="webhook.api_url")
    async with serving(Starlette(routes=routes), listening):
        yield


async def _post(made: Request, url: str) -> int:
    import httpx2

    where = f"{url}?{urlencode(made.query)}" if made.query else url
    try:
        async with httpx2.AsyncClient(timeout=SECONDS, trust_env=False) as client:
            answer = await client.post(where, content=made.body, headers=list(made.headers))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return fail(f"{url} does not answer: {type(error).__name__}. Is `postroom serve` running?")
    console.print(f"{answer.status_code} {line(answer.text[:200])}")
    return 0 if answer.is_success else 1


def _letter(raw: bytes, config: Config, settings: WebhookSettings) -> Letter:
    """The mail, to those of its recipients that are ours, else to the webhook's mailbox, else to the first one."""
    head = message_from_bytes(raw.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0])
    to = [found for _, one in getaddresses(head.get_all("to", [])) if (found := addresses.canonical(one))]
    ours = [one for one in to if config.mailbox_of(one)] or [settings.mailbox or config.mailboxes[0].address]
    sender = getaddresses(head.get_all("from", []))
    return Letter(raw, sender[0][1] if sender else "", tuple(ours))
