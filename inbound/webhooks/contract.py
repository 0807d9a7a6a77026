"""The shape of a provider's file, free of any framework.

Rules:
- `verify` sees the raw bytes and compares in constant time; what it gives is either a proof or why there is none.
- `parse` is called after `verify` and never before it. It gives raw RFC 5322 bytes, the provider's own where it has
  them, else rebuilt in one way from what it posted: the same request gives the same bytes.
- What a provider makes of a status is a table in its file (`About.means`). Trouble of ours is always 503; a wrong
  secret, a wrong clock or a request that nobody here can read never gets a status that loses a customer's mail.
- What else has to be known of a provider stands in its `About`: settings, `postroom check`, the start, `postroom
  simulate` and the tests read it there, so that a new one is one file.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from inbound.contracts import DeliveryEvent, SpamWord

Why = Literal["unauthentic", "stale", "unreadable", "replayed", "not_ours", "too_large"]
Means = Literal["done", "again", "never", "bounces"]
"""What a provider does after an answer: all is well; posts it again; drops it; tells the customer that it failed."""
JSON_TYPES = frozenset({"application/json", "text/json"})


@dataclass(frozen=True)
class Request:
    """One HTTP request as it came."""

    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    """Names in lower case; a header that came twice stands here twice."""
    path_secret: str = ""
    """What stands behind the provider's name in the path."""
    query: tuple[tuple[str, str], ...] = ()
    url: str = ""
    """By which the provider reaches us, as the operator configured it (Mandrill signs it)."""
    method: str = "POST"

    def header(self, name: str) -> str | None:
        """The value of a header that came once; None where it is missing, empty or came twice."""
        found = [value for given, value in self.headers if given == name]
        return found[0] if len(found) == 1 and found[0] else None

    @property
    def content_type(self) -> str:
        return (self.header("content-type") or "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Secrets:
    """What the operator configured for one provider."""

    values: tuple[str, ...]
    """One secret, or two while one takes the place of the other. Never empty text."""
    public_keys: tuple[str, ...] = ()
    """PEM, or base64 of DER; two while one takes the place of the other."""
    certificate: str = ""
    """SNS: what `needs` asked for, in PEM."""
    topics: tuple[str, ...] = ()
    """SNS: the ARNs of our topics."""
    window: timedelta = timedelta(minutes=5)
    """How old a signed time may be, and how far ahead."""


@dataclass(frozen=True)
class Proven:
    """The provider sent this."""

    at: datetime | None = None
    """The time that it signed."""


@dataclass(frozen=True)
class Refusal:
    why: Why
    reason: str
    """For our log; the answer says no more than the status."""


@dataclass(frozen=True)
class InboundMail:
    """One mail of a request."""

    raw: bytes
    """Empty where it is fetched: see `Fetch`."""
    mail_from: str | None = None
    """The return path as the provider gives it, not canonical; None where it does not, empty for the null one."""
    rcpt_to: tuple[str, ...] = ()
    provider_id: str = ""
    """What the provider calls it, the same at each try; empty where it has no name for it."""
    vouched: tuple[str, ...] = ()
    """Domains of which the provider says that a DKIM signature of theirs holds."""
    spam: tuple[SpamWord, ...] = ()
    """What the provider's own filter says."""
    bound: str = ""
    """Where the signature does not cover the body: what it covers. It may come again with the same body only."""
    fetch: Fetch | None = None
    pieces: tuple[Fetch, ...] = ()
    """Attachments that lie elsewhere; fetched where the operator gave the API's key, else `raw` stands without them."""
    built: Callable[[Sequence[bytes]], bytes] | None = None
    """Makes `raw` of what `pieces` gave, in their order."""


@dataclass(frozen=True)
class Fetch:
    """Where the bytes are, where the request does not bring them."""

    url: str
    hosts: tuple[str, ...]
    """The only hosts that may be asked, exact or `.suffix`."""
    bearer: bool = False
    """Whether the secret for the provider's API is sent along."""
    header: str = ""
    """Name of a header that carries the secret instead."""
    api: str = ""
    """The part of `url` in whose place an operator may put another one (`api_url`), to try it without the provider."""
    then: str = ""
    """Member of the JSON that comes (`raw.download_url`) which names the place of the bytes themselves."""


@dataclass(frozen=True)
class Answers:
    """What the provider is to hear; what it does then stands beside it in its file."""

    taken: int = 200
    unauthentic: int = 401
    stale: int = 401
    unreadable: int = 400
    replayed: int = 401
    not_ours: int = 404
    too_large: int = 413
    ours: int = 503
    """Our own trouble: it comes again."""

    def of(self, why: Why) -> int:
        found: int = getattr(self, why)
        return found


@dataclass(frozen=True)
class Parsed:
    mails: tuple[InboundMail, ...] = ()
    events: tuple[DeliveryEvent, ...] = ()
    confirm: str = ""
    """SNS: a URL that has to be visited once, so that a topic sends."""
    unread: tuple[tuple[bytes, str], ...] = field(default=())
    """Items of a batch that could not be read, with why; they are kept for a person."""


@dataclass(frozen=True)
class About:
    """What has to be known of a provider besides how it proves itself and what it posts."""

    means: Mapping[str, Means]
    """What it makes of each class of statuses (`2xx`, `4xx`, `5xx`), and of those that are an exception (`403`)."""
    signs: bool = True
    """False: it has nothing to sign with, so that a password or a secret path has to prove it."""
    covers: bool = True
    """Whether what it signs covers the mail; where not, a changed mail is known by nothing but a replay."""
    lasts: timedelta | None = None
    """How old a signed time may be, where that is longer than the window; None where no time is signed."""
    needs: Mapping[str, str] = field(default_factory=dict)
    """Keys of its `[[webhook]]` without which it does not start (`one|other`: any of them), and why."""
    standard: bool = False
    """Whether its secrets are in the form of Standard Webhooks."""
    key: Literal["", "ec", "rsa"] = ""
    """Of which kind `public_key` is."""
    raw: bool = True
    """Whether it posts the mail's own bytes; else the mail is rebuilt, and its author counts as unproven."""
    files: bool = True
    """Whether attachments come along."""
    reports: bool = True
    """Whether it tells what became of mail that left, and this is read."""

    def meaning(self, status: int) -> Means:
        return self.means.get(str(status)) or self.means[f"{status // 100}xx"]


class UnreadableError(ValueError):
    """An authentic request that is not what the provider documents."""


@dataclass(frozen=True)
class Letter:
    """A mail that is to be dressed as a provider posts it."""

    raw: bytes
    mail_from: str
    rcpt_to: tuple[str, ...]


@dataclass(frozen=True)
class Signing:
    """With what it is signed."""

    secret: str
    now: datetime
    url: str = ""
    key: Any = None
    """The private half of `public_key`."""
    topic: str = ""

    @property
    def stamp(self) -> str:
        return str(int(self.now.timestamp()))


Dress = Callable[[Letter, Signing], Request]


class Provider(Protocol):
    """A provider's module."""

    NAME: str
    ABOUT: About
    ANSWERS: Answers
    CLOTHES: Mapping[str, Callable[[Letter], Request]]
    """How `postroom simulate` and the tests dress a mail as it does, unsigned; by form, the usual one as ""."""

    def verify(self, request: Request, secrets: Secrets, now: datetime) -> Proven | Refusal: ...

    def parse(self, request: Request) -> Parsed: ...

    def sign(self, request: Request, signing: Signing) -> Request:
        """A request without a proof, proven as the provider does it."""


def load_json(body: bytes, *, once: bool = False) -> Any:
    """JSON of UTF-8; `once`: no name may stand twice, as where a signature is over members. Raises UnreadableError."""
    try:
        return json.loads(body, object_pairs_hook=_each_once if once else None)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"no JSON: {error}"[:200]) from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def posted_json(request: Request) -> Any:
    """The body of a provider that posts JSON and says so. Raises UnreadableError."""
    if request.content_type not in JSON_TYPES:
        raise UnreadableError(f"the content type {request.content_type[:60]!r} is not application/json")
    return load_json(request.body)


