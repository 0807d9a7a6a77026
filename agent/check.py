"""`postroom check`: whether the configuration is sound, what is in force, what one should know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from agent.config import Config
from agent.playbook import PlaybookError, load
from outbound.settings import is_loopback


def check(config: Config, path: Path) -> int:
    """Print the effective configuration with what to know about it; 2 where a playbook is not sound."""
    for line in effective(config):
        print(line)  # noqa: T201 (the command line's own voice)
    problems = [str(one) for one in _playbooks(config)]
    for warning in warnings(config):
        print(f"note: {warning}")  # noqa: T201
    for problem in problems:
        print(f"error: {problem}")  # noqa: T201
    print(f"{path}: {'not usable' if problems else 'sound'}")  # noqa: T201
    return 2 if problems else 0


def _playbooks(config: Config) -> Iterator[PlaybookError]:
    for folder in dict.fromkeys(mailbox.playbook for mailbox in config.mailboxes):
        try:
            load(folder)
        except PlaybookError as error:
            yield error


def effective(config: Config) -> Iterator[str]:
    """Every key with its value, secrets masked; `# set` marks what is not the default."""
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        for table in value if isinstance(value, tuple) else (value,):
            yield from _table(field.alias or name, table, many=isinstance(value, tuple))


def _table(name: str, table: BaseModel, *, many: bool) -> Iterator[str]:
    yield f"[[{name}]]" if many else f"[{name}]"
    nested: list[tuple[str, tuple[BaseModel, ...]]] = []
    for key, field in type(table).model_fields.items():
        value = getattr(table, key)
        if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            nested.append((f"{name}.{key}", value))
            continue
        mark = "" if value == field.get_default(call_default_factory=True) else "  # set"
        yield f"{key} = {_shown(value)}{mark}"
    yield ""
    for key, tables in nested:
        for one in tables:
            yield from _table(key, one, many=True)


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "(hidden)" if value.get_secret_value() else "(not set)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_shown(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_shown(one)}" for key, one in value.items()) + " }"
    text = "" if value is None else str(value)
    return text if isinstance(value, int | float) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def warnings(config: Config) -> Iterator[str]:
    """What an operator should know, in plain words."""
    if config.courier.kind == "maildir":
        yield f"courier.kind is maildir: replies are written to {config.courier.path}, nothing leaves this machine"
    if not is_loopback(config.desk.host):
        yield f"the desk listens on {config.desk.host}: put a proxy with HTTPS in front of it"
    if not is_loopback(config.listener.host) and config.listener.tls_certificate is None:
        yield f"the door listens on {config.listener.host} without a certificate: mail comes in unencrypted"
    if config.courier.kind == "smtp" and not config.dkim.domain:
        yield "dkim.domain is not set: the smarthost has to sign, or replies will look forged"
    for mailbox in config.mailboxes:
        if mailbox.auto_send and mailbox.threshold < 0.8:
            yield f"{mailbox.address} sends unseen from a confidence of {mailbox.threshold}: that is low"
