"""JSON from a model or a stranger: read strictly, or not at all.

Rules:
- Duplicate keys, NaN and Infinity, deep nesting and text over the bound are refused: two readers must not disagree.
- The error says what was wrong; the caller answers with it.
"""

from __future__ import annotations

import json
from typing import Any

MAX_CHARACTERS = 200_000
MAX_DEPTH = 20


class StrictJSONError(ValueError):
    """The text is not JSON that everybody reads the same way."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise StrictJSONError(f"the key {twice[:60]!r} stands twice")
    return found


def _constant(name: str) -> Any:
    raise StrictJSONError(f"{name} is no number of JSON")


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def loads(text: str) -> Any:
    """Read JSON text. Raises StrictJSONError."""
    if len(text) > MAX_CHARACTERS:
        raise StrictJSONError(f"longer than {MAX_CHARACTERS} characters")
    if _depth(text) > MAX_DEPTH:  # counts brackets in strings too: refusing too much is safe here
        raise StrictJSONError(f"nested deeper than {MAX_DEPTH}")
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
    except StrictJSONError:
        raise
    except ValueError as error:
        raise StrictJSONError(f"not JSON: {error}") from error


def load_object(text: str) -> dict[str, Any]:
    """Read a JSON object. Raises StrictJSONError."""
    value = loads(text)
    if not isinstance(value, dict):
        raise StrictJSONError("not a JSON object")
    return value
