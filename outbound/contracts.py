"""What `outbound` takes, gives and needs.

Rules that these shapes keep:
- Every model is frozen and refuses unknown fields.
- `ApprovedEmail` is made by `authorize` alone; a courier takes nothing else.
- An expected outcome is a value: `Sent`, `Again`, `Never`, `InDoubt`, `Paused`. In doubt is not temporary.
- `outbound` states what it needs as a `Protocol`; `agent` implements it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """A value: never changed after it was made, no field that was not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


RiskLevel = Literal["low", "medium", "high"]
Decision = Literal["allow", "review", "deny"]
Way = Literal["unseen", "approved", "notice"]
"""How a mail leaves: a reply by the gate, seen by nobody; a reply by a person's decision; or a notice that code writes
to the operator's own people, never to a correspondent. The headers differ (RFC 3834)."""
MARKS: dict[Way, str] = {"unseen": "auto-replied", "approved": "", "notice": "auto-generated"}
"""What `Auto-Submitted` says of each way; empty: the header is not there."""


class ReplyRecipient(Frozen):
    email: str
    """What the model asked for; only ever compared with the author of the mail, never used as the destination."""
    user_id: str | None = None


class SendAgentEmail(Frozen):
    """`send_agent_email`: a proposal. The model gave `recipient.email`, `subject`, `plain_text`; the rest is ours."""

    action: Literal["send_agent_email"] = "send_agent_email"
    tenant_id: str
    source_event_id: str
    """Id of the mail being answered."""
    idempotency_key: str
    """SHA-256 over tenant and source event: the same mail can cause one reply."""
    recipient: ReplyRecipient
    template_id: str | None = None
    """Set by code, only when the body equals a playbook entry rendered again from validated variables."""
    subject: str = Field(max_length=998)
    plain_text: str = Field(max_length=100_000)
    risk_level: RiskLevel
    """At least the floor that code computed; the model can raise it."""
    review_required: bool


class EmailActionPolicy(Frozen):
    """`email_action_policy`: what policy says of one proposal."""

    action_id: str
    """Id of the proposal."""
    risk_level: RiskLevel
    requires_human_review: bool
    review_reason: str
    """Plain words; empty where nothing asks for a person."""
    allowed_sender: str
    """The one From address that this reply may carry: the mailbox's own."""
    allowed_recipient: bool
    """The proposal's recipient is the author of the mail."""
    max_attachment_count: int = 0
    decision: Decision


class ApprovedEmail(Frozen):
    """Final bytes with everything that was decided about them, sealed. Only `authorize.authorize` makes one."""

    action_id: str
    message_id: str
    """Fixed before the first attempt; without brackets."""
    way: Way
    return_path: str
    """Envelope sender: our VERP address."""
    sender: str
    """The From address in the bytes."""
    recipient: str
    """The To address in the bytes: the author who is answered."""
    copies: tuple[str, ...] = ()
    """The Cc addresses in the bytes, in their order: whom a person named beside. Of a model's reply, nobody."""
    settled: tuple[str, ...] = ()
    """Of these, who has it already or was refused for good: an earlier attempt served a part of them."""
    raw: bytes
    """The mail as it goes on the wire: CRLF line ends, sent as they are."""
    sha256: str
    thread_head: str
    """Id of the newest mail of the conversation when this was decided; a newer one voids it."""
    policy_version: str
    approved_by: str
    approved_at: datetime
    seal: str
    """HMAC-SHA256 over all of the above, with a key that is not in the database."""

    @property
    def to_serve(self) -> tuple[str, ...]:
        """Each RCPT of the next attempt."""
        return tuple(one for one in (self.recipient, *self.copies) if one not in self.settled)


class Unserved(Frozen):
    """One recipient that a server did not take, and surely not, whatever became of the others."""

    address: str
    reason: str
    again: bool
    """It may be tried later; else it was refused for good."""
    nobody: bool = False
    """The server says that nobody is there: as good as a bounce for good."""


class Sent(Frozen):
    """Accepted for everybody who was to be served, apart from `unserved`."""

    kind: Literal["sent"] = "sent"
    detail: str
    """The server's answer, or the path written; control characters removed."""
    unserved: tuple[Unserved, ...] = ()


class Again(Frozen):
    """Not accepted for anybody, and surely not: may be tried later."""

    kind: Literal["again"] = "again"
    reason: str
    unserved: tuple[Unserved, ...] = ()


class Never(Frozen):
    """Refused for good; the desk is told, no stranger gets a report."""

    kind: Literal["never"] = "never"
    reason: str
    unserved: tuple[Unserved, ...] = ()


class InDoubt(Frozen):
    """It may have been accepted. Never tried again by itself: a person resolves it."""

    kind: Literal["in_doubt"] = "in_doubt"
    reason: str
    unserved: tuple[Unserved, ...] = ()
    """Who surely has not got it."""


class Paused(Frozen):
    """Nothing of the mail was given: sending was stopped while the server was being asked. It is no try that failed."""

    kind: Literal["paused"] = "paused"
    reason: str


DeliveryResult = Sent | Again | Never | InDoubt | Paused

Switch = Callable[[ApprovedEmail], Awaitable[str]]
"""Asked right before the mail itself: why it may not go any more, in words; empty where it may."""


async def always_on(_email: ApprovedEmail) -> str:
    """A switch that nobody turns."""
    return ""


class Claim(Frozen):
    """One due delivery, held under a lease. `token` fences: a holder whose lease passed on can write nothing."""

    outbox_id: str
    token: int
    attempts: int
    """Attempts begun before this one."""
    email: ApprovedEmail


class Refused(Frozen):
    """The stored mail may not leave (any more): why, in plain words, and the code of the rule."""

    code: str
    reason: str


class Held(Frozen):
    """Sending is paused, or somebody else holds the claim; nothing was changed that matters, try later."""

    reason: str


class Outbox(Protocol):
    """Deliveries that are due. Each verb is one transaction."""

    async def claim(self, now: datetime) -> Claim | None:
        """Take the next due delivery under a lease; None where nothing is due."""

    async def begin_attempt(self, claim: Claim, now: datetime) -> Claim | Refused | Held:
        """Re-check the stored bytes and commit the attempt, before the first byte on the wire."""

    async def finish(self, claim: Claim, result: DeliveryResult, now: datetime) -> bool:
        """Record the outcome with what follows from it. False: the fencing token is stale, nothing was written."""


class Courier(Protocol):
    """One way out."""

    name: str

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        """Make one attempt. Never raises for what a network can do; bounded in time."""

    async def close(self) -> None: ...
