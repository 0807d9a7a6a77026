"""Read-only questions to the operator's own service, keyed by code to the proven author.

Rules:
- Only for a proven author (a shared lookup aside), with values that stand in that author's own mail and fit their
  pattern: a model cannot ask for somebody else's order, nor try numbers.
- One GET to the configured place; values are percent-encoded; no redirect is followed, nothing that a mail names is
  ever fetched.
- Size and time are capped. An answer is a JSON object whose listed fields are short texts or numbers.
- Not found and not the author's are the same answer.
- An answer is kept for a while in memory, bounded in number.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog
from pydantic import ValidationError

from agent.answers import tool_output
from agent.asked import LookUp
from agent.lookup_settings import AUTHOR, LookupSettings
from agent.models.base import FunctionCall, MailView
from agent.strictjson import StrictJSONError, load_object
from inbound.addresses import canonical

if TYPE_CHECKING:
    import httpx2

TOOL = "look_up"
MAX_BYTES = 65_536
MAX_FIELD = 200
"""Characters of one field of an answer."""
MAX_LOOKUPS_A_RUN = 5
MAX_KEPT = 1000
MAX_AT_ONCE = 16

log = structlog.get_logger()


class Lookups:
    """All configured lookups over one HTTP client, which is made when it is first needed."""

    def __init__(self, settings: Sequence[LookupSettings]) -> None:
        self.settings = {one.name: one for one in settings}
        self._client: httpx2.AsyncClient | None = None
        self._kept: OrderedDict[tuple[str, str, tuple[tuple[str, str], ...]], tuple[float, dict[str, str] | None]] = (
            OrderedDict()
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def offered(self, mail: MailView) -> tuple[LookupSettings, ...]:
        """What may be asked about this mail."""
        return tuple(one for one in self.settings.values() if one.shared or (mail.authenticated and mail.author))

    async def answer_all(
        self, mail: MailView, calls: Iterable[FunctionCall], *, asked_before: int, own_text: str
    ) -> dict[str, str]:
        """Answer a turn's look_up calls: outputs by call id. Never raises for what a call or a service says."""
        wanted = [call for call in calls if call.name == TOOL]
        room = max(0, MAX_LOOKUPS_A_RUN - asked_before)
        over = tool_output(success=False, error=f"more than {MAX_LOOKUPS_A_RUN} lookups for one mail")
        outputs = await asyncio.gather(*(self._answer(mail, call.arguments, own_text) for call in wanted[:room]))
        found = {call.call_id: over for call in wanted[room:]}
        return {**found, **{call.call_id: output for call, output in zip(wanted, outputs, strict=False)}}

    async def _answer(self, mail: MailView, arguments: str, own_text: str) -> str:
        try:
            given = LookUp.model_validate(load_object(arguments))
        except (StrictJSONError, ValidationError) as error:
            return tool_output(success=False, error=f"the arguments do not fit: {str(error).splitlines()[0][:200]}")
        known = {one.name: one for one in self.offered(mail)}
        settings = known.get(given.name)
        if settings is None:
            names = ", ".join(known) or "none for this mail"
            return tool_output(success=False, error=f"there is no lookup {given.name[:60]!r}; there are {names}")
        values = {one.name: one.value for one in given.values}
        if problem := _misfit(settings, values, given, own_text):
            return tool_output(success=False, error=problem)
        try:
            found = await self._found(settings, mail.author if mail.authenticated else "", values)
        except Exception as error:  # noqa: BLE001 (whatever the service does, the run goes on without its answer)
            log.warning("lookup.failed", lookup=settings.name, error=type(error).__name__)
            return tool_output(success=False, error="the service gave no usable answer; a person has to look")
        if found is None:
            return tool_output(success=False, reason="nothing is known about this for the author of the mail")
        return tool_output(success=True, lookup=settings.name, asked=values, found=found, shared=settings.shared)

    async def _found(self, settings: LookupSettings, author: str, values: Mapping[str, str]) -> dict[str, str] | None:
        key = (settings.name, author, tuple(sorted(values.items())))
        clock = asyncio.get_running_loop().time()
        kept = self._kept.get(key)
        if kept is not None and clock < kept[0]:
            return kept[1]
        async with asyncio.timeout(settings.timeout_seconds):
            found = await self._ask(settings, author, values)
        self._kept[key] = (clock + settings.cache_seconds, found)
        self._kept.move_to_end(key)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return found

    async def _ask(self, settings: LookupSettings, author: str, values: Mapping[str, str]) -> dict[str, str] | None:
        import httpx2

        if self._client is None:
            limits = httpx2.Limits(max_connections=MAX_AT_ONCE)
            self._client = httpx2.AsyncClient(follow_redirects=False, trust_env=False, limits=limits, timeout=60)
        token = settings.token.get_secret_value()
        headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        async with self._client.stream("GET", place(settings.url, {**values, AUTHOR: author}), headers=headers) as got:
            if got.status_code == 404:
                return None
            if got.status_code != 200:
                raise LookupTroubleError(f"status {got.status_code}")
            body = b""
            async for piece in got.aiter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    raise LookupTroubleError(f"more than {MAX_BYTES} bytes")
        return _fields(settings, author, load_object(body.decode("utf-8")))


class LookupTroubleError(Exception):
    """The service's answer cannot be used."""


def place(url: str, values: Mapping[str, str]) -> str:
    """The address with its placeholders filled, percent-encoded so that no value leaves its part of the path."""
    return re.sub(r"\{([a-z][a-z0-9_]*)\}", lambda match: quote(values[match[1]], safe="").replace(".", "%2E"), url)


def _misfit(settings: LookupSettings, values: Mapping[str, str], given: LookUp, own_text: str) -> str:
    """Why these values cannot be asked for; empty where they can."""
    if len(values) != len(given.values) or set(values) != set(settings.variables):
        return f"this lookup takes exactly these values: {', '.join(settings.variables) or 'none'}"
    for name, value in values.items():
        if not value.isprintable() or not re.fullmatch(settings.variables[name], value):
            return f"{name} has not the form of one"
        if value.casefold() not in own_text.casefold():
            return f"{name} does not stand in the author's mail"
    return ""


def _fields(settings: LookupSettings, author: str, data: Mapping[str, Any]) -> dict[str, str] | None:
    """The listed fields as texts; None where the answer is another person's."""
    if settings.owner and (not author or canonical(str(data.get(settings.owner, ""))) != author):
        return None
    found: dict[str, str] = {}
    for name in settings.fields:
        value = data.get(name)
        if isinstance(value, bool | int | float | str) and len(str(value)) <= MAX_FIELD and str(value).isprintable():
            found[name] = str(value)
    return found
