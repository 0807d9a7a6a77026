"""Views of the queue that people keep: each is the question of an address under a name, its person's alone.

Rules:
- To keep and to drop one are in the audit, with its name.
- One of a name that is there takes its place; there are `MOST` of a person.
"""

from __future__ import annotations

from agent.audit import SYSTEM
from agent.parts import Parts
from agent.store import locks, saved_views
from agent.store.database import Tx
from agent.store.people import Person
from agent.store.saved_views import Saved

LONGEST_NAME, MOST = 60, 30


def wrong_name(name: str) -> str:
    good = 1 <= len(name) <= LONGEST_NAME and name.isprintable()
    return "" if good else f"A view needs a name of up to {LONGEST_NAME} characters."


async def keep(parts: Parts, one: Person, name: str, query: str) -> bool:
    """Keep a view; False where its person has too many."""
    async with parts.database.write() as tx:
        await locks.chain(tx, SYSTEM)
        if not await saved_views.put(parts.database, tx, one.id, Saved(name, query), most=MOST):
            return False
        await _note(parts, tx, "view_kept", one, name)
    return True


async def drop(parts: Parts, one: Person, name: str) -> None:
    """Forget a view; one that is not there is no matter."""
    async with parts.database.write() as tx:
        await locks.chain(tx, SYSTEM)
        if await saved_views.drop(tx, one.id, name):
            await _note(parts, tx, "view_dropped", one, name)


async def _note(parts: Parts, tx: Tx, event: str, one: Person, name: str) -> None:
    await parts.audit.add(tx, SYSTEM, event, actor=one.name, now=parts.now(), data={"view": name})
