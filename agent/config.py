"""config.toml -> one frozen `Config`, or a list of everything that is wrong with it.

Rules:
- An unknown key is an error that names the nearest known one; all mistakes are told at once, in plain words.
- A value has the type that TOML gave it: neither "yes" nor 1 is true.
- A secret never stands in the file: it comes from the environment or from a file named by `<key>_file`.
- Relative paths are relative to the folder of the file.
- Nothing here can load a static DNS zone: only the demo and tests hand one over, in code.
"""

from __future__ import annotations

import json
import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from agent.config_wording import sentence, table_of
from agent.lookup_settings import LookupSettings
from agent.models.settings import BudgetSettings, ModelSettings
from agent.notice_settings import AnsweringSettings, CanarySettings, NoticeSettings, SuppressionSettings
from agent.reputation_settings import ReputationSettings
from agent.sections import (
    STORE_PASSWORD,
    DeskSettings,
    Mailbox,
    PostroomSettings,
    RetentionSettings,
    Section,
    StoreSettings,
    WorkerSettings,
)
from agent.triage_settings import TriageSettings
from inbound.settings import IdentitySettings, ListenerSettings, WebhookDoorSettings, WebhookSettings
from inbound.spam_settings import SpamSettings
from outbound.settings import CourierSettings, DkimSettings, LimitSettings

SECRETS = {
    ("store", "password"): STORE_PASSWORD,
    ("model", "api_key"): "OPENAI_API_KEY",
    ("courier", "password"): "POSTROOM_COURIER_PASSWORD",
    ("courier", "api_key"): "POSTROOM_COURIER_API_KEY",
    ("lookup", "token"): "POSTROOM_LOOKUP_<NAME>_TOKEN",
    ("webhook", "secret"): "POSTROOM_WEBHOOK_<NAME>_SECRET",
    ("webhook", "previous_secret"): "POSTROOM_WEBHOOK_<NAME>_PREVIOUS_SECRET",
    ("webhook", "api_key"): "POSTROOM_WEBHOOK_<NAME>_API_KEY",
    ("notices", "slack_url"): "POSTROOM_NOTICES_SLACK_URL",
    ("spam", "rspamd_password"): "POSTROOM_SPAM_RSPAMD_PASSWORD",
}
"""Where secrets go, and the variables of the environment that hold them; <NAME> is the table's own, in capitals."""


class ConfigError(Exception):
    """The configuration cannot be used; the message lists every mistake, a line each."""


