"""A proposal and facts against which no rule speaks; tests change one thing."""

from __future__ import annotations

from typing import Any

from agent.policy import Facts, Judgement, Rules, Settings, evaluate
from inbound.contracts import InboundEmailIntent, Kind
from outbound.contracts import ReplyRecipient, SendAgentEmail

OURS = "support@larkspur.example"
ANN = "ann@customer.example"
ENTRY = "Thank you for asking. We are open Monday to Saturday from 9 to 18.\n\nYour Larkspur team"
RULES = Rules(settings=Settings(allowed_links=("https://larkspur.example/help/",), max_attachment_count=2))


def intent(**changes: Any) -> InboundEmailIntent:
    known: dict[str, Any] = {
        "message_id": "1@customer.example",
        "mailbox": OURS,
        "sender": ANN,
        "intent": "opening_hours",
        "confidence": 0.95,
    }
    return InboundEmailIntent(**{**known, **changes})


def proposal(to: str = ANN, **changes: Any) -> SendAgentEmail:
    known: dict[str, Any] = {
        "tenant_id": "larkspur",
        "source_event_id": "m-1",
        "idempotency_key": "0" * 64,
        "recipient": ReplyRecipient(email=to),
        "template_id": "hours",
        "subject": "Re: Opening hours",
        "plain_text": ENTRY,
        "risk_level": "low",
        "review_required": False,
    }
    return SendAgentEmail(**{**known, **changes})


def facts(**changes: Any) -> Facts:
    known: dict[str, Any] = {
        "mail_id": "m-1",
        "mailbox": OURS,
        "author": ANN,
        "authenticated_author": ANN,
        "kind": Kind.PERSONAL,
        "intent": intent(),
        "mail_subject": "Opening hours",
        "entry_id": "hours",
        "entry_risk": "low",
        "own_addresses": frozenset({OURS, "help@larkspur.example"}),
        "sources": ("When are you open? Ann", ENTRY),
    }
    return Facts(**{**known, **changes})


def judge(said: SendAgentEmail | None = None, known: Facts | None = None, rules: Rules = RULES) -> Judgement:
    return evaluate("d-1", said or proposal(), known or facts(), rules)


def broken(judgement: Judgement) -> dict[str, str]:
    """Kind of each rule that did not hold, by id."""
    return {finding.rule: finding.kind for finding in judgement.findings}
