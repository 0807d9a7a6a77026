"""An answered lookup, as it stands in the output of its tool call. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Looked:
    """One answered lookup, as the store keeps it in the tool call's output."""

    name: str
    asked: Mapping[str, str]
    found: Mapping[str, str]
    shared: bool


def read_output(output: str) -> Looked | None:
    """What a stored output says; None for an error or for what was not found."""
    data = json.loads(output)
    if not data.get("success") or "found" not in data:
        return None
    return Looked(data["lookup"], data["asked"], data["found"], bool(data["shared"]))