class Config(Section):
    """The whole configuration."""

    postroom: PostroomSettings = PostroomSettings()
    store: StoreSettings = StoreSettings()
    listener: ListenerSettings = ListenerSettings()
    desk: DeskSettings = DeskSettings()
    identity: IdentitySettings = IdentitySettings()
    spam: SpamSettings = SpamSettings()
    model: ModelSettings = ModelSettings()
    budget: BudgetSettings = BudgetSettings()
    courier: CourierSettings = CourierSettings()
    dkim: DkimSettings = DkimSettings()
    limits: LimitSettings = LimitSettings()
    reputation: ReputationSettings = ReputationSettings()
    worker: WorkerSettings = WorkerSettings()
    retention: RetentionSettings = RetentionSettings()
    suppression: SuppressionSettings = SuppressionSettings()
    notices: NoticeSettings = NoticeSettings()
    answering: AnsweringSettings = AnsweringSettings()
    canaries: tuple[CanarySettings, ...] = Field(alias="canary", default=())
    """Marked mail that proves each door alive."""
    triage: tuple[TriageSettings, ...] = ()
    """What is done with mail of a certain kind, in the order of the file."""
    lookups: tuple[LookupSettings, ...] = Field(alias="lookup", default=())
    """What the assistant may ask the operator's own service."""
    webhook_door: WebhookDoorSettings = Field(alias="webhooks", default=WebhookDoorSettings())
    webhooks: tuple[WebhookSettings, ...] = Field(alias="webhook", default=())
    """Inbound providers that post mail."""
    mailboxes: tuple[Mailbox, ...] = Field(alias="mailbox", min_length=1)
    """In the order of the file: a mail to several of them is answered by the first."""

    @field_validator("webhooks")
    @classmethod
    def _no_provider_twice(cls, webhooks: tuple[WebhookSettings, ...]) -> tuple[WebhookSettings, ...]:
        names = [one.provider for one in webhooks]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"the provider {', '.join(sorted(twice))} stands twice over webhooks")
        return webhooks

    @model_validator(mode="after")
    def _webhooks_lead_to_mailboxes(self) -> Self:
        for one in self.webhooks:
            if one.mailbox and self.mailbox_of(one.mailbox) is None:
                raise ValueError(f"webhook {one.provider}: {one.mailbox} is no mailbox of ours")
        return self

    @model_validator(mode="after")
    def _canaries_can_arrive(self) -> Self:
        providers = {f"webhook:{one.provider}" for one in self.webhooks}
        for one in self.canaries:
            if self.mailbox_of(one.to) is None:
                raise ValueError(f"canary {one.to}: is no mailbox of ours")
            if one.door.startswith("webhook:") and one.door not in providers:
                raise ValueError(f"canary {one.to}: {one.door} is not configured as a [[webhook]]")
        return self

    @model_validator(mode="after")
    def _notices_go_to_people(self) -> Self:
        named = [("notices.team", one) for one in self.notices.team]
        named += [("answering.people", one) for one in self.answering.people]
        named += [(f"triage {rule.name}: forward_to", one) for rule in self.triage for one in rule.forward_to]
        for where, one in named:
            if self.mailbox_of(one) is not None:
                raise ValueError(f"{where}: {one} is a mailbox of ours; name a person's address")
        names = [one.name for one in self.triage]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"the name {', '.join(sorted(twice))} stands twice over triage")
        return self

    @field_validator("lookups")
    @classmethod
    def _no_name_twice(cls, lookups: tuple[LookupSettings, ...]) -> tuple[LookupSettings, ...]:
        names = [one.name for one in lookups]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"the name {', '.join(sorted(twice))} stands twice over lookups")
        return lookups

    @field_validator("mailboxes")
    @classmethod
    def _no_address_twice(cls, mailboxes: tuple[Mailbox, ...]) -> tuple[Mailbox, ...]:
        seen: set[str] = set()
        for address in (address for one in mailboxes for address in (one.address, *one.aliases)):
            if address in seen:
                raise ValueError(f"the address {address} stands twice over mailboxes and aliases")
            seen.add(address)
        return mailboxes

    @cached_property
    def _by_address(self) -> dict[str, Mailbox]:
        return {address: one for one in self.mailboxes for address in (one.address, *one.aliases)}

    def mailbox_of(self, address: str) -> Mailbox | None:
        """The mailbox that has this canonical address or alias."""
        return self._by_address.get(address)


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read and check a configuration. Raises ConfigError with every mistake that was found."""
    try:
        raw = tomllib.loads(path.read_text("utf-8-sig"), parse_float=_number)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; `--config` names another one") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: cannot be read: it is not in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    folder = path.resolve().parent
    problems = [*_put_secrets(raw, environ, folder), *_place_paths(raw, Config, folder)]
    _put_default_paths(raw, folder)
    try:
        # As JSON, a list may become a tuple and text a path while all else keeps its type.
        config = Config.model_validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        problems += [sentence(one, Config) for one in _told(error.errors(), raw)]
    if problems:
        raise ConfigError("\n".join(f"{path}: {_in_one_line(one)}" for one in problems))
    return config


def _in_one_line(text: str) -> str:
    """A value or path that is repeated starts no line of its own."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _number(text: str) -> float | str:
    """`nan` and `inf` stay text, which no key takes for a number: comparisons with them are not what they seem."""
    number = float(text)
    return number if math.isfinite(number) else text


