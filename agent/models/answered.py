"""What both dialects read alike of an answer: its JSON, id, model and usage. Pure.

Rules:
- A body that is not one JSON object which every reader and both databases take alike is none.
- A field of the wrong type counts as missing; the rest is read all the same.
"""

from __future__ import annotations

import json
import math
from typing import Any, TypedDict

from agent.models.base import Usage
from agent.models.trouble import one_line

MAX_DEPTH = 32
BYTES_A_TOKEN = 3
"""Where the server does not count: English has about four, so that rather too much is counted than too little."""


class Known(TypedDict):
    """What survives whatever is wrong with the rest."""

    id: str
    model: str
    usage: Usage


def read(body: bytes) -> dict[str, Any] | None:
    """The object that a body is; None where it is none, or is nested too deep, or holds what is no text or number."""
    try:
        data = json.loads(body, parse_constant=_refuse, parse_float=_finite)
        json.dumps(data, ensure_ascii=False).encode()  # lone surrogates are no text
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and _flat(data, MAX_DEPTH) else None


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _flat(node: object, left: int) -> bool:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return left > 0 and all(_flat(one, left - 1) for one in inner)


def known(data: dict[str, Any], model: str, sent: str, written: str) -> Known:
    """Id, model and usage; `sent` and `written` are what the dialect calls the tokens."""
    counts = data.get("usage")
    counts = counts if isinstance(counts, dict) else {}
    return Known(
        id=one_line(data.get("id"), 200),
        model=one_line(data.get("model"), 100) or model[:100],
        usage=Usage(input_tokens=_count(counts.get(sent)), output_tokens=_count(counts.get(written))),
    )


def guessed(sent: int, written: int) -> Usage:
    """What so many bytes are about, for a server that does not count: a budget holds there too."""
    return Usage(input_tokens=-(-sent // BYTES_A_TOKEN), output_tokens=-(-written // BYTES_A_TOKEN))


def _count(value: object) -> int:
    """A token count; what is no sensible number counts as none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0
