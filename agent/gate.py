"""May a reply leave without a person? Pure.

Rules:
- Only what policy allows without any finding, from a proven author, as a playbook entry that the operator marked, in a
  mailbox where the operator switched it on, at or over the operator's threshold.
- Free text always waits for a person.
- Everything that stands in the way is named, so that the person sees why it waits.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.policy import Facts, Judgement
from inbound.contracts import Kind


@dataclass(frozen=True)
class Unseen:
    reason: str


@dataclass(frozen=True)
class Person:
    reasons: tuple[str, ...]


def decide(
    judgement: Judgement, facts: Facts, *, template_id: str | None, auto_send: bool, threshold: float
) -> Unseen | Person:
    """Decide on a proposal that was judged. `auto_send`: of the mailbox and of the entry, both."""
    obstacles = (
        (
            judgement.policy.decision != "allow" or judgement.policy.requires_human_review,
            judgement.policy.review_reason,
        ),
        (template_id is None or template_id != facts.entry_id, "free text always waits for a person"),
        (template_id is not None and not auto_send, "the operator did not mark this answer to go unseen"),
        (facts.authenticated_author is None, "nothing proves who wrote the mail"),
        (facts.kind is not Kind.PERSONAL, "the mail may be automatic"),
        (not facts.intent.confidence >= threshold, "confidence is under the threshold"),
        (facts.newer_mail, "a newer mail came in the conversation"),
        (facts.paused, "sending is paused"),
    )
    reasons = tuple(dict.fromkeys(reason for stands, reason in obstacles if stands))
    return (
        Person(reasons) if reasons else Unseen(f"entry {template_id} may leave unseen, and nothing speaks against it")
    )
