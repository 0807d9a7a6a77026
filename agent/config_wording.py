"""What is wrong with a configuration, in an operator's words.

Rules:
- Each mistake names its dotted key; of several tables of one kind also which one, counted from 1.
- An unknown key names the nearest known one, or the section where it belongs.
- A value that may be a secret is never repeated.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic_core import ErrorDetails

Loc = tuple[int | str, ...]

_SHOWN = 60
"""Characters of a wrong value that are repeated."""

_WANTED = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "ip_any_network": "a network like 192.0.2.0/24",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "model_type": "a table [{table}]",
    "path_type": "a path in quotes",
    "string_pattern_mismatch": "of the form {pattern}",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "string_type": "text in quotes",
    "tuple_type": "a list in [ ]",
}

_WITHOUT_VALUE = {"missing": "is needed and not set", "too_short": "at least one is needed"}


def sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One mistake that validation of `model` found."""
    where, what = dotted(error["loc"]), _complaint(error, model)
    return f"{where}: {what}" if where and not what.startswith(f"{where}.") else what


def _complaint(error: ErrorDetails, model: type[BaseModel]) -> str:
    loc, kind, given = error["loc"], error["type"], error["input"]
    if kind == "extra_forbidden":
        return f"unknown key{_nearest(loc, model)}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind in _WITHOUT_VALUE:
        return _WITHOUT_VALUE[kind]
    if kind == "tuple_type" and isinstance(given, dict):
        return f"is a list of tables; write [[{_name(loc)}]] in double brackets"
    if kind == "model_type" and isinstance(given, list):
        return f"is one table; write [{_name(loc)}] in single brackets"
    wanted = _WANTED.get(kind, "otherwise ({kind})").format(**error.get("ctx", {}), table=_name(loc), kind=kind)
    return f"is to be {wanted}, but it is {_shown(given)}"


def _shown(value: Any) -> str:
    """As it would stand in the file, cut short."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _name(loc: Loc) -> str:
    return ".".join(part for part in loc if isinstance(part, str))


def dotted(loc: Loc) -> str:
    """`mailbox.forwarder.name (mailbox 2, forwarder 1)`."""
    places = [f"{loc[at - 1]} {part + 1}" for at, part in enumerate(loc) if isinstance(part, int)]
    return _name(loc) + (f" ({', '.join(places)})" if places else "")


def _nearest(loc: Loc, model: type[BaseModel]) -> str:
    key, known = str(loc[-1]), keys_at(model, loc[:-1])
    if found := difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.6):
        return f"; did you mean {found[0]!r}?"
    if homes := [name for name, keys in _tables(model) if key in keys]:
        return f"; it belongs to {' or '.join(homes)}"
    return f"; known are {', '.join(sorted(known))}"


def keys_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys that the table at this place may have."""
    for part in loc:
        if isinstance(part, str):
            field = next((one for name, one in model.model_fields.items() if part == (one.alias or name)), None)
            found = table_of(field.annotation) if field else None
            if found is None:
                return []
            model = found
    return keys_of(model)


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a table as they stand in a file: a secret is there by the name of its file alone."""
    return [
        f"{name}_file" if field.annotation is SecretStr else field.alias or name
        for name, field in model.model_fields.items()
    ]


def table_of(annotation: Any) -> type[BaseModel] | None:
    """The model of the table behind `Model` or `tuple[Model, ...]`; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := table_of(one))), None)


def _tables(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, list[str]]]:
    """Each table below `model` as it is written, with its keys."""
    for name, field in model.model_fields.items():
        found = table_of(field.annotation)
        if found is None:
            continue
        path = above + (field.alias or name)
        yield (f"[{path}]" if field.annotation is found else f"[[{path}]]"), keys_of(found)
        yield from _tables(found, f"{path}.")
