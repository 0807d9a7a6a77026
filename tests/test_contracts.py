"""The shared contracts have exactly the agreed fields, refuse others, and take numbers that were written as text."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from inbound.contracts import InboundEmailIntent
from outbound.contracts import EmailActionPolicy, ReplyRecipient, SendAgentEmail

FIELDS: dict[type[BaseModel], str] = {
    InboundEmailIntent: "message_id mailbox sender intent entities confidence risks requested_action review_required",
    SendAgentEmail: (
        "action tenant_id source_event_id idempotency_key recipient template_id subject plain_text risk_level "
        "review_required"
    ),
    ReplyRecipient: "email user_id",
    EmailActionPolicy: (
        "action_id risk_level requires_human_review review_reason allowed_sender allowed_recipient "
        "max_attachment_count decision"
    ),
}
INTENT = {
    "message_id": "a@x.example",
    "mailbox": "support@larkspur.example",
    "sender": "ann@customer.example",
    "intent": "opening_hours",
    "entities": [{"name": "order", "value": "LG-10000"}],
    "confidence": "0.97",
    "risks": ["hidden_text"],
    "requested_action": "reply",
    "review_required": False,
}


@pytest.mark.parametrize("contract", FIELDS, ids=lambda contract: contract.__name__)
def test_a_contract_has_exactly_its_fields(contract: type[BaseModel]) -> None:
    """In the agreed spelling and order."""
    assert list(contract.model_fields) == FIELDS[contract].split()


def test_numbers_written_as_text_are_numbers() -> None:
    """`confidence` is often quoted."""
    assert InboundEmailIntent.model_validate(INTENT).confidence == 0.97


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("confidence", 1.01),
        ("confidence", -0.01),
        ("confidence", "nan"),
        ("requested_action", "transfer"),
        ("bcc", "eve@evil.example"),
        ("entities", [{"name": "order", "value": "1", "url": "https://evil.example"}]),
    ],
)
def test_what_does_not_fit_is_refused(field: str, value: object) -> None:
    """Unknown fields, unknown words, numbers out of bounds."""
    with pytest.raises(ValidationError):
        InboundEmailIntent.model_validate({**INTENT, field: value})


def test_a_contract_cannot_be_changed() -> None:
    """Frozen: what was judged is what goes on."""
    found = InboundEmailIntent.model_validate(INTENT)
    with pytest.raises(ValidationError):
        found.confidence = 1.0  # type: ignore[misc]  # that is the point
