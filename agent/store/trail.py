"""Rows of the audit, and the reasons beside them. Appended by `agent.audit` alone; nothing here updates or deletes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from agent.store.database import Tx
from agent.store.statements import REMEMBERED
from agent.store.tables import audit, audit_words


@dataclass(frozen=True)
class Entry:
    chain: str
    n: int
    at: datetime
    actor: str
    event: str
    mail_id: str
    data: dict[str, Any]
    mac: str


_COLUMNS = [audit.c[name] for name in Entry.__dataclass_fields__]
_OF_CHAIN = select(*_COLUMNS).where(audit.c.chain == bindparam("chain"))
_LAST = _OF_CHAIN.order_by(audit.c.n.desc()).limit(1)
_CHAIN = _OF_CHAIN.order_by(audit.c.n)
_OF_MAIL = select(*_COLUMNS).where(audit.c.mail_id == bindparam("mail_id")).order_by(audit.c.at, audit.c.n)
_APPEND = audit.insert()


async def last(tx: Tx, chain: str) -> Entry | None:
    """The newest row of a chain that this transaction has locked; what it appended itself is not read again."""
    known: Entry | None = tx.info[REMEMBERED].get(chain)
    if known is not None:
        return known
    row = (await tx.execute(_LAST, {"chain": chain})).first()
    return None if row is None else Entry(*row)


async def append(tx: Tx, entry: Entry, mac: str) -> None:
    signed = replace(entry, mac=mac)
    await tx.execute(_APPEND, vars(signed))
    tx.info[REMEMBERED][entry.chain] = signed


async def put_words(tx: Tx, entry: Entry, words: str) -> None:
    """Lay beside a row what it holds the digest of."""
    row = {"chain": entry.chain, "n": entry.n, "mail_id": entry.mail_id, "words": words}
    await tx.execute(audit_words.insert(), row)


async def words_of(tx: Tx, mail_id: str) -> dict[tuple[str, int], str]:
    """What stands beside the rows of one mail, by chain and number; with an empty id, of those that are of none."""
    found = select(audit_words.c.chain, audit_words.c.n, audit_words.c.words).where(audit_words.c.mail_id == mail_id)
    return {(row.chain, row.n): row.words for row in await tx.execute(found)}


async def chain_of(tx: Tx, chain: str) -> list[Entry]:
    """A whole chain, oldest row first."""
    return [Entry(*row) for row in await tx.execute(_CHAIN, {"chain": chain})]


async def newest(tx: Tx) -> tuple[datetime | None, int]:
    """When the newest row of all was written, and how many were then: changes with every row."""
    at = (await tx.execute(select(audit.c.at).order_by(audit.c.at.desc()).limit(1))).scalar_one_or_none()
    if at is None:
        return None, 0
    return at, (await tx.execute(select(func.count()).select_from(audit).where(audit.c.at == at))).scalar_one()


async def heads(tx: Tx, since: datetime | None = None) -> dict[str, tuple[int, str]]:
    """The last row's number and MAC of every chain; of those that have a row since an instant."""
    newest_rows = select(audit.c.chain, func.max(audit.c.n).label("n")).group_by(audit.c.chain)
    if since is not None:
        newest_rows = newest_rows.where(audit.c.at >= since)
    newest = newest_rows.subquery()
    rows = await tx.execute(
        select(audit.c.chain, audit.c.n, audit.c.mac).join(
            newest, (newest.c.chain == audit.c.chain) & (newest.c.n == audit.c.n)
        )
    )
    return {row.chain: (row.n, row.mac) for row in rows}


async def of_mail(tx: Tx, mail_id: str) -> list[Entry]:
    return [Entry(*row) for row in await tx.execute(_OF_MAIL, {"mail_id": mail_id})]