def _told(errors: list[ErrorDetails], raw: dict[str, Any]) -> Iterator[ErrorDetails]:
    """Without the complaint that no mailbox is there where one is and its own mistakes are told."""
    for one in errors:
        if one["type"] != "too_short" or not raw.get("mailbox"):
            yield one


def _put_secrets(raw: dict[str, Any], environ: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Fill secrets in from environment and files; yields what is wrong with them."""
    for (section, key), variable in SECRETS.items():
        tables = raw.setdefault(section, {}) if "<NAME>" not in variable else raw.get(section, [])
        for values in tables if isinstance(tables, list) else [tables]:
            if not isinstance(values, dict):
                continue
            named = variable_of(variable, str(values.get("name") or values.get("provider") or ""))
            try:
                found = _secret(values, key, named, environ, folder)
            except ValueError as error:
                found = "?"  # it was meant to be set: nothing else shall complain that it is not
                yield f"{section}.{error}"
            if found is not None:
                values[key] = found


def variable_of(variable: str, name: str) -> str:
    """The environment's variable for a secret of the table with this name."""
    return variable.replace("<NAME>", name.upper())


def _secret(values: dict[str, Any], key: str, variable: str, environ: Mapping[str, str], folder: Path) -> str | None:
    """Take what the table says of a secret out of it; gives the secret, None where there is none. Raises ValueError."""
    file, stated = values.pop(f"{key}_file", None), values.pop(key, None)
    if stated is not None:
        raise ValueError(f"{key}: a secret does not stand in the file; set {variable}, or {key}_file")
    if file is not None and variable in environ:
        raise ValueError(f"{key}: both {variable} and {key}_file are set; use one")
    if file is not None:
        return _secret_in(file, folder, f"{key}_file")
    return _visible(environ[variable], f"{key} ({variable})") if variable in environ else None


def _secret_in(file: object, folder: Path, key: str) -> str:
    """The secret in a file, white space around it taken off. Raises ValueError."""
    if not isinstance(file, str) or not file or "\0" in file:
        raise ValueError(f"{key}: is to be a path in quotes")
    path = folder / file
    try:
        return _visible(path.read_text("utf-8").strip(), key)
    except OSError as error:
        raise ValueError(f"{key}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{key}: {path} is not in UTF-8") from None


def _visible(secret: str, key: str) -> str:
    if not secret.isprintable():
        raise ValueError(f"{key}: is to be one line of visible characters")
    return secret


def _place_paths(table: dict[str, Any], model: type[BaseModel], folder: Path, above: str = "") -> Iterator[str]:
    """Make the relative paths of a table absolute, `..` taken out, links left as they are; yields empty ones."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        value, inner = table.get(key), table_of(field.annotation)
        if inner is not None:
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    yield from _place_paths(one, inner, folder, f"{above}{key}.")
        elif isinstance(value, str) and Path in (field.annotation, *get_args(field.annotation)):
            if value and "\0" not in value:
                table[key] = os.path.normpath(folder / value)
                continue
            del table[key]
            yield f"{above}{key}: is {'no path' if value else 'empty; name a path, or leave the key out'}"


def default_paths(folder: Path, data_dir: Path) -> dict[tuple[str, str], Path]:
    """The defaults that depend on where the file and the data lie."""
    return {("postroom", "data_dir"): folder / "data", ("courier", "path"): data_dir / "outbox"}


def _put_default_paths(raw: dict[str, Any], folder: Path) -> None:
    postroom = raw.get("postroom")
    data_dir = postroom.get("data_dir") if isinstance(postroom, dict) else None
    data_dir = Path(data_dir) if isinstance(data_dir, str) else folder / "data"
    for (section, key), path in default_paths(folder, data_dir).items():
        values = raw.setdefault(section, {})
        if isinstance(values, dict):
            values.setdefault(key, str(path))
