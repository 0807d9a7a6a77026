"""What of our good name keeps a reply that nobody saw: the breaker, and the ceiling of a sending domain that is new.

Rules:
- A domain is new from its first reply in this database on, for `warmup_days`; each day has its ceiling, and what is
  over it waits for a person.
- Counted are all replies of the domain's mailboxes, whoever decided them, in the transaction that decides.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from agent import breaker
from agent.parts import Parts
from agent.reputation_settings import ReputationSettings
from agent.store import reputation
from agent.store.database import Tx

DAY = timedelta(days=1)


def ceiling(settings: ReputationSettings, day: int) -> int | None:
    """How many replies a domain may have had on its n-th day (0 is the first); None where there is no ceiling. Pure."""
    if not settings.warmup_first_day or not 0 <= day < settings.warmup_days:
        return None
    return int(min(settings.warmup_first_day * settings.warmup_growth**day, 1e9))


async def hold(parts: Parts, tx: Tx, mailbox: str, *, now: datetime, decided: bool) -> str:
    """Why nothing may leave this mailbox unseen now, in words; empty where nothing keeps it.

    `decided`: it was counted for the ceiling already.
    """
    settings = parts.config.reputation
    known = await reputation.get_breaker(tx, parts.config.postroom.tenant_id)
    if known is not None and known.state == "open":
        return breaker.told(known)
    if decided:
        return ""
    if known is not None and known.state == "half_open":
        every = [one.address for one in parts.config.mailboxes]
        if await reputation.decided_since(tx, every, known.since) >= settings.breaker_trial:
            return f"{breaker.told(known)}, and {settings.breaker_trial} have tried"
    return await _warming(parts, tx, mailbox.rpartition("@")[2], now)


async def _warming(parts: Parts, tx: Tx, domain: str, now: datetime) -> str:
    settings = parts.config.reputation
    if domain in parts.known_domains or not settings.warmup_first_day or not settings.warmup_days:
        return ""
    mailboxes = [one.address for one in parts.config.mailboxes if one.address.rpartition("@")[2] == domain]
    first = await reputation.first_reply(tx, mailboxes) or now
    day = (now - first) // DAY
    most = ceiling(settings, day)
    if most is None:
        if day >= settings.warmup_days:
            parts.known_domains.add(domain)  # it does not become new again
        return ""
    if await reputation.decided_since(tx, mailboxes, first + day * DAY) < most:
        return ""
    return f"{domain} is new here: its ceiling of {most} replies on day {day + 1} is reached"
