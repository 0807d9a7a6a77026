"""May a reply leave without a person? Pure.

Rules:
- Only what policy allows without any finding, from a proven author, as a playbook entry that the operator marked, in a
  mailbox where the operator switched it on, at or over the operator's threshold.
- Free text always waits for a person.
- Everything that stands in the way is named, so that the person sees why it waits.
- What policy has looked at is looked at here again where a mistake would cost most: one net may have a hole.
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
    policy = judgement.policy
    proven = bool(facts.author) and facts.authenticated_author == facts.author
    obstacles = (
        (
            policy.decision != "allow" or policy.requires_human_review or bool(judgement.findings),
            policy.review_reason or "policy did not allow it",
        ),
        (not judgement.passed, "no rule was checked"),
        (not policy.allowed_recipient, "the recipient is not the author of the mail"),
        (policy.risk_level == "high", "the risk is high"),
        (template_id is None or template_id != facts.entry_id, "free text always waits for a person"),
        (template_id is not None and not auto_send, "auto_send is off, for this mailbox or for this entry"),
        (not proven, "nothing proves who wrote the mail"),
        (facts.kind is not Kind.PERSONAL, "the mail may be automatic"),
        # Not `<`: a threshold that is no number compares false either way.
        (not facts.intent.confidence >= threshold, "confidence is under the threshold"),
        (facts.intent.review_required, "a person was asked for"),
        (facts.already_replied, "this mail has a reply already"),
        (facts.newer_mail, "a newer mail came in the conversation"),
        (facts.older_unanswered, "an earlier mail of the conversation still waits for an answer"),
        (facts.mistaken, "a reply from this entry should not have been sent; too few were right since"),
        (facts.paused, "sending is paused"),
        (bool(facts.hold), facts.hold),
    )
    reasons = tuple(dict.fromkeys(reason for stands, reason in obstacles if stands))
    return (
        Person(reasons) if reasons else Unseen(f"entry {template_id} may leave unseen, and nothing speaks against it")
    )
