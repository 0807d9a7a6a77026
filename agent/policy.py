"""What may become of a proposal: allow, review or deny. Pure.

Rules:
- Every rule is checked, always; one denial is enough to deny, one doubt enough for a person.
- The review flags of intent, proposal and policy are OR-ed; nothing takes one back.
- The same rules judge the proposal, the edit, the approval and the final bytes.
- A judgement names the rules that spoke and the version of rules and settings.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from agent.rules import RULES, Caps, Facts, Frozen, RuleKind, Settings
from outbound.contracts import Decision, EmailActionPolicy, RiskLevel, SendAgentEmail

__all__ = ["Caps", "Facts", "Finding", "Judgement", "Rules", "Settings", "evaluate"]

_ORDER: dict[RiskLevel, int] = {"low": 0, "medium": 1, "high": 2}


class Rules(Frozen):
    """The rules of one mailbox: the table of `agent.rules` with the operator's settings."""

    settings: Settings = Settings()
    stricter: frozenset[str] = frozenset()
    """Ids of review rules that deny here; never the other way."""

    @property
    def version(self) -> str:
        """Changes with any rule's id or kind and with any setting."""
        table = "\n".join(f"{rule.id} {rule.kind} {rule.protects}" for rule in RULES)
        return hashlib.sha256(f"{table}\n{self.model_dump_json()}".encode()).hexdigest()[:16]


class Finding(Frozen):
    """One rule that did not hold."""

    rule: str
    kind: RuleKind
    reason: str


class Judgement(Frozen):
    policy: EmailActionPolicy
    findings: tuple[Finding, ...]
    passed: tuple[str, ...]
    rules_version: str


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
            findings.append(Finding(rule=rule.id, kind=kind, reason=reason))
    return Judgement(
        policy=EmailActionPolicy(
            action_id=action_id,
            risk_level=_risk(proposal.risk_level, facts.entry_risk),
            requires_human_review=bool(findings),
            review_reason="; ".join(finding.reason for finding in findings),
            allowed_sender=facts.mailbox,
            allowed_recipient="recipient" in passed,
            max_attachment_count=0,
            decision=_decision(findings),
        ),
        findings=tuple(findings),
        passed=tuple(passed),
        rules_version=rules.version,
    )


def _decision(findings: list[Finding]) -> Decision:
    kinds: set[Literal["deny", "review"]] = {finding.kind for finding in findings}
    return "deny" if "deny" in kinds else "review" if kinds else "allow"


def _risk(one: RiskLevel, other: RiskLevel | None) -> RiskLevel:
    return max((one, other or "low"), key=_ORDER.__getitem__)
