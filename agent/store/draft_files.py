"""Bytes of the files that people put to their replies: one row for each content and mail, whatever draft names it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sqlalchemy import delete, select

from agent.store.database import Database, Tx
from agent.store.desk_tables import draft_file


async def put(db: Database, tx: Tx, mail_id: str, contents: Iterable[bytes]) -> None:
    """Store contents; what is there already stays."""
    for data in contents:
        fresh = db.insert(draft_file).values(mail_id=mail_id, sha256=hashlib.sha256(data).hexdigest(), data=data)
        await tx.execute(fresh.on_conflict_do_nothing())


async def get(tx: Tx, mail_id: str, sha256: str) -> bytes | None:
    """The content with this digest; None where it is not there, or is not what its digest says."""
    found = select(draft_file.c.data).where(draft_file.c.mail_id == mail_id, draft_file.c.sha256 == sha256)
    data = (await tx.execute(found)).scalar()
    return bytes(data) if data is not None and hashlib.sha256(data).hexdigest() == sha256 else None


async def erase(tx: Tx, mail_id: str) -> None:
    await tx.execute(delete(draft_file).where(draft_file.c.mail_id == mail_id))
