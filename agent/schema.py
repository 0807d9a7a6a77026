"""The strict JSON schema of a pydantic model: what a model server is told is what the reader then demands. Pure.

Rules:
- Every property is required, nothing further is allowed, on every level. A default or an open map is a mistake in the
  contract, found when it is made, not when a server refuses it.
- Only keywords that every server takes are kept. Bounds of length and number stay with the reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

_KEPT = ("type", "description", "enum")


def strict_schema(model: type[BaseModel], **choices: Sequence[str]) -> dict[str, Any]:
    """The schema of `model`; `choices` name the only values of a text property. Raises TypeError for an open one."""
    raw = model.model_json_schema(by_alias=True)
    found = _closed(raw, raw.get("$defs", {}))
    for name, values in choices.items():
        found["properties"][name]["enum"] = list(values)
    found.pop("description", None)
    return found


def _closed(node: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        node = {**known[node["$ref"].rpartition("/")[2]], **node}
    found = {name: node[name] for name in _KEPT if name in node}
    if "const" in node:
        found["enum"] = [node["const"]]
    if "default" in node:
        raise TypeError(f"a default has no place in a strict schema: {node}")
    if found.get("type") == "object":
        if "properties" not in node or node.get("additionalProperties") is not False:
            raise TypeError(f"an open map has no place in a strict schema: {node}")
        found["properties"] = {name: _closed(inner, known) for name, inner in node["properties"].items()}
        found["required"] = list(found["properties"])
        found["additionalProperties"] = False
    elif found.get("type") == "array":
        found["items"] = _closed(node["items"], known)
    elif "type" not in found and "enum" not in found:
        raise TypeError(f"no single type: {node}")
    return found
