"""The configuration in force, written as it could stand in a file.

Rules:
- What is printed is TOML and loads to the same configuration, secrets aside.
- A secret is only said to be set or not; its value and length are not printed.
- What differs from the default says the default beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from agent.config import SECRETS, Config, default_paths, variable_of

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def effective(config: Config, folder: Path) -> Iterator[str]:
    """The lines of every table; `folder` is that of the file, to which default paths are relative."""
    paths = default_paths(folder, config.postroom.data_dir)
    for name, field in Config.model_fields.items():
        value, name_in_file = getattr(config, name), field.alias or name
        for table in value if isinstance(value, tuple) else (value,):
            yield f"[[{name_in_file}]]" if isinstance(value, tuple) else f"[{name_in_file}]"
            yield from _table(name_in_file, table, paths)


def _table(name: str, table: BaseModel, paths: dict[tuple[str, str], Path]) -> Iterator[str]:
    fields = type(table).model_fields
    width = max(len(key) for key in fields)
    inner: list[tuple[str, BaseModel]] = []
    for key, field in fields.items():
        value = getattr(table, key)
        default = paths.get((name, key), field.get_default(call_default_factory=True))
        if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            inner += [(f"{name}.{key}", one) for one in value]
        elif isinstance(value, SecretStr):
            variable = variable_of(
                SECRETS[name, key], str(getattr(table, "name", "") or getattr(table, "provider", ""))
            )
            state = "set (hidden)" if value.get_secret_value() else f"not set ({variable}, or {key}_file)"
            yield f"# {key}: {state}"
        elif value is None:
            yield f"# {key}: not set"
        elif value == default or field.is_required():
            yield f"{key:<{width}} = {written(value)}"
        else:
            yield f"{key:<{width}} = {written(value)}  # default: {'not set' if default is None else written(default)}"
    yield ""
    for inner_name, one in inner:
        yield f"[[{inner_name}]]"
        yield from _table(inner_name, one, paths)


def written(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(written(one) for one in value)}]"
    if isinstance(value, dict):
        pairs = (f"{key if _BARE.fullmatch(key) else _text(key)} = {written(one)}" for key, one in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    return _text(str(value))


def _text(value: str) -> str:
    # JSON leaves DEL as it is, which TOML does not allow.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
