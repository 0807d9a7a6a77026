"""Take one due delivery through: claim, record the attempt, deliver, record the outcome.

Rules:
- The attempt is committed before the courier is called: no byte is on the wire without a row that says so.
- `Held` and `Refused` from `begin_attempt` end it there; what to do about them stands in that transaction.
- The seal and the bytes are checked after `begin_attempt`, on what it returned: those bytes go out and no others.
- Whatever a courier raises is in doubt, never a retry: only a courier's own word says that nothing was accepted.
- Cancelled (shutdown) or killed between begin and finish, or when `finish` fails, the attempt stays recorded without an
  outcome. The owner of the store turns such attempts into in doubt once their lease ran out; nothing is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from outbound import events
from outbound.authorize import verify
from outbound.compose import inspect
from outbound.contracts import (
    ApprovedEmail,
    Claim,
    Courier,
    DeliveryResult,
    Held,
    InDoubt,
    Never,
    Outbox,
    Refused,
)


async def send_due(outbox: Outbox, courier: Courier, now: Callable[[], datetime], *, key: bytes) -> bool:
    """Handle the next due delivery, if there is one. True: something was done, ask again at once.

    `key` is the one that `authorize` sealed with. Errors of `outbox` pass through to the caller.
    """
    claim = await outbox.claim(now())
    if claim is None:
        return False
    begun = await outbox.begin_attempt(claim, now())
    if isinstance(begun, Held):
        events.held(claim.outbox_id, begun.reason)
        return True  # it is not due any more; what is behind it may be
    if isinstance(begun, Refused):
        events.refused(claim.outbox_id, begun.code)
        return True
    refused = _final_check(begun.email, key)
    if refused is not None:
        events.refused(claim.outbox_id, refused.code)
        result: DeliveryResult = Never(reason=f"not sent: {refused.reason}")
    else:
        result = await _deliver(courier, begun)
    recorded = await outbox.finish(begun, result, now())
    events.attempt_ended(begun.outbox_id, courier.name, begun.attempts + 1, result.kind, recorded=recorded)
    return True


async def _deliver(courier: Courier, claim: Claim) -> DeliveryResult:
    try:
        return await courier.deliver(claim.email)
    except Exception as error:  # noqa: BLE001 - whatever it was, the mail may be gone: a person has to look
        return InDoubt(reason=f"the {courier.name} courier failed: {type(error).__name__}")


def _final_check(email: ApprovedEmail, key: bytes) -> Refused | None:
    refused = verify(email, key)
    if refused is not None:
        return refused
    found = inspect(email.raw)
    if isinstance(found, Refused):
        return found
    said = (found.from_address, found.to_address, found.copies, found.message_id)
    if said != (email.sender, email.recipient, email.copies, email.message_id):
        return Refused(code="bytes_differ", reason="sender, recipients or Message-ID in the bytes are others")
    if not email.to_serve:
        return Refused(code="nobody_left", reason="everybody who was to get it has it, or was refused for good")
    return None
