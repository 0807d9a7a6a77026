"""`[[triage]]`: what the operator wants done with mail of a certain kind, before any reply is thought of."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from inbound.addresses import canonical, canonical_domain
from inbound.language import NAMES

Action = Literal["", "reply", "person", "forward", "close", "ignore"]


def _sender(value: str) -> str:
    found = f"@{canonical_domain(value[1:])}" if value.startswith("@") else canonical(value)
    if not found or found == "@None":
        raise ValueError(f"{value!r} is neither an address nor '@example.com'")
    return found


def _address(value: str) -> str:
    found = canonical(value)
    if found is None:
        raise ValueError(f"{value!r} is not a plain address like books@example.com")
    return found


def _language(value: str) -> str:
    if value not in NAMES:
        raise ValueError(f"{value!r} is no language that is told apart; there are {', '.join(sorted(NAMES))}")
    return value


def _folded(value: str) -> str:
    if not value.strip(" *"):
        raise ValueError("is empty")
    return " ".join(value.split()).casefold()


Words = tuple[Annotated[str, Field(max_length=200), AfterValidator(_folded)], ...]


class TriageSettings(BaseModel):
    """`[[triage]]`: every condition that is set has to hold, of several values one; then all that is named follows."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    """What explanations and the audit call it."""
    mailboxes: tuple[Annotated[str, AfterValidator(_address)], ...] = ()
    """Condition: it came to one of these mailboxes."""
    intents: tuple[str, ...] = ()
    """Condition: it wants one of these, as the playbook names them; `none` for what is unknown."""
    senders: tuple[Annotated[str, AfterValidator(_sender)], ...] = ()
    """Condition: From is one of these, an address or `@example.com`."""
    proven: bool | None = None
    """Condition: its author is proven (true), or is not (false)."""
    subjects: Words = ()
    """Condition: the subject has one of these words, whole, in any case; `invoice*` is also in `invoices`."""
    texts: Words = ()
    """Condition: what its author newly wrote has one of these words, as in `subjects`."""
    languages: tuple[Annotated[str, AfterValidator(_language)], ...] = ()
    """Condition: its author newly wrote in one of these, by code: `de`."""
    attachments: bool | None = None
    """Condition: it carries attachments (true), or none (false)."""
    tags: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9 ._-]{0,38}$")], ...] = ()
    """Follows: these tags."""
    priority: Literal["", "low", "high", "urgent"] = ""
    """Follows: this tag as well, of the first rule that has one."""
    team: str = Field(default="", max_length=100)
    """Follows: who has it at the desk, of the first rule that has one."""
    action: Action = ""
    """Follows, of the first rule that has one. `reply`: as usual. `person`: no draft. `forward`: to `forward_to`, the
    original attached, and closed when that left. `close`: done. `ignore`: closed as nothing to do with us."""
    forward_to: tuple[Annotated[str, AfterValidator(_address)], ...] = ()
    """Addresses of people, for `forward`."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.forward_to) != (self.action == "forward"):
            raise ValueError(f"triage {self.name}: action = 'forward' and forward_to go together")
        if not (self.tags or self.priority or self.team or self.action):
            raise ValueError(f"triage {self.name}: nothing follows from it; set tags, priority, team or action")
        if not self.team.isprintable():
            raise ValueError(f"triage {self.name}: team is to be one line of visible characters")
        return self
