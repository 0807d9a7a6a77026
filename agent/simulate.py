"""A mail in a provider's clothes, posted to a webhook: how an operator tries a set-up without the provider."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import getaddresses
from pathlib import Path
from urllib.parse import urlencode

from agent.commands import console, fail
from agent.config import Config
from agent.printing import line
from inbound import addresses
from inbound.settings import WebhookSettings
from inbound.webhooks.clothes import CLOTHES, Letter, Signing
from inbound.webhooks.contract import Request

SECONDS = 30


async def simulate(config: Config, name: str, raw: bytes, to: str, key: Path | None) -> int:
    """Post a mail as the provider would; 0 where it was taken."""
    if name not in CLOTHES:
        return fail(f"{name} cannot be simulated; there are {', '.join(CLOTHES)}")
    provider = name.removesuffix("-parsed")
    settings = next((one for one in config.webhooks if one.provider == provider), None)
    if settings is None:
        return fail(f"{provider} is not configured: add [[webhook]] with provider = {provider!r}")
    private = _private_key(key) if key else None
    if (provider == "postal" or (provider == "sendgrid" and settings.public_key)) and private is None:
        return fail(f"{provider} signs with a private key: name its PEM file by --key")
    letter = _letter(raw, config, settings)
    url = to or f"http://{config.webhook_door.host}:{config.webhook_door.port}/inbound/{provider}"
    signing = Signing(settings.secret.get_secret_value(), datetime.now(UTC), settings.public_url or url, private)
    return await _post(CLOTHES[name](letter, signing), url)


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


def _private_key(path: Path) -> object:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(path.read_bytes(), None)
