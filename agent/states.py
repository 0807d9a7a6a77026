"""Every state that a row can have, and which state may follow which.

Rules:
- A transition that is not in these tables does not exist; the store's updates name the state that they leave.
- The same names stand as CHECK constraints in the schema.
- Nothing leaves a final state.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class MailStatus(StrEnum):
    """Where one mail stands, in one word for a person."""

    RECEIVED = "received"
    """Durable; not read yet."""
    QUARANTINED = "quarantined"
    """Could not be read within the bounds; its bytes are kept, a person looks."""
    RECORDED = "recorded"
    """Automatic mail: kept, never answered."""
    DUPLICATE = "duplicate"
    """The same mail came before, by another way; that one is answered."""
    WORKING = "working"
    """A run is open."""
    JOINED = "joined"
    """A newer mail of the conversation took it along; one reply answers both."""
    WAITING = "waiting"
    """A draft waits for a person."""
    PERSON = "person"
    """No reply was drafted, or none may go: a person answers."""
    SENDING = "sending"
    """Decided; on its way out."""
    ANSWERED = "answered"
    IN_DOUBT = "in_doubt"
    """The reply may or may not have been accepted; a person finds out."""
    CLOSED = "closed"
    """A person wants no reply, or wrote one elsewhere."""


_S = MailStatus
MAIL_AFTER: Mapping[MailStatus, frozenset[MailStatus]] = {
    _S.RECEIVED: frozenset({_S.RECORDED, _S.QUARANTINED, _S.DUPLICATE, _S.WORKING, _S.JOINED, _S.PERSON}),
    _S.WORKING: frozenset({_S.WAITING, _S.SENDING, _S.PERSON, _S.JOINED, _S.CLOSED}),
    _S.WAITING: frozenset({_S.SENDING, _S.PERSON, _S.JOINED, _S.CLOSED}),
    _S.PERSON: frozenset({_S.WAITING, _S.SENDING, _S.JOINED, _S.CLOSED, _S.RECEIVED}),
    _S.SENDING: frozenset({_S.ANSWERED, _S.IN_DOUBT, _S.PERSON, _S.WAITING, _S.JOINED}),
    _S.IN_DOUBT: frozenset({_S.ANSWERED, _S.SENDING}),
    _S.QUARANTINED: frozenset({_S.CLOSED, _S.RECEIVED}),
    _S.CLOSED: frozenset({_S.RECEIVED}),
    _S.JOINED: frozenset(),
    _S.RECORDED: frozenset(),
    _S.DUPLICATE: frozenset(),
    _S.ANSWERED: frozenset(),
}
"""Which states may follow each. A state may always be told anew: the same one, with another reason."""


class RunState(StrEnum):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    REQUIRES_ACTION = "requires_action"
    """Rests as rows until a person or a delivery answers its tool call; held by no process."""
    COMPLETED = "completed"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    """Out of turns."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        return self in FINAL_RUNS


FINAL_RUNS = frozenset(
    {RunState.COMPLETED, RunState.FAILED, RunState.INCOMPLETE, RunState.CANCELLED, RunState.EXPIRED},
)
OPEN_RUNS = frozenset(RunState) - FINAL_RUNS


class DraftState(StrEnum):
    WAITING = "waiting"
    """For a person."""
    UNSEEN = "unseen"
    """The gate let it go without a person."""
    APPROVED = "approved"
    REJECTED = "rejected"
    EDITED = "edited"
    """A person wrote a new version; that one counts."""
    DENIED = "denied"
    """Policy refuses it; approving is not offered."""
    VOIDED = "voided"
    """Overtaken: a newer mail, a changed policy, age, or the final check before sending."""

    @property
    def final(self) -> bool:
        return self is not DraftState.WAITING


class OutboxState(StrEnum):
    QUEUED = "queued"
    """Due now or later; no attempt is open."""
    ATTEMPTING = "attempting"
    """An attempt was committed and has no outcome yet. Found like this after a crash, it is in doubt."""
    SENT = "sent"
    FAILED = "failed"
    """Refused for good, or out of tries; a person was told."""
    IN_DOUBT = "in_doubt"
    REFUSED = "refused"
    """The final check stopped it before the wire."""


class NoticeState(StrEnum):
    QUEUED = "queued"
    """To be sent; one without a recipient waits to be put into words."""
    SENT = "sent"
    FAILED = "failed"
    ARRIVED = "arrived"
    """A canary that came in again."""


class JobState(StrEnum):
    DUE = "due"
    DONE = "done"
    DEAD = "dead"
    """Claimed too often without an end; what it was for is with a person."""


class JobKind(StrEnum):
    TRIAGE = "triage"
    RUN = "run"
    DELIVER = "deliver"
