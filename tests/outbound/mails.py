"""A reply, and what it becomes on its way out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from outbound.authorize import authorize
from outbound.compose import Composed, Reply, compose
from outbound.contracts import ApprovedEmail, EmailActionPolicy, Refused

KEY = b"k" * 32
NOW = datetime(2026, 11, 20, 12, 30, 15, tzinfo=UTC)


def reply(**changes: Any) -> Reply:
    fields: dict[str, Any] = {
        "from_address": "support@acme.example",
        "from_name": "Acme Support",
        "to_address": "ann@customer.example",
        "to_name": "Ann",
        "subject": "Re: Opening hours",
        "body": "Hello Ann,\n\nwe open at nine.\n",
        "message_id": "p1abc@acme.example",
        "in_reply_to": "q1@customer.example",
        "references": ("q0@customer.example",),
        "date": NOW,
        "way": "unseen",
    }
    return Reply(**(fields | changes))


def composed(**changes: Any) -> Composed:
    result = compose(reply(**changes))
    assert isinstance(result, Composed), result
    return result


def policy(**changes: Any) -> EmailActionPolicy:
    fields: dict[str, Any] = {
        "action_id": "a1",
        "risk_level": "low",
        "requires_human_review": False,
        "review_reason": "",
        "allowed_sender": "support@acme.example",
        "allowed_recipient": True,
        "decision": "allow",
    }
    return EmailActionPolicy(**(fields | changes))


def try_authorize(mail: Composed, rules: EmailActionPolicy, **changes: Any) -> ApprovedEmail | Refused:
    fields: dict[str, Any] = {
        "key": KEY,
        "action_id": "a1",
        "message_id": "p1abc@acme.example",
        "way": "unseen",
        "return_path": "bounces+p1abc@acme.example",
        "sender": "support@acme.example",
        "recipient": "ann@customer.example",
        "thread_head": "m1",
        "policy_version": "v1",
        "approved_by": "gate",
        "approved_at": NOW,
        "policy": rules,
    }
    return authorize(mail, **(fields | changes))


def approved(**changes: Any) -> ApprovedEmail:
    """An approved mail; `changes` are those of the reply."""
    about = reply(**changes)
    email = try_authorize(
        composed(**changes),
        policy(allowed_sender=about.from_address, max_attachment_count=len(about.files)),
        copies=about.copies,
        way=about.way,
        message_id=about.message_id,
        sender=about.from_address,
        recipient=about.to_address,
    )
    assert isinstance(email, ApprovedEmail), email
    return email
