"""What may become of a proposal: allow, review or deny. Pure.

Rules:
- Every rule is checked, always; one denial is enough to deny, one doubt enough for a person.
- The review flags of intent, proposal and policy are OR-ed; nothing takes one back.
- The same rules judge the proposal, the edit, the approval and the final bytes.
- What a person passed over stays passed over in the final bytes; a denial never is.
- A judgement names the rules that spoke and the version of rules and settings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from functools import cached_property
from typing import Literal

from pydantic import field_validator

from agent.rules import REVISION, RULES, Caps, Facts, Final, Frozen, RuleKind, Settings, higher
from outbound.contracts import Decision, EmailActionPolicy, SendAgentEmail, Way

__all__ = [
    "REVIEWED",
    "Caps",
    "Facts",
    "FinalText",
    "Finding",
    "Judgement",
    "Rules",
    "Settings",
    "evaluate",
    "evaluate_final",
    "to_justify",
]


REVIEWED = frozenset(rule.id for rule in RULES if rule.kind == "review")
"""Ids of the rules that a person may pass over."""
REASONED = frozenset(rule.id for rule in RULES if rule.wants_reason)
"""Ids of those that they pass over with a reason alone."""
VOUCHED = frozenset(rule.id for rule in RULES if rule.vouched)
"""Ids of those that a person's own words answer."""
MOST_WORDS = 100
"""Words of one rule that are marked."""


class Rules(Frozen):
    """The rules of one mailbox: the table of `agent.rules` with the operator's settings."""

    settings: Settings = Settings()
    stricter: frozenset[str] = frozenset()
    """Ids of review rules that deny here; never the other way."""
    letter: tuple[str, ...] = ()
    """How the mailbox sets its letters around the words: no rule reads it, but decisions are bound to it."""

    @field_validator("stricter")
    @classmethod
    def _known(cls, ids: frozenset[str]) -> frozenset[str]:
        strange = sorted(ids - {rule.id for rule in RULES})
        if strange:
            raise ValueError(f"there is no rule {', '.join(strange)}")
        return ids

    @cached_property
    def version(self) -> str:
        """Changes with any rule's id, kind or meaning and with any setting; the same in every process."""
        table = [(rule.id, rule.kind, rule.protects) for rule in RULES]
        said = [REVISION, table, self.settings.model_dump(), sorted(self.stricter), self.letter]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


class Finding(Frozen):
    """One rule that did not hold."""

    rule: str
    kind: RuleKind
    reason: str
    words: tuple[str, ...] = ()
    """What it is about, as it stands in the reply; no more than `MOST_WORDS`."""


class Judgement(Frozen):
    policy: EmailActionPolicy
    findings: tuple[Finding, ...]
    passed: tuple[str, ...]
    """Ids of the rules that held."""
    overruled: tuple[str, ...] = ()
    """Ids of review rules that did not hold and that a person had passed over; in final bytes only."""
    rules_version: str


class FinalText(Frozen):
    """What stands in the final bytes, read again."""

    from_address: str
    to_address: str
    subject: str
    body: str
    attachments: int
    auto_submitted: str
    copies: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Digest and name of each."""


def evaluate(action_id: str, proposal: SendAgentEmail, facts: Facts, rules: Rules) -> Judgement:
    """Judge one proposal."""
    findings: list[Finding] = []
    passed: list[str] = []
    for rule in RULES:
        reason = rule.check(proposal, facts, rules.settings)
        if reason is None:
            passed.append(rule.id)
        else:
            kind: RuleKind = "deny" if rule.id in rules.stricter else rule.kind
            words = rule.words(proposal, facts, rules.settings)[:MOST_WORDS] if rule.words else []
            findings.append(Finding(rule=rule.id, kind=kind, reason=reason, words=tuple(words)))
    return Judgement(
        policy=EmailActionPolicy(
            action_id=action_id,
            risk_level=higher(proposal.risk_level, facts.entry_risk),
            requires_human_review=bool(findings),
            review_reason="; ".join(finding.reason for finding in findings),
            allowed_sender=facts.mailbox,
            allowed_recipient="recipient" in passed,
            max_attachment_count=rules.settings.max_attachment_count if facts.files else 0,
            decision=_decision(findings),
        ),
        findings=tuple(findings),
        passed=tuple(passed),
        rules_version=rules.version,
    )


def evaluate_final(
    action_id: str,
    found: FinalText,
    proposal: SendAgentEmail,
    facts: Facts,
    rules: Rules,
    *,
    way: Way,
    overruled: Collection[str] = (),
) -> Judgement:
    """Judge final bytes under today's facts. `overruled` counts where a person approved, and for review rules alone."""
    said = proposal.model_copy(
        update={
            "recipient": proposal.recipient.model_copy(update={"email": found.to_address}),
            "subject": found.subject,
            "plain_text": found.body,
        }
    )
    final = Final(
        from_address=found.from_address,
        auto_submitted=found.auto_submitted,
        way=way,
        copies=found.copies,
        files=found.files,
    )
    seen = facts.model_copy(update={"attachments": found.attachments, "final": final})
    judged = evaluate(action_id, said, seen, rules)
    known = set(overruled) if way == "approved" else set()
    left = [finding for finding in judged.findings if finding.kind == "deny" or finding.rule not in known]
    decided = {
        "requires_human_review": bool(left),
        "review_reason": "; ".join(finding.reason for finding in left),
        "decision": _decision(left),
    }
    return judged.model_copy(
        update={
            "policy": judged.policy.model_copy(update=decided),
            "findings": tuple(left),
            "overruled": tuple(finding.rule for finding in judged.findings if finding not in left),
        }
    )


def to_justify(judgement: Judgement, *, own_words: bool) -> tuple[Finding, ...]:
    """What a person passes over with a reason alone; `own_words`: the text is a person's, not the model's."""
    wanted = REASONED - VOUCHED if own_words else REASONED
    return tuple(finding for finding in judgement.findings if finding.rule in wanted)


def _decision(findings: list[Finding]) -> Decision:
    kinds: set[Literal["deny", "review"]] = {finding.kind for finding in findings}
    return "deny" if "deny" in kinds else "review" if kinds else "allow"
