"""What a model is asked to write: the arguments of each tool and the answer of an extraction.

Rules:
- One definition is both the schema that the model server gets and the reader that its answer has to pass.
- Unknown fields are refused, nothing has a default. A sentence beside a field is what the model is told about it.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inbound.contracts import Entity, RequestedAction

MAX_ENTITIES = 50
MAX_RISKS = 20
MAX_TAGS = 10
MAX_VALUE = 100
"""Characters of a value that a lookup is asked with."""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class ReadInbox(_Asked):
    limit: int = Field(ge=1, le=20)
    """How many mails at most, 1 to 20."""


class SearchKnowledge(_Asked):
    query: str = Field(min_length=1, max_length=1000)
    """A few words of the question."""


class SendEmail(_Asked):
    to: str = Field(max_length=320)
    """The author's address."""
    subject: str = Field(max_length=998)
    body: str = Field(max_length=50_000)
    """Plain text, complete as it should be sent."""


class Value(_Asked):
    name: str = Field(max_length=64)
    value: str = Field(max_length=MAX_VALUE)


class LookUp(_Asked):
    name: str = Field(max_length=64)
    values: list[Value] = Field(max_length=20)


class Extracted(BaseModel):
    """Numbers given as text are taken: some models quote them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    intent: str
    entities: tuple[Entity, ...] = Field(max_length=MAX_ENTITIES)
    confidence: float = Field(ge=0.0, le=1.0)
    risks: tuple[str, ...] = Field(max_length=MAX_RISKS)
    requested_action: RequestedAction
    review_required: bool
    tags: tuple[str, ...] = Field(max_length=MAX_TAGS)
    """Those of the list that fit; none where none does."""
    priority: Literal["low", "normal", "high", "urgent"]
    """What waiting would cost the author."""

    @model_validator(mode="before")
    @classmethod
    def _without_suggestions(cls, given: Any) -> Any:
        """Answers of servers that keep to no schema, and those that were stored before: suggestions may be missing."""
        return {"tags": (), "priority": "normal", **given} if isinstance(given, dict) else given
