"""Milestones of sending, one function each: structured lines with ids and codes, no addresses and no bodies."""

from __future__ import annotations

import structlog

_log = structlog.stdlib.get_logger("outbound")


def held(outbox_id: str, reason: str) -> None:
    """Nothing was begun: paused, or somebody else has it."""
    _log.info("delivery.held", delivery=outbox_id, reason=reason)


def refused(outbox_id: str, code: str) -> None:
    """The last check kept a mail back."""
    _log.warning("delivery.refused", delivery=outbox_id, code=code)


def attempt_ended(outbox_id: str, courier: str, attempt: int, outcome: str, *, recorded: bool) -> None:
    """`recorded` False: the lease had passed on, somebody else decides about this delivery."""
    _log.info(
        "delivery.ended", delivery=outbox_id, courier=courier, attempt=attempt, outcome=outcome, recorded=recorded
    )
