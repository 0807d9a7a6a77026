"""config.toml, docs/configuration.md and the code say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent.config import Config
from agent.config_reference import reference
from agent.config_wording import keys_of, table_of

HOUSE = Path(__file__).parents[2]
LINE = re.compile(r"^(?:# )?(?:(\[\[?[a-z._]+\]\]?)|([a-z_0-9]+) = [^#]+?)(?:\s+# (\S.*))?$")


def tables(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Each table by its dotted name, inner ones too."""
    for name, field in model.model_fields.items():
        found = table_of(field.annotation)
        if found is not None:
            path = above + (field.alias or name)
            yield path, found
            yield from tables(found, f"{path}.")


ALL = dict(tables(Config))


def shipped() -> dict[str, dict[str, str]]:
    """The keys of each table in config.toml, commented ones too, with the comment beside them."""
    found: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    for line in (HOUSE / "config.toml").read_text("utf-8").splitlines():
        match = LINE.match(line)
        if match and match[1]:
            section = found.setdefault(match[1].strip("[]"), {})
        elif match:
            assert match[2] not in section, f"{match[2]} stands twice"
            section[match[2]] = match[3] or ""
    return found


def test_the_reference_is_what_the_code_says() -> None:
    """After a change: `python -m agent.config_reference > docs/configuration.md`."""
    assert (HOUSE / "docs" / "configuration.md").read_text("utf-8") == reference()


@pytest.mark.parametrize("name", ALL)
def test_every_key_says_what_it_is(name: str) -> None:
    """A docstring beside each field: the reference has no empty row."""
    model = ALL[name]
    silent = [key for key, field in model.model_fields.items() if not (field.description or "").strip()]
    assert not silent
    assert model.__doc__
    assert name in model.__doc__


@pytest.mark.parametrize("name", ALL)
def test_config_toml_has_every_key_with_what_it_is(name: str) -> None:
    """Who opens config.toml finds every key there, commented out where there is no default, and a line about it."""
    inner = {key for key, field in ALL[name].model_fields.items() if table_of(field.annotation)}
    there = shipped()[name]
    assert set(there) == set(keys_of(ALL[name])) - inner
    assert [key for key, what in there.items() if not what] == []


def test_config_toml_has_no_table_that_nobody_reads() -> None:
    assert set(shipped()) == set(ALL)


def test_every_key_is_read_by_somebody() -> None:
    """A key that no code reads would promise something that does not happen."""
    code = "".join(
        path.read_text("utf-8") for room in ("inbound", "agent", "outbound") for path in (HOUSE / room).rglob("*.py")
    )
    unread = [
        f"{table}.{key}"
        for table, model in ALL.items()
        for key in model.model_fields
        if not re.search(rf"\.{key}\b", code)
    ]
    assert not unread
