"""config.toml -> one frozen `Config`, or a list of everything that is wrong with it.

Rules:
- An unknown key is an error that names the nearest known one; all mistakes are told at once, in plain words.
- A secret never stands in the file: it comes from the environment or from a file named by `<key>_file`.
- Relative paths are relative to the folder of the file.
- Nothing here can load a static DNS zone: only the demo and tests hand one over, in code.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from inbound.addresses import canonical
from inbound.settings import Forwarder, IdentitySettings, ListenerSettings
from outbound.settings import CourierSettings, DkimSettings, LimitSettings

SECRETS = {("courier", "password"): "POSTROOM_COURIER_PASSWORD"}
"""Where secrets go, and the variables of the environment that hold them."""


class ConfigError(Exception):
    """The configuration cannot be used; the message lists every mistake, a line each."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _address(value: str) -> str:
    found = canonical(value)
    if found is None:
        raise ValueError(f"{value!r} is not a plain address")
    return found


OurAddress = Annotated[str, AfterValidator(_address)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class PostroomSettings(Section):
    """`[postroom]`: the installation."""

    tenant_id: str = Field(default="default", pattern=r"^[a-z0-9_-]{1,64}$")
    """Stands in every proposal and idempotency key."""
    data_dir: Path = Path("data")
    """Database, keys and, by default, the Maildir of replies."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"


class StoreSettings(Section):
    """`[store]`: the database."""

    url: str = ""
    """Empty: SQLite in `data_dir`/postroom.db."""


class DeskSettings(Section):
    """`[desk]`: the pages for people."""

    host: str = "127.0.0.1"
    port: int = Field(default=8025, ge=0, le=65535)
    allowed_hosts: tuple[str, ...] = ()
    """Further Host headers that are answered (`desk.example.com`); loopback names with the port always are."""
    secure_cookies: bool = False
    """Set it where a proxy serves the desk by HTTPS."""


class ModelSettings(Section):
    """`[model]`: what reads mail and proposes replies."""

    kind: Literal["playbook"] = "playbook"
    """`playbook`: the entries of each mailbox's playbook, matched by similarity; no network."""


class WorkerSettings(Section):
    """`[worker]`: how work is done."""

    workers: int = Field(default=4, ge=1, le=64)
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


class Mailbox(Section):
    """`[[mailbox]]`: one address that Postroom answers for."""

    address: OurAddress
    """Replies come from here."""
    name: str = Field(default="", max_length=100)
    """Display name of replies."""
    aliases: tuple[OurAddress, ...] = ()
    """Further addresses of the same mailbox."""
    playbook: Path
    """Folder of Markdown entries."""
    auto_send: bool = False
    """Whether entries marked auto_send may leave without a person at all."""
    threshold: Share = 0.90
    """Confidence that a reply needs to leave without a person."""
    thresholds: dict[str, Share] = {}
    """Higher or lower ones for single intents."""
    allowed_links: tuple[str, ...] = ()
    """Prefixes of links that replies may carry: `https://shop.example/help/`."""
    forwarder: tuple[Forwarder, ...] = ()
    """`[[mailbox.forwarder]]`: groups and forwarders by which its mail comes."""

    def threshold_for(self, intent: str) -> float:
        return self.thresholds.get(intent, self.threshold)


class Config(Section):
    """The whole configuration."""

    postroom: PostroomSettings = PostroomSettings()
    store: StoreSettings = StoreSettings()
    listener: ListenerSettings = ListenerSettings()
    desk: DeskSettings = DeskSettings()
    identity: IdentitySettings = IdentitySettings()
    model: ModelSettings = ModelSettings()
    courier: CourierSettings = CourierSettings()
    dkim: DkimSettings = DkimSettings()
    limits: LimitSettings = LimitSettings()
    worker: WorkerSettings = WorkerSettings()
    mailboxes: tuple[Mailbox, ...] = Field(alias="mailbox", min_length=1)
    """In the order of the file: a mail to several of them is answered by the first."""

    @model_validator(mode="after")
    def _no_address_twice(self) -> Config:
        seen: set[str] = set()
        for address in _addresses(self.mailboxes):
            if address in seen:
                raise ValueError(f"the address {address} stands twice over mailboxes and aliases")
            seen.add(address)
        return self

    @cached_property
    def _by_address(self) -> dict[str, Mailbox]:
        return {address: one for one in self.mailboxes for address in (one.address, *one.aliases)}

    def mailbox_of(self, address: str) -> Mailbox | None:
        """The mailbox that has this canonical address or alias."""
        return self._by_address.get(address)


def _addresses(mailboxes: tuple[Mailbox, ...]) -> Iterator[str]:
    for one in mailboxes:
        yield one.address
        yield from one.aliases


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read and check a configuration. Raises ConfigError with every mistake that was found."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; `--config` names another one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    folder = path.resolve().parent
    problems = [*_put_secrets(raw, environ, folder)]
    _place_paths(raw, folder)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        found = error.errors()
        empty = [one for one in found if one["type"] != "too_short" or len(found) == 1]
        problems += [_sentence(one) for one in empty]
    if problems:
        raise ConfigError("\n".join(f"{path}: {one}" for one in problems))
    return config


def _put_secrets(raw: dict[str, Any], environ: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Fill secrets in from environment and files; yields what is wrong with them."""
    for (section, key), variable in SECRETS.items():
        values = raw.setdefault(section, {})
        if not isinstance(values, dict):
            continue
        file = values.pop(f"{key}_file", None)
        if key in values:
            yield f"{section}.{key}: a secret does not stand in the file; set {variable}, or {key}_file"
            del values[key]
        if file is not None and variable in environ:
            yield f"{section}.{key}: both {variable} and {key}_file are set; use one"
        elif file is not None:
            try:
                values[key] = SecretStr((folder / str(file)).read_text("utf-8").strip())
            except (OSError, UnicodeDecodeError) as error:
                yield f"{section}.{key}_file: cannot be read: {error}"
        elif variable in environ:
            values[key] = SecretStr(environ[variable])


PATHS = (
    ("postroom", "data_dir", "data"),
    ("courier", "path", "data/outbox"),
    ("courier", "ca_file", None),
    ("dkim", "key_file", None),
    ("dkim", "ed25519_key_file", None),
    ("listener", "tls_certificate", None),
    ("listener", "tls_key", None),
)


def _place_paths(raw: dict[str, Any], folder: Path) -> None:
    """Make relative paths relative to the file's folder, defaults too."""
    for section, key, default in PATHS:
        values = raw.setdefault(section, {})
        value = values.get(key, default) if isinstance(values, dict) else None
        if isinstance(value, str):
            values[key] = _placed(folder, value)
    mailboxes = raw.get("mailbox")
    for one in mailboxes if isinstance(mailboxes, list) else []:
        if isinstance(one, dict) and isinstance(one.get("playbook"), str):
            one["playbook"] = _placed(folder, one["playbook"])


def _placed(folder: Path, value: str) -> Path:
    """`..` taken out, links left as they are."""
    return Path(os.path.normpath(folder / value))


def _sentence(error: ErrorDetails) -> str:
    """One mistake in plain words."""
    where = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return f"{where}: unknown key{_nearest(error['loc'])}"
        case "missing":
            return f"{where}: is needed and not set"
        case "value_error":
            return f"{where}: {error['msg'].removeprefix('Value error, ')}" if where else str(error["ctx"]["error"])
        case _:
            return f"{where}: {error['msg'][:1].lower()}{error['msg'][1:]}, but it is {str(error['input'])[:60]!r}"


def _nearest(loc: tuple[int | str, ...]) -> str:
    """The known key that was meant, if one looks alike."""
    known = known_keys(loc[:-1])
    found = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else f"; known are {', '.join(sorted(known))}"


def known_keys(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that a table at this place may have."""
    model: type[BaseModel] = Config
    for part in loc:
        if isinstance(part, int):
            continue
        field = next((one for name, one in model.model_fields.items() if part in {name, one.alias}), None)
        found = _section_of(field.annotation) if field else None
        if found is None:
            return []
        model = found
    extra = [f"{key}_file" for section, key in SECRETS if loc == (section,)]
    return [one.alias or name for name, one in model.model_fields.items()] + extra


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """The section model inside `X` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = getattr(annotation, "__args__", ())
    return next((found for one in inner if (found := _section_of(one))), None)
