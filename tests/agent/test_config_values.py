"""Every key with every kind of value: taken, or refused in plain words, and never anything else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent.config import Config, ConfigError, load
from agent.config_wording import keys_of, table_of

VALUES = (
    *("1", "-1", "1.5", "1e400", "nan", "99999999999999999999", "true", "2026-01-01", "2026-01-01T00:00:00Z"),
    *('"x"', '""', r'"\u0000"', r'"\n"', "[]", "[1]", '["x"]', "[[1]]", "{}", "{ a = 1 }", "[{}]"),
)
MAILBOX = {"address": '"support@shop.example"', "playbook": '"p"'}
JARGON = re.compile(r"otherwise|nput should|valid |instance|type=|pydantic", re.IGNORECASE)


def keys(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str]]:
    """Each key of each table; the table itself with an empty name, and one key that nobody knows."""
    for name, field in model.model_fields.items():
        found = table_of(field.annotation)
        if found is not None:
            path = above + (field.alias or name)
            yield from ((path, key) for key in ("", "nonsense", *keys_of(found)))
            yield from keys(found, f"{path}.")


def written(table: str, key: str, value: str) -> str:
    """A file that is sound but for this one value."""
    mailbox = dict(MAILBOX)
    if table == "mailbox":
        if not key:
            return f"mailbox = {value}\n"
        mailbox[key] = value
    sound = "[[mailbox]]\n" + "".join(f"{name} = {one}\n" for name, one in mailbox.items())
    if table == "mailbox":
        return sound
    if "." in table:
        inner = {"name": '"x"', key: value}
        body = "".join(f"{name} = {one}\n" for name, one in inner.items())
        return sound + (f"[[{table}]]\n{body}" if key else f"{table.partition('.')[2]} = {value}\n")
    return (f"[{table}]\n{key} = {value}\n" if key else f"{table} = {value}\n") + sound


@pytest.mark.parametrize(("table", "key"), tuple(keys(Config)))
def test_any_value_is_taken_or_refused_in_plain_words(tmp_path: Path, table: str, key: str) -> None:
    """No value breaks the reader, and what it says names the place."""
    path, refused = tmp_path / "config.toml", 0
    for value in VALUES:
        path.write_text(written(table, key, value))
        try:
            load(path, {})
        except ConfigError as error:
            refused += 1
            for line in str(error).splitlines():
                said = line.removeprefix(f"{path}: ")
                assert said.startswith(table.split(".", maxsplit=1)[0]), (value, said)
                assert not JARGON.search(said), (value, said)
    assert refused >= len(VALUES) // 2
