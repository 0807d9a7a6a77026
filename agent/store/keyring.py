"""Which keys a database was written with: a node that has others would seal and sign what the rest refuse."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from agent.store.database import Database
from agent.store.tables import keyring


async def differing(db: Database, fingerprints: Mapping[str, str]) -> list[str]:
    """Names of the keys that are not those of this database. A new database takes the ones that come first."""
    known = await _known(db)
    if fresh := [name for name in fingerprints if name not in known]:
        async with db.write() as tx:
            rows = [{"name": name, "fingerprint": fingerprints[name]} for name in fresh]
            await tx.execute(db.insert(keyring).on_conflict_do_nothing(), rows)
        known = await _known(db)
    return [name for name, fingerprint in fingerprints.items() if known[name] != fingerprint]


async def _known(db: Database) -> dict[str, str]:
    async with db.read() as tx:
        return {row.name: row.fingerprint for row in await tx.execute(select(keyring.c.name, keyring.c.fingerprint))}
