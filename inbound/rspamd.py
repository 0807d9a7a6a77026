"""Rspamd's word on one mail, by its HTTP protocol: POST /checkv2.

Rules:
- One request to the configured place, the mail as it came, with what the door saw of it. No redirect, no proxy.
- Time and size of the answer are bounded. Whatever is no answer (away, busy, not JSON, an action that nobody knows) is
  `Unasked` with its reason: never a verdict.
- Scores are read with the action that Rspamd's own configuration makes of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inbound.contracts import Envelope, SpamWord
from inbound.spam import DOUBTFUL_ACTIONS, RSPAMD, SPAM_ACTIONS, Unasked, number
from inbound.spam_settings import SpamSettings

if TYPE_CHECKING:
    import httpx2

MOST = 1_000_000
"""Bytes of an answer."""
SHOWN = 6
"""Symbols that a person is told."""
KNOWN = SPAM_ACTIONS | DOUBTFUL_ACTIONS | {"no action"}


class Rspamd:
    """One Rspamd; its client is made when it is first needed."""

    def __init__(self, settings: SpamSettings) -> None:
        self._settings = settings
        self._client: httpx2.AsyncClient | None = None

    async def ask(self, raw: bytes, envelope: Envelope) -> SpamWord | Unasked | None:
        """What it says; None where none is configured."""
        if not self._settings.rspamd_url:
            return None
        import httpx2  # where none is configured it is not paid for

        if self._client is None:
            self._client = httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=None)
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                return await self._ask(self._client, raw, envelope)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
            return Unasked(f"Rspamd: {type(error).__name__}")

    async def _ask(self, client: httpx2.AsyncClient, raw: bytes, envelope: Envelope) -> SpamWord | Unasked:
        place = f"{self._settings.rspamd_url}/checkv2"
        async with client.stream("POST", place, content=raw, headers=self._headers(envelope)) as answer:
            if answer.status_code != 200:
                return Unasked(f"Rspamd answered {answer.status_code}")
            found = bytearray()
            async for piece in answer.aiter_bytes():
                found += piece
                if len(found) > MOST:
                    return Unasked("Rspamd's answer is too large")
        return read(bytes(found))

    def _headers(self, envelope: Envelope) -> list[tuple[str, str]]:
        given = [("From", envelope.mail_from), *(("Rcpt", one) for one in envelope.rcpt_to)]
        given += [("IP", envelope.peer), ("Helo", envelope.helo)]
        given += [("Password", self._settings.rspamd_password.get_secret_value())]
        return [(name, value) for name, value in given if value and value.isascii() and value.isprintable()]

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def read(body: bytes) -> SpamWord | Unasked:
    """What an answer says. Pure."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return Unasked("Rspamd's answer is no JSON")
    if not isinstance(data, dict):
        return Unasked("Rspamd's answer is no object")
    action, score = data.get("action"), number(data.get("score"))
    if not isinstance(action, str) or action not in KNOWN or score is None:
        said = data.get("error") or action
        return Unasked(f"Rspamd said neither score nor a known action: {str(said)[:100]}")
    weights = _weights(data.get("symbols"))
    return SpamWord(
        source=RSPAMD,
        score=score,
        flagged=action in SPAM_ACTIONS,
        doubtful=action in DOUBTFUL_ACTIONS,
        phishing=any("PHISH" in name and weight > 0 for name, weight in weights.items()),
        detail=", ".join([action, *sorted(weights, key=lambda name: (-weights[name], name))[:SHOWN]])[:300],
    )


def _weights(symbols: Any) -> dict[str, float]:
    """Symbols that speak against the mail, with their points."""
    given = symbols.items() if isinstance(symbols, Mapping) else ()
    found = {str(name)[:60]: number(one.get("score")) for name, one in given if isinstance(one, Mapping)}
    return {name: points for name, points in found.items() if points and points > 0 and name.isprintable()}
