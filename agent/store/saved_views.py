"""Views of the queue that a person kept under a name: each is the question of a page's address, and theirs alone."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, select

from agent.store.database import Database, Tx
from agent.store.people_tables import saved_view


@dataclass(frozen=True)
class Saved:
    name: str
    query: str


async def of(tx: Tx, person_id: str) -> list[Saved]:
    """By name."""
    query = select(saved_view.c.name, saved_view.c.query).where(saved_view.c.person_id == person_id)
    return [Saved(*row) for row in await tx.execute(query.order_by(saved_view.c.name))]


async def put(db: Database, tx: Tx, person_id: str, one: Saved, *, most: int) -> bool:
    """Keep a view, in the place of one of the same name; False where the person has `most` others."""
    others = select(func.count()).select_from(saved_view).where(saved_view.c.person_id == person_id)
    if (await tx.execute(others.where(saved_view.c.name != one.name))).scalar_one() >= most:
        return False
    fresh = db.insert(saved_view).values(person_id=person_id, name=one.name, query=one.query)
    again = fresh.on_conflict_do_update(index_elements=["person_id", "name"], set_={"query": one.query})
    await tx.execute(again)
    return True


async def drop(tx: Tx, person_id: str, name: str) -> bool:
    done = await tx.execute(delete(saved_view).where(saved_view.c.person_id == person_id, saved_view.c.name == name))
    return done.rowcount == 1
