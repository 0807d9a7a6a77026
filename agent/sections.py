"""The sections of config.toml that stand in no package of their own, and what their values have to be.

Rules:
- Every key has its default and a sentence on what it does; docs/configuration.md is made of them.
- A value that could never work is refused where it is read, with what it is to be.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from agent.quiet import span, zone
from inbound.addresses import canonical, canonical_domain
from inbound.settings import ContactForm, Forwarder

STORE_PASSWORD = "POSTROOM_STORE_PASSWORD"  # noqa: S105 (a name)

_LINK = re.compile(r"(?:https?://)?([a-zA-Z0-9.-]+)(?::(\d{1,5}))?(?:/[^\s?#*\\]*)?", re.ASCII)
_HOST = re.compile(r"(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.ASCII)


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _address(value: str) -> str:
    found = canonical(value)
    if found is None:
        raise ValueError(f"{value!r} is not a plain address like support@example.com")
    return found


def _one_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("is to be one line of visible characters")
    return value


def _link(value: str) -> str:
    """Links are compared by scheme, host and path below: an entry that could never match is a mistake."""
    match = _LINK.fullmatch(value)
    sound = match and canonical_domain(match[1]) == match[1].lower() and 0 < int(match[2] or 1) < 65536
    if not sound or not value.isascii() or ".." in value:
        raise ValueError(f"{value!r} is not the beginning of a link, like 'https://shop.example/help/'")
    return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(f"{value!r} is not what a browser sends as Host, like 'desk.example.com' or 'desk.local:8443'")
    return value


def _paragraph(value: str) -> str:
    if not all(line.isprintable() for line in value.split("\n")):
        raise ValueError("is to be lines of visible characters")
    return value.strip("\n")


def _disclosure(value: str) -> str:
    """Who answers has to learn the word that reaches a person."""
    if value and not re.search(r"\bHUMAN\b", value):
        raise ValueError("is to name the word HUMAN: who answers it reaches a person")
    return _one_line(value)


def _hours(value: str) -> str:
    if value:
        span(value)
    return value


def _zone(value: str) -> str:
    zone(value)
    return value


def _database(value: str) -> str:
    if not value or value.startswith("sqlite+aiosqlite:////"):
        return value
    if not value.startswith("postgresql+psycopg://"):
        raise ValueError(
            "is to be empty (SQLite in data_dir), 'sqlite+aiosqlite:////path/from/the/root.db' or "
            "'postgresql+psycopg://user@host:5432/database'"
        )
    try:
        parsed = urlsplit(value)
        parsed.port  # noqa: B018 (it is read when it is asked for)
    except ValueError as error:
        raise ValueError(f"is no URL: {error}") from None
    given = {name.lower() for name, _ in parse_qsl(parsed.query, keep_blank_values=True)}
    if parsed.password is not None or given & {"password", "sslpassword"}:
        raise ValueError(f"a password does not stand in the file; set {STORE_PASSWORD}, or password_file")
    if not parsed.path.strip("/"):
        raise ValueError("names no database; it is to end like '/postroom'")
    return value


def _review_rules(value: tuple[str, ...]) -> tuple[str, ...]:
    if value:
        from agent.policy import REVIEWED  # a file that names none does not pay for it

        if strange := sorted(set(value) - REVIEWED):
            raise ValueError(f"{', '.join(strange)}: no such review rule; there are {', '.join(sorted(REVIEWED))}")
    return value


OurAddress = Annotated[str, AfterValidator(_address)]
AllowedLink = Annotated[str, AfterValidator(_link)]
Host = Annotated[str, AfterValidator(_host)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class PostroomSettings(Section):
    """`[postroom]`: the installation."""

    tenant_id: str = Field(default="default", pattern=r"^[a-z0-9_-]{1,64}$")
    """Stands in every proposal and idempotency key."""
    data_dir: Path = Path("data")
    """Database, keys and, by default, the Maildir of replies."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged: this and what is worse."""
    log_format: Literal["text", "json"] = "text"
    """One line an event either way."""


class StoreSettings(Section):
    """`[store]`: the database."""

    url: Annotated[str, AfterValidator(_database)] = ""
    """Empty: SQLite in `data_dir`/postroom.db. Or `sqlite+aiosqlite:////` and the rest of an absolute path, or
    `postgresql+psycopg://user@host:5432/database` (extra `postgres`), libpq's options as `?sslmode=verify-full`."""
    password: SecretStr = SecretStr("")
    """For PostgreSQL; empty where the server asks for none, or libpq finds it by itself."""
    pool_size: int = Field(default=10, ge=2, le=200)
    """PostgreSQL: connections of this process at most, one for listening aside."""


