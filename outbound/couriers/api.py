"""What the couriers of provider APIs share: one POST, and what its answer means.

    where                  what happens                                          outcome
    ---------------------  ----------------------------------------------------  ---------
    before the request     address not plain, nothing to build it from           never
    connect, TLS           refused, reset, time-out, certificate not valid       again
    sending the request    reset, time-out                                       in doubt, or again (idempotent)
    waiting, reading       reset, time-out, garbage instead of HTTP              in doubt, or again (idempotent)
    answer                 2xx with the provider's id                            sent
    answer                 2xx without one, cut off, too large                   in doubt
    answer                 3xx                                                   again (nothing is followed)
    answer                 401, 403, 404 (our key, our account, our URL)         again
    answer                 408, 425, 429, 503                                    again
    answer                 other 4xx                                             never
    answer                 other 5xx                                             in doubt, or again (idempotent)

A provider's own codes, where its documentation gives them, come before this table: they stand in its file.

Rules:
- In doubt is for a person. Only where the provider knows one request from its copy by a key of ours, and only while it
  surely still does, a doubt is tried again instead.
- https, no redirect, no proxy of the environment; the key goes to the configured address alone and into no text.
- An answer has a most of bytes, an attempt a most of time (`CourierSettings.longest_attempt_seconds`).
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx2

from outbound.addresses import canonical
from outbound.compose import Inspected, inspect
from outbound.contracts import Again, ApprovedEmail, DeliveryResult, InDoubt, Never, Refused, Sent, Unserved
from outbound.couriers.wording import one_line
from outbound.enclosures import File
from outbound.settings import CourierSettings

MAX_ANSWER = 64 * 1024
OPERATORS = frozenset({401, 403, 404})
BUSY = frozenset({408, 425, 429, 503})
SURE = timedelta(hours=7)
"""How long after its approval a mail's doubt may be tried again by key: the next try is at most eight hours later, and
providers keep a key for twenty-four."""


@dataclass(frozen=True)
class Asked:
    """One request."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    data: Any
    """The body as JSON; None where it is none."""

    def text(self, *path: str) -> str:
        """A member of the JSON as text, empty where it is missing."""
        found = self.data
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""


class Provider(Protocol):
    """A provider's file."""

    NAME: str
    IDEMPOTENT: bool
    """Whether it knows a request from its copy by a key that goes along."""

    def build(self, settings: CourierSettings, email: ApprovedEmail, now: datetime) -> Asked | Never: ...

    def accepted(self, answer: Answer) -> str:
        """The provider's id in a 2xx; empty where there is none."""

    def own_word(self, answer: Answer) -> DeliveryResult | None:
        """What a documented code of its own means; None where the shared table decides."""

    def says_nobody(self, answer: Answer) -> bool:
        """Whether it says, for good, that nobody is behind the address."""


class ApiCourier:
    """Hands each mail to one provider."""

    def __init__(self, settings: CourierSettings, provider: Provider) -> None:
        self.name = provider.NAME
        self._settings = settings
        self._provider = provider
        self._client: httpx2.AsyncClient | None = None
        self._now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        if any(canonical(one) != one for one in (email.sender, *email.to_serve)):
            return Never(reason="the sender or a recipient is not a plain address")
        asked = self._provider.build(self._settings, email, self._now())
        if isinstance(asked, Never):
            return asked
        try:
            async with asyncio.timeout(self._settings.longest_attempt_seconds):
                return self._read(email, await self._post(asked))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol) as error:
            return Again(reason=f"{self.name} could not be reached: {one_line(type(error).__name__)}")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
            return self._doubt(email, f"no answer of {self.name}: {type(error).__name__}")

    async def _post(self, asked: Asked) -> Answer | None:
        """None where the answer is larger than any that is documented."""
        if self._client is None:
            timeout = httpx2.Timeout(
                self._settings.answer_timeout_seconds, connect=self._settings.connect_timeout_seconds
            )
            self._client = httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=timeout)
        async with self._client.stream("POST", asked.url, content=asked.body, headers=dict(asked.headers)) as got:
            found = bytearray()
            async for piece in got.aiter_bytes():
                found += piece
                if len(found) > MAX_ANSWER:
                    return None
        headers = {name.lower(): value for name, value in got.headers.items()}
        return Answer(got.status_code, headers, _json(bytes(found)))

    def _read(self, email: ApprovedEmail, answer: Answer | None) -> DeliveryResult:
        if answer is None:
            return InDoubt(reason=f"{self.name} sent an answer that is too large to be one")
        words = f"{self.name} answered {answer.status}{_said(answer)}"
        if 200 <= answer.status < 300 and (named := self._provider.accepted(answer)):
            return Sent(detail=f"{self.name} took it as {one_line(named)}")
        own = self._provider.own_word(answer)
        if isinstance(own, Never) and self._provider.says_nobody(answer) and len(email.to_serve) == 1:
            who = Unserved(address=email.to_serve[0], reason=own.reason, again=False, nobody=True)
            return own.model_copy(update={"unserved": (who,)})
        return own or _shared(answer.status, words) or self._doubt(email, words)

    def _doubt(self, email: ApprovedEmail, reason: str) -> DeliveryResult:
        if self._provider.IDEMPOTENT and self._now() - email.approved_at < SURE:
            return Again(reason=f"{reason}; it knows the mail by its key and takes it once")
        return InDoubt(reason=f"{reason}; it may have been accepted")

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _shared(status: int, words: str) -> Again | Never | None:
    """What a status means with all of them; None where it leaves a doubt."""
    if status in OPERATORS:
        return Again(reason=f"{words}: look at courier.api_key, the account and the URL")
    if status in BUSY or 300 <= status < 400:
        return Again(reason=words)
    return Never(reason=words) if 400 <= status < 500 else None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _said(answer: Answer) -> str:
    """The provider's own words, wherever they stand."""
    data = answer.data
    if isinstance(data, Mapping) and isinstance(data.get("errors"), list) and data["errors"]:
        data = data["errors"][0]
    if not isinstance(data, Mapping):
        return ""
    found = next((data[name] for name in ("message", "Message", "error") if isinstance(data.get(name), str)), "")
    return f" ({one_line(found)})" if found else ""


def read_mail(email: ApprovedEmail) -> Inspected | Never:
    """What the approved bytes say, for providers that take no bytes: they serve all recipients or nobody."""
    found = inspect(email.raw)
    if isinstance(found, Refused):
        return Never(reason=f"the stored mail cannot be read: {found.reason}")
    if email.settled:
        return Never(reason="some have it already, and this provider cannot serve the others alone")
    return found


THREADING = ("in-reply-to", "references", "auto-submitted")


def own_headers(found: Inspected, *, message_id: bool = True) -> dict[str, str]:
    """The headers that a provider does not make itself, by their names."""
    names = {"in-reply-to": "In-Reply-To", "references": "References", "auto-submitted": "Auto-Submitted"}
    made = {shown: value for name, shown in names.items() if (value := found.header(name))}
    return {"Message-ID": f"<{found.message_id}>", **made} if message_id else made


def in_base64(file: File) -> str:
    return base64.b64encode(file.data).decode("ascii")


def dumped(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=True).encode("ascii")