def member(data: Any, *path: str, kind: type | tuple[type, ...] = str) -> Any:
    """A member of JSON. Raises UnreadableError where it is missing or of another kind."""
    found = data
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            raise UnreadableError(f"{'.'.join(path)} is missing")
        found = found[name]
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is int):
        raise UnreadableError(f"{'.'.join(path)} is of the wrong kind")
    return found


def optional(data: Any, *path: str, kind: type | tuple[type, ...] = str, default: Any = "") -> Any:
    """A member of JSON, or `default` where it is missing, null or of another kind."""
    try:
        return member(data, *path, kind=kind)
    except UnreadableError:
        return default


def from_base64(text: str) -> bytes:
    """Raises UnreadableError for what is no base64."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableError("a part is no base64") from None


def utf8(text: str) -> bytes:
    """Text of JSON as bytes; raw mail that came as text has its 8-bit bytes in UTF-8."""
    for errors in ("strict", "surrogateescape"):
        try:
            return text.encode("utf-8", errors)
        except UnicodeEncodeError:
            continue
    return text.encode("utf-8", "replace")


def objects(found: Any) -> Sequence[Any]:
    """What stands in a JSON list. Raises UnreadableError where it is none."""
    if not isinstance(found, list):
        raise UnreadableError("no list")
    return found