class DeskSettings(Section):
    """`[desk]`: the pages for people."""

    host: str = "127.0.0.1"
    """Address to listen on. Put a proxy with HTTPS in front of any other than loopback."""
    port: int = Field(default=8025, ge=0, le=65535)
    """0: any free one."""
    allowed_hosts: tuple[Host, ...] = ()
    """Further Host headers that are answered (`desk.example.com`); loopback names with the port always are."""
    secure_cookies: bool = False
    """Set it where a proxy serves the desk by HTTPS."""
    undo_seconds: int = Field(default=10, ge=0, le=600)
    """So long a reply that was approved at the desk stays before it leaves, so that it can be taken back."""
    session_idle_minutes: int = Field(default=480, ge=5, le=43_200)
    """Who does nothing at the desk for so long has to log in again, ..."""
    session_days: int = Field(default=7, ge=1, le=90)
    """... and everybody after so long."""
    attempts_per_hour: float = Field(default=30, gt=0, le=3600)
    """To log in under one name; an address has ten times as many."""
    attempts_burst: int = Field(default=8, ge=1, le=1000)
    """Of them at once."""


class RetentionSettings(Section):
    """`[retention]`: how long what is no longer needed is kept. 0: for ever."""

    model_calls_days: int = Field(default=90, ge=0)
    """What models were asked and said; `postroom replay` needs it."""
    raw_mail_days: int = Field(default=0, ge=0)
    """The bytes of mail that is answered, closed or automatic, as they came."""


class WorkerSettings(Section):
    """`[worker]`: how work is done."""

    workers: int = Field(default=4, ge=1, le=2000)
    """Mails and runs worked on at once."""
    senders: int = Field(default=2, ge=1, le=64)
    """Deliveries at once."""
    lease_seconds: float = Field(default=60.0, ge=1, le=3600)
    """A claim that nobody keeps up passes on after this time."""
    max_turns: int = Field(default=8, ge=1, le=100)
    """Turns of a model in one run."""
    run_expires_days: int = Field(default=14, ge=1, le=365)
    """A run that rests longer ends with a person; nothing is sent."""
    approval_max_age_hours: int = Field(default=72, ge=1, le=8760)
    """A decided reply that could not leave within this time is void."""


LETTER_SETTINGS = ("disclosure", "disclosure_text", "signature", "quote", "html")
"""Keys of a mailbox that say what stands around the words of its replies."""


class Mailbox(Section):
    """`[[mailbox]]`: one address that Postroom answers for."""

    address: OurAddress
    """Replies come from here."""
    name: Annotated[str, Field(max_length=100), AfterValidator(_one_line)] = ""
    """Display name of replies."""
    aliases: tuple[OurAddress, ...] = ()
    """Further addresses of the same mailbox."""
    playbook: Path
    """Folder of Markdown entries."""
    auto_send: bool = False
    """Whether entries marked auto_send may leave without a person at all."""
    quiet_hours: Annotated[str, AfterValidator(_hours)] = ""
    """Hours in which nothing leaves that nobody saw, like `22:00-07:00`; it leaves when they end. Empty: none."""
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """Of the quiet hours, like `Europe/Berlin`."""
    threshold: Share = 0.90
    """Confidence that a reply needs to leave without a person."""
    thresholds: dict[str, Share] = {}
    """Higher or lower ones for single intents."""
    stricter: Annotated[tuple[str, ...], AfterValidator(_review_rules)] = ()
    """Ids of review rules that deny here: nobody can pass over them (`postroom policy list` names them)."""
    max_attachment_count: int = Field(default=5, ge=0, le=20)
    """Files that a person may put to a reply by hand; 0: none. A model never attaches anything."""
    disclosure: bool = True
    """Whether replies that nobody saw say so, and how a person is reached: who answers HUMAN does."""
    disclosure_text: Annotated[str, Field(max_length=300), AfterValidator(_disclosure)] = ""
    """What they say, with the word HUMAN in it. Empty: our own line, in the language of the mail where we have it."""
    signature: Annotated[str, Field(max_length=1000), AfterValidator(_paragraph)] = ""
    """Stands below every reply, after `-- `."""
    quote: bool = False
    """Whether the answered mail stands below the reply, its links defused, 60 lines at most."""
    html: bool = False
    """Whether replies say the same in HTML too, beside the plain text; only allowed links are links there."""
    allowed_links: tuple[AllowedLink, ...] = ()
    """Prefixes of links that replies may carry: `https://shop.example/help/`."""
    forwarder: tuple[Forwarder, ...] = ()
    """`[[mailbox.forwarder]]`: groups and forwarders by which its mail comes."""
    contact_form: tuple[ContactForm, ...] = ()
    """`[[mailbox.contact_form]]`: forms on your site that write to it."""

    def threshold_for(self, intent: str) -> float:
        return self.thresholds.get(intent, self.threshold)
