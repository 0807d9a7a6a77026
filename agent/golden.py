"""Golden cases of policy: a mail and a reply as data, and what has to be decided about them. Pure.

Rules:
- A case says what the facts are; nothing is looked up, so that the same file always gives the same answers.
- What a case leaves out is as for a proven author's plain first mail, at any time.
- The reply counts as an entry's only where it is its rendering, exactly as in the service.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent.conversations import subject_key
from agent.playbook import Playbook, render, template_for, values_of
from agent.policy import Caps, Facts, Judgement, Rules, evaluate
from inbound.contracts import Entity, InboundEmailIntent, Kind
from outbound.contracts import Decision, ReplyRecipient, RiskLevel, SendAgentEmail


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Mailed(_Part):
    """`[case.mail]`."""

    author: str = "ann@customer.example"
    proven: bool = True
    subject: str = "A question"
    text: str = ""
    kind: Kind = Kind.PERSONAL
    intent: str = "none"
    confidence: float = Field(default=1.0, ge=0.0, le=1.0)
    entities: dict[str, str] = {}
    risks: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()


class Replied(_Part):
    """`[case.reply]`."""

    to: str = ""
    """Empty: the author."""
    subject: str = ""
    """Empty: the plain answer to the mail's subject."""
    body: str = ""
    entry: str = ""
    """Instead of a body: the rendering of this entry of the playbook, with the mail's entities."""
    risk: RiskLevel = "low"
    review: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.body) and bool(self.entry):
            raise ValueError("a reply has a body or an entry, not both")
        return self


class State(_Part):
    """`[case.state]`: what happened before."""

    replies: Caps = Caps()
    """Sent in the last day: conversation, sender, domain, mailbox, total."""
    already_replied: bool = False
    rejected: bool = False
    newer_mail: bool = False
    older_unanswered: bool = False
    paused: bool = False
    suppressed: bool = False
    foreign_data: bool = False
    sources: tuple[str, ...] = ()
    """Further texts in which facts of the reply may stand."""


class Expected(_Part):
    """`[case.expect]`."""

    decision: Decision
    rules: tuple[str, ...] | None = None
    """Ids of exactly the rules that do not hold; left out: any."""


class Case(_Part):
    """`[[case]]`."""

    name: str = Field(min_length=1, max_length=200)
    mailbox: str = ""
    """Empty: the first of the configuration."""
    mail: Mailed = Mailed()
    reply: Replied
    state: State = State()
    expect: Expected


class Cases(_Part):
    cases: tuple[Case, ...] = Field(alias="case", min_length=1)


def load_cases(text: str) -> tuple[Case, ...]:
    """Raises ValueError for what is no TOML of cases."""
    return Cases.model_validate_json(json.dumps(tomllib.loads(text), default=str)).cases


def judge_case(case: Case, mailbox: str, rules: Rules, playbook: Playbook, own: frozenset[str]) -> Judgement:
    intent = InboundEmailIntent(
        message_id="golden@case.invalid",
        mailbox=mailbox,
        sender=case.mail.author,
        intent=case.mail.intent,
        entities=tuple(Entity(name=name, value=value) for name, value in case.mail.entities.items()),
        confidence=case.mail.confidence,
        risks=case.mail.risks,
    )
    subject = case.reply.subject or f"Re: {case.mail.subject}"
    plain = subject_key(subject) == subject_key(case.mail.subject)
    named = playbook.entry(case.reply.entry) if case.reply.entry else None
    body = render(named, values_of(named, intent)) if named else case.reply.body
    template = template_for(body, intent, playbook) if plain else None
    entry = playbook.entry(template) if template else None
    proposal = SendAgentEmail(
        tenant_id="golden",
        source_event_id="m-golden",
        idempotency_key="0" * 64,
        recipient=ReplyRecipient(email=case.reply.to or case.mail.author),
        template_id=template,
        subject=subject,
        plain_text=body,
        risk_level=case.reply.risk,
        review_required=case.reply.review,
    )
    facts = Facts(
        mail_id="m-golden",
        mailbox=mailbox,
        author=case.mail.author,
        authenticated_author=case.mail.author if case.mail.proven else None,
        kind=case.mail.kind,
        intent=intent,
        mail_subject=case.mail.subject,
        mail_risks=case.mail.risks,
        mail_defects=case.mail.defects,
        entry_id=entry.id if entry else None,
        entry_risk=entry.risk if entry else None,
        already_replied=case.state.already_replied,
        rejected=case.state.rejected,
        newer_mail=case.state.newer_mail,
        older_unanswered=case.state.older_unanswered,
        sends=case.state.replies,
        own_addresses=own,
        paused=case.state.paused,
        suppressed=case.state.suppressed,
        foreign_data=case.state.foreign_data,
        sources=(
            case.mail.subject,
            case.mail.text,
            *case.state.sources,
            *(one.body for one in playbook.for_intent(case.mail.intent)),
        ),
    )
    return evaluate("d-golden", proposal, facts, rules)


def differences(case: Case, found: Judgement) -> list[str]:
    """In which way the decision is not the expected one; empty where it is."""
    said = []
    if found.policy.decision != case.expect.decision:
        said.append(f"expected {case.expect.decision}, found {found.policy.decision}")
    broken = {finding.rule for finding in found.findings}
    if case.expect.rules is not None and broken != set(case.expect.rules):
        said.append(f"expected {_named(case.expect.rules)}, found {_named(broken)}")
    return said


def _named(rules: Collection[str]) -> str:
    return ", ".join(sorted(rules)) or "no rule"
