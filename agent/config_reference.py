"""The reference of every key: `python -m agent.config_reference > docs/configuration.md`.

Rules:
- It is made from the models that read the file, so it cannot say anything else than they do; a test fails on drift.
- Every key has a line that says what it is; the same sentence stands beside the field in the code.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from agent.config import SECRETS, Config, default_paths
from agent.config_print import written
from agent.config_wording import table_of

_HEAD = """# Configuration

`postroom` reads `./config.toml`, or the file that `--config` or `POSTROOM_CONFIG` names; `postroom check` says whether
it is sound and what is in force. An unknown key is an error. Relative paths are relative to the folder of the file.
Secrets never stand in it: they come from the environment, or from a file named by `<key>_file`.

This page is made from the code: `python -m agent.config_reference > docs/configuration.md`.
"""
_BOUNDS = {Ge: ("ge", "from"), Gt: ("gt", "more than"), Le: ("le", "to"), Lt: ("lt", "less than")}
_PLAIN: dict[Any, str] = {bool: "true, false", int: "whole number", float: "number", str: "text", Path: "path"}


def reference() -> str:
    """The whole page, Markdown."""
    return "\n".join([_HEAD, *_tables(Config, "")])


def _tables(model: type[BaseModel], above: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        found = table_of(field.annotation)
        if found is None:
            continue
        path = above + (field.alias or name)
        many = field.annotation is not found
        yield f"## `{'[[' if many else '['}{path}{']]' if many else ']'}`\n"
        yield f"{_said(found.__doc__, path)}\n"
        yield "| key | value | default | what |"
        yield "|---|---|---|---|"
        yield from (_row(path, *one) for one in found.model_fields.items() if table_of(one[1].annotation) is None)
        yield ""
        yield from _tables(found, f"{path}.")


def _said(docstring: str | None, path: str) -> str:
    """A table's docstring without its own name in front."""
    text = " ".join(inspect.cleandoc(docstring or "").split())
    for front in (f"`[{path}]`: ", f"`[[{path}]]`: "):
        text = text.removeprefix(front)
    return text[:1].upper() + text[1:]


def _row(path: str, name: str, field: FieldInfo) -> str:
    what = " ".join((field.description or "").split())
    key = name
    if field.annotation is SecretStr:
        key, variable = f"{name}_file", SECRETS[path, name]
        what = f"The {name}'s file, or the {name} itself in `{variable}`. {what}"
    cells = (f"`{key}`", _value(field), _default(path, name, field), what)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _value(field: FieldInfo) -> str:
    return ", ".join([_kind(field.annotation), *_limits(field.metadata)])


def _kind(annotation: Any) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return ", ".join([_kind(args[0]), *_limits(annotation.__metadata__)])
    if origin is Literal:
        return ", ".join(f"`{written(one)}`" for one in args)
    if origin is tuple:
        return f"list of {_kind(args[0])}"
    if origin is dict:
        return f"table of {_kind(args[1])}"
    if NoneType in args:
        return _kind(args[0])
    return "path" if annotation is SecretStr else _PLAIN.get(annotation, "network")


def _limits(metadata: Any) -> Iterator[str]:
    for one in metadata:
        inner = getattr(one, "metadata", None)
        if inner:  # a FieldInfo within Annotated
            yield from _limits(inner)
        elif type(one) in _BOUNDS:
            attribute, word = _BOUNDS[type(one)]
            yield f"{word} {getattr(one, attribute):g}"
        elif isinstance(one, MaxLen):
            yield f"at most {one.max_length} characters"
        elif getattr(one, "pattern", None):
            yield f"like `{one.pattern}`"


def _default(path: str, name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    default = default_paths(Path(), Path("data_dir")).get((path, name), field.get_default(call_default_factory=True))
    return "none" if default is None or isinstance(default, SecretStr) else f"`{written(default)}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
