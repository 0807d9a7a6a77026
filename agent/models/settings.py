"""`[model]`: what reads mail and proposes replies."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    parts.port  # noqa: B018 (a wrong one is found when it is asked for)
    if value and (
        parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment
    ):
        raise ValueError(f"{value!r} is not the address of a model server, like 'http://localhost:11434/v1'")
    if re.search(r"\s", value):
        raise ValueError("has white space in it")
    return value


class ModelSettings(BaseModel):
    """`[model]`: what reads mail and proposes replies."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["auto", "openai", "playbook"] = "auto"
    """`playbook`: the entries of each mailbox's playbook, matched by similarity; no network. `openai`: a model server.
    `auto`: openai where a key or base_url is set, else playbook."""
    name: str = Field(default="gpt-5-mini", min_length=1, max_length=80)
    """Of the model, as the server calls it."""
    base_url: Annotated[str, AfterValidator(_base_url)] = ""
    """Of a server that speaks OpenAI's protocol (`http://localhost:11434/v1`); empty: OpenAI."""
    dialect: Literal["responses", "chat"] = "responses"
    """`chat` for servers without /v1/responses."""
    api_key: SecretStr = SecretStr("")
    """Of the model server."""
    connect_timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    """For a connection."""
    read_timeout_seconds: float = Field(default=60.0, gt=0, le=600)
    """For an answer, each time that it is asked for."""
    max_retries: int = Field(default=2, ge=0, le=5)
    """Further tries of one request at once; after that the mail waits a minute and is asked about again."""
    max_output_tokens: int = Field(default=4000, ge=100, le=100_000)
    """Of one answer."""
    keep_reasoning: bool = False
    """Hand reasoning back in the next turn: OpenAI's reasoning models give it encrypted, some chat servers want it."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """Where the model takes one; not sent where it is not set."""
    price_input: float = Field(default=0.0, ge=0)
    """Of a million tokens that are sent, in your currency; for budgets."""
    price_output: float = Field(default=0.0, ge=0)
    """Of a million tokens that are written."""

    @field_validator("api_key")
    @classmethod
    def _sendable(cls, key: SecretStr) -> SecretStr:
        if not key.get_secret_value().isascii():
            raise ValueError("model.api_key has letters that no key has")
        return key

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.kind == "openai" and not self.base_url and not self.api_key.get_secret_value():
            raise ValueError("model.kind is openai: set OPENAI_API_KEY, model.api_key_file or model.base_url")
        return self

    @property
    def chosen(self) -> Literal["openai", "playbook"]:
        """What `kind` comes to."""
        if self.kind != "auto":
            return self.kind
        return "openai" if self.base_url or self.api_key.get_secret_value() else "playbook"

    @property
    def told(self) -> str:
        """What reads the mail, in a few words."""
        if self.chosen == "playbook":
            return "the playbook"
        return f"{self.name} at {self.base_url or 'OpenAI'} ({self.dialect})"


class BudgetSettings(BaseModel):
    """`[budget]`: what a model may cost; over it no model is called, and the mail is a person's. 0: no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    tokens_per_mail: int = Field(default=100_000, ge=0)
    """Sent and written, over all turns of one mail."""
    tokens_per_sender: int = Field(default=500_000, ge=0)
    """Of one author in 24 hours."""
    tokens_per_mailbox: int = Field(default=5_000_000, ge=0)
    """Of one mailbox in 24 hours."""
    tokens_per_day: int = Field(default=10_000_000, ge=0)
    """Of all in 24 hours."""
    money_per_mail: float = Field(default=0.0, ge=0)
    """By model.price_input and model.price_output, in your currency."""
    money_per_sender: float = Field(default=0.0, ge=0)
    """Of one author in 24 hours."""
    money_per_mailbox: float = Field(default=0.0, ge=0)
    """Of one mailbox in 24 hours."""
    money_per_day: float = Field(default=0.0, ge=0)
    """Of all in 24 hours."""
