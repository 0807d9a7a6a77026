"""`postroom breaker`: how our good name stands, and a person's hand on the breaker."""

from __future__ import annotations

from agent import breaker
from agent.commands import console, fail, opened_parts
from agent.config import Config
from agent.printing import line
from agent.standing import hold
from agent.store import reputation


async def status(config: Config) -> int:
    """Print how the breaker stands, and what keeps each mailbox's replies; 1 where something does."""
    async with opened_parts(config) as parts, parts.database.read() as tx:
        known = await reputation.get_breaker(tx, config.postroom.tenant_id)
        found = {
            one.address: await hold(parts, tx, one.address, now=parts.now(), decided=False) for one in config.mailboxes
        }
    console.print(line(breaker.told(known) or "the breaker is closed"))
    for address, why in found.items():
        console.print(line(f"{address}: {why or 'nothing keeps replies back'}"))
    return 1 if any(found.values()) else 0


async def close(config: Config, by: str) -> int:
    async with opened_parts(config) as parts:
        done = await breaker.close(parts, by=by)
    if not done:
        return fail("the breaker is closed")
    console.print("Closed: replies may leave unseen again. What bounced before does not count any more.")
    return 0


async def trip(config: Config, by: str, reason: str) -> int:
    async with opened_parts(config) as parts:
        done = await breaker.trip(parts, by=by, reason=reason)
    if not done:
        return fail("the breaker is open")
    console.print("Open: every reply waits for a person, until `postroom breaker close`, or a trial after its rest.")
    return 0
