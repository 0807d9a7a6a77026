"""The breaker: when too much of what left bounces or is called spam, nothing leaves any more that nobody saw.

    closed ──▶ open          bounces or complaints over their rate within the window; or a person opens it
    open ──▶ half_open       after its rest: a few replies may leave unseen, to find out
    half_open ──▶ closed     as long again without a report about what left meanwhile
    half_open ──▶ open       a report about what left meanwhile
    open, half_open ──▶ closed   a person

Rules:
- It holds back what nobody saw. What a person approves leaves: they are told why it waits.
- Only proven bounces and complaints count, once for each delivery; what came before it closed last counts no more.
- It is looked at after each report and once a minute; a move is one transaction with its audit row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from agent.audit import SYSTEM
from agent.parts import Parts
from agent.reputation_settings import ReputationSettings
from agent.store import locks, reputation
from agent.store.database import Tx
from agent.store.reputation import Breaker

CODE = "postroom"

log = structlog.get_logger()


@dataclass(frozen=True)
class Seen:
    """What the breaker looks at: replies decided in the window, and what came back."""

    left: int
    bounced: int
    complained: int
    of_trial: int = 0
    """Reports about what left since it was half open."""


def too_much(seen: Seen, settings: ReputationSettings) -> str:
    """Why it is to open, in words; empty where it is not. Pure."""
    for number, rate, what in (
        (seen.bounced, settings.breaker_bounce_rate, "bounced"),
        (seen.complained, settings.breaker_complaint_rate, "were called spam"),
    ):
        if rate and number >= settings.breaker_at_least and number >= rate * seen.left:
            return f"{number} of {seen.left} replies {what} within {settings.breaker_window_hours:g} hours"
    return ""


def next_move(
    now_state: Breaker | None, seen: Seen, settings: ReputationSettings, now: datetime
) -> tuple[str, str, str] | None:
    """From where to where, and why; None where it stays. Pure."""
    state = now_state.state if now_state else "closed"
    rest = timedelta(hours=settings.breaker_rest_hours)
    over = now_state is not None and now >= now_state.since + rest
    if state == "closed":
        why = too_much(seen, settings)
        return ("closed", "open", why) if why else None
    if state == "open":
        return ("open", "half_open", f"a few may try after {settings.breaker_rest_hours:g} hours") if over else None
    if seen.of_trial:
        return "half_open", "open", f"{seen.of_trial} of the replies that were let try came back"
    return ("half_open", "closed", "nothing of what was let try came back") if over else None


def _since(known: Breaker | None, settings: ReputationSettings, now: datetime) -> datetime:
    """Where the window begins: not before it closed last."""
    begin = now - timedelta(hours=settings.breaker_window_hours)
    return max(begin, known.since) if known and known.state == "closed" else begin


async def _seen(parts: Parts, tx: Tx, known: Breaker | None, now: datetime) -> Seen:
    tenant, settings = parts.config.postroom.tenant_id, parts.config.reputation
    since = _since(known, settings, now)
    reports = await reputation.reports_since(tx, tenant, since)
    left = 0
    if reports:  # most of the time nothing came back, and nothing has to be counted
        left = await reputation.decided_since(tx, [one.address for one in parts.config.mailboxes], since)
    of_trial = 0
    if known is not None and known.state == "half_open":
        of_trial = await reputation.reported_of(tx, tenant, known.since)
    return Seen(left, reports.get("bounced", 0), reports.get("complained", 0), of_trial)


async def look(parts: Parts) -> str:
    """Move the breaker where it is to move; gives the state that it moved to, or nothing."""
    now, tenant = parts.now(), parts.config.postroom.tenant_id
    async with parts.database.read() as tx:  # a look alone must not take the one writer's turn
        known = await reputation.get_breaker(tx, tenant)
        move = next_move(known, await _seen(parts, tx, known, now), parts.config.reputation, now)
    if move is None:
        return ""
    source, target, why = move
    return target if await turn(parts, source, target, by=CODE, reason=why) else ""


async def turn(parts: Parts, source: str, target: str, *, by: str, reason: str) -> bool:
    """Take it from one state to another; False where it stands elsewhere by now."""
    now, tenant = parts.now(), parts.config.postroom.tenant_id
    async with parts.database.write() as tx:
        await locks.rates(tx)
        if not await reputation.move_breaker(parts.database, tx, tenant, source, target, by=by, reason=reason, now=now):
            return False
        await parts.audit.add(tx, SYSTEM, f"breaker_{target}", actor=by, now=now, data={"from": source}, reason=reason)
    (log.error if target == "open" else log.warning)(f"breaker.{target}", by=by, reason=reason)
    return True


async def close(parts: Parts, *, by: str) -> bool:
    """A person closes it; False where it is closed."""
    return any([await turn(parts, one, "closed", by=by, reason=f"closed by {by}") for one in ("open", "half_open")])


async def trip(parts: Parts, *, by: str, reason: str) -> bool:
    """A person opens it; False where it is open."""
    return any([await turn(parts, one, "open", by=by, reason=reason) for one in ("closed", "half_open")])


def told(known: Breaker | None) -> str:
    """How it stands, for people; empty where it is closed."""
    if known is None or known.state == "closed":
        return ""
    if known.state == "open":
        return f"the breaker is open since {known.since:%Y-%m-%d %H:%M} UTC: {known.reason}"
    return f"the breaker is half open since {known.since:%Y-%m-%d %H:%M} UTC: {known.reason}"
