"""What a model server is told and what its answer has to pass are one definition, in the strict form."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no type hints
import pytest
from pydantic import BaseModel, ConfigDict, Field

from agent.asked import Extracted, LookUp
from agent.prompt import EXTRACT, RUN, TOOLS, VERSION
from agent.schema import strict_schema
from agent.tools import ARGUMENTS


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WithDefault(_Closed):
    x: str = "y"


class WithMap(_Closed):
    x: dict[str, str]


class WithAnything(_Closed):
    x: Any


class Part(BaseModel):
    y: str


class WithOpenPart(_Closed):
    x: list[Part]


@pytest.mark.parametrize("model", [WithDefault, WithMap, WithAnything, WithOpenPart])
def test_what_is_not_strict_is_found_where_it_is_made(model: type[BaseModel]) -> None:
    """Defaults, open maps, anything at all: a server would refuse the request, or the model could say what it likes."""
    with pytest.raises(TypeError):
        strict_schema(model)


def test_each_tool_is_told_as_it_is_read() -> None:
    """The same fields, all required, with the sentence that stands beside them."""
    for tool in TOOLS:
        fields = ARGUMENTS[tool.name].model_fields
        assert tool.parameters == strict_schema(ARGUMENTS[tool.name])
        assert tool.parameters["required"] == list(fields)
        for name, field in fields.items():
            assert tool.parameters["properties"][name].get("description") == field.description


def test_the_extraction_is_a_closed_form() -> None:
    """The intents are the playbook's; a further field, a missing one or another value does not fit."""
    schema = strict_schema(Extracted, intent=["hours", "none"])
    sound = {
        "intent": "hours",
        "entities": [{"name": "order", "value": "7"}],
        "confidence": 0.5,
        "risks": [],
        "requested_action": "reply",
        "review_required": False,
        "tags": [],
        "priority": "normal",
    }
    fits = jsonschema.Draft202012Validator(schema).is_valid
    assert fits(sound)
    assert Extracted.model_validate(sound).intent == "hours"
    assert not fits({**sound, "intent": "refund"})
    assert not fits({**sound, "requested_action": "pay"})
    assert not fits({**sound, "entities": [{"name": "order", "value": "7", "more": 1}]})
    assert not fits({name: value for name, value in sound.items() if name != "risks"})


def test_a_lookups_name_is_one_of_those_configured() -> None:
    """Nested values are closed as well."""
    schema = strict_schema(LookUp, name=["order_status"])
    assert schema["properties"]["name"] == {"type": "string", "enum": ["order_status"]}
    assert schema["properties"]["values"]["items"]["additionalProperties"] is False


def test_bounds_stay_with_the_reader() -> None:
    """Not every server takes them; the reader holds them all the same."""

    class Bounded(_Closed):
        n: int = Field(ge=1, le=20)
        s: str = Field(max_length=3)

    assert strict_schema(Bounded)["properties"] == {"n": {"type": "integer"}, "s": {"type": "string"}}


def test_other_words_have_another_version() -> None:
    """The version stands beside each answer that is kept: under one version a model is told one thing."""
    told = json.dumps([EXTRACT, RUN, *(tool.model_dump() for tool in TOOLS), strict_schema(Extracted)], sort_keys=True)
    assert (VERSION, hashlib.sha256(told.encode()).hexdigest()[:12]) == ("5", "64afa942775c"), "change VERSION too"
