"""The only place that makes an `ApprovedEmail`, and the only one that can tell a true one.

Rules:
- What policy denies has no approval, by nobody; what it sends to review has none by the gate.
- Sender, recipient, Message-ID, way and number of attachments have to be what the bytes say, not what a caller says.
- The seal covers every field and the bytes themselves (hashed anew each time). Its key does not lie in the database:
  who can write rows still cannot make a mail that leaves.
- Compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from pydantic import ValidationError

from outbound.addresses import canonical
from outbound.compose import Composed, Inspected, inspect
from outbound.contracts import MARKS, ApprovedEmail, EmailActionPolicy, Refused, Way

_UNSEALED = "0" * 64


def authorize(
    composed: Composed,
    *,
    key: bytes,
    action_id: str,
    message_id: str,
    way: Way,
    return_path: str,
    sender: str,
    recipient: str,
    thread_head: str,
    policy_version: str,
    approved_by: str,
    approved_at: datetime,
    policy: EmailActionPolicy,
    copies: tuple[str, ...] = (),
) -> ApprovedEmail | Refused:
    """Seal the final bytes for their way out, or say why not."""
    refused = _against_policy(policy, action_id=action_id, way=way, sender=sender)
    if refused is not None:
        return refused
    found = inspect(composed.raw)
    if isinstance(found, Refused):
        return found
    email = ApprovedEmail(
        action_id=action_id,
        message_id=message_id,
        way=way,
        return_path=return_path,
        sender=canonical(sender) or sender,
        recipient=canonical(recipient) or recipient,
        copies=copies,
        raw=composed.raw,
        sha256=composed.sha256,
        thread_head=thread_head,
        policy_version=policy_version,
        approved_by=approved_by,
        approved_at=approved_at,
        seal=_UNSEALED,
    )
    refused = _against_bytes(email, found, policy.max_attachment_count)
    if refused is not None:
        return refused
    return email.model_copy(update={"seal": _seal(email, key)})


def verify(email: ApprovedEmail, key: bytes) -> Refused | None:
    """Say why this mail may not leave: one byte or one field differs from what was sealed. None: it may."""
    if email.approved_at.tzinfo is None:
        return Refused(code="seal", reason="the time of the approval has no time zone")
    if not hmac.compare_digest(_digest(email.raw).encode(), email.sha256.encode("utf-8", "surrogatepass")):
        return Refused(code="seal", reason="the mail's bytes are not those that were approved")
    if not hmac.compare_digest(_seal(email, key).encode(), email.seal.encode("utf-8", "surrogatepass")):
        return Refused(code="seal", reason="something of the approval was changed after it was given")
    return None


def left_over(email: ApprovedEmail, settled: Collection[str], key: bytes) -> ApprovedEmail:
    """The same mail for those of its recipients who are not `settled`: never for more. `email` was verified."""
    served = tuple(one for one in (email.recipient, *email.copies) if one in settled)
    fewer = email.model_copy(update={"settled": served})
    return fewer.model_copy(update={"seal": _seal(fewer, key)})


def restore(record: Mapping[str, object], key: bytes) -> ApprovedEmail | Refused:
    """Make an `ApprovedEmail` of stored fields again. Refused where they are not exactly what was sealed."""
    try:
        email = ApprovedEmail.model_validate(dict(record))
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        return Refused(code="seal", reason=f"the stored approval is not whole: {fields}")
    return verify(email, key) or email


def _against_policy(policy: EmailActionPolicy, *, action_id: str, way: Way, sender: str) -> Refused | None:
    needs_person = policy.decision == "review" or policy.requires_human_review
    checks = (
        ("policy_denied", policy.decision == "deny", policy.review_reason or "policy denies this mail"),
        ("recipient_not_allowed", not policy.allowed_recipient, "policy does not allow this recipient"),
        ("needs_person", needs_person and way == "unseen", "policy asks for a person, and nobody saw this mail"),
        ("other_action", policy.action_id != action_id, "the policy is about another proposal"),
        ("sender_not_allowed", not _same(policy.allowed_sender, sender), "the sender is not the mailbox's own address"),
    )
    return _first(checks)


def _against_bytes(email: ApprovedEmail, found: Inspected, max_attachments: int) -> Refused | None:
    checks = (
        ("hash_differs", _digest(email.raw) != email.sha256, "the hash is not that of the bytes"),
        ("sender_differs", found.from_address != email.sender, "From in the bytes is another address"),
        ("recipient_differs", found.to_address != email.recipient, "To in the bytes is another address"),
        ("copies_differ", found.copies != email.copies, "Cc in the bytes is not who was named"),
        ("copies_differ", bool(email.copies) and email.way != "approved", "only what a person approved has copies"),
        ("message_id_differs", found.message_id != email.message_id, "the bytes carry another Message-ID"),
        (
            "way_differs",
            found.auto_submitted != MARKS[email.way],
            "Auto-Submitted does not fit the way that the mail goes",
        ),
        ("attachments", found.attachments > max_attachments, "more attachments than policy allows"),
        ("return_path", canonical(email.return_path) != email.return_path, "the return path is not a plain address"),
        (
            "approval",
            not email.approved_by or email.approved_at.tzinfo is None,
            "nobody approved it, or at no known time",
        ),
    )
    return _first(checks)


def _first(checks: tuple[tuple[str, bool, str], ...]) -> Refused | None:
    return next((Refused(code=code, reason=reason) for code, broken, reason in checks if broken), None)


def _same(one: str, other: str) -> bool:
    return canonical(one) == canonical(other) is not None


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _seal(email: ApprovedEmail, key: bytes) -> str:
    """HMAC over the fields' names and values in their declared order, each with its length before it."""
    mac = hmac.new(key, b"postroom approved email 1", "sha256")
    for field in ApprovedEmail.model_fields:
        found = getattr(email, field)
        # A mail to one recipient is sealed as it was before there were copies: what waits outlives an upgrade.
        if field != "seal" and found != ():
            value = _canonical_bytes(found)
            mac.update(f"\n{field} {len(value)}\n".encode())
            mac.update(value)
    return mac.hexdigest()


def _canonical_bytes(value: str | bytes | datetime | tuple[str, ...]) -> bytes:
    if isinstance(value, tuple):
        return json.dumps(value).encode()
    if isinstance(value, bytes):
        return hashlib.sha256(value).digest()
    if isinstance(value, datetime):
        # Stores give the same instant back in another zone.
        return value.astimezone(UTC).isoformat(timespec="microseconds").encode()
    return value.encode("utf-8", "surrogatepass")
