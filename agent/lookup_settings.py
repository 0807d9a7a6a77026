"""`[[lookup]]`: questions to the operator's own HTTP service.

Rules:
- The place is the operator's: a value of a mail fills a part of the path or query, never the host.
- Every answer is bound to the author, by the address in the question or by a field of the answer that names the owner;
  a lookup that is not says so (`shared`), and what was drafted with it waits for a person.
"""

from __future__ import annotations

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

AUTHOR = "author"
"""The placeholder that code fills with the proven author's address."""
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        raise ValueError(f"{value!r} is not the address of a service, like 'https://shop.example/orders/{{order}}'")
    if _PLACE.search(parts.netloc) or "{" in _PLACE.sub("", value) or "}" in _PLACE.sub("", value):
        raise ValueError(f"{value!r} has a placeholder in the host, or a brace that is none")
    return value


def _names(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name == AUTHOR:
            raise ValueError(f"{name!r} is not a name like 'status'")
    return value


class LookupSettings(BaseModel):
    """`[[lookup]]`: a read-only question to your own HTTP service, asked in the name of the proven author."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    """What playbook entries (`lookup = "order_status"`) and the assistant call it."""
    question: str = Field(min_length=1, max_length=300)
    """What it answers, in a sentence for the assistant."""
    url: Annotated[str, AfterValidator(_url)]
    """Where a GET is sent. `{author}` is the proven author's address, other names are of `variables`."""
    variables: dict[str, str] = {}
    """Patterns of the values that the question needs, each of which has to stand in the author's own mail."""
    fields: Annotated[tuple[str, ...], Field(min_length=1, max_length=20), AfterValidator(_names)]
    """Of the JSON object that comes back, what the assistant may know; all else is dropped."""
    owner: str = ""
    """A field of the answer that has to be the author's address; else the answer counts as not found."""
    shared: bool = False
    """The answer is nobody's in particular (stock, say). What is drafted with it always waits for a person."""
    token: SecretStr = SecretStr("")
    """Sent as a bearer token."""
    timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    """For the whole answer."""
    cache_seconds: float = Field(default=60.0, ge=0, le=86400)
    """How long an answer is taken as still true for the same author and values."""

    @model_validator(mode="after")
    def _bound(self) -> Self:
        names = set(_PLACE.findall(self.url))
        _names(tuple(self.variables))
        for name, pattern in self.variables.items():
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"variables.{name} is not a regular expression: {error}") from None
        if strange := sorted(names - set(self.variables) - {AUTHOR}):
            raise ValueError(f"url names {', '.join(strange)}, which is not in variables")
        if unused := sorted(set(self.variables) - names):
            raise ValueError(f"variables names {', '.join(unused)}, which is not in url")
        if not self.shared and AUTHOR not in names and not self.owner:
            raise ValueError(
                "nothing binds the answer to the author: put {author} into url, name the owner field, or set shared"
            )
        return self
