"""Who reads in order to write locks first: the one rule that makes both databases keep the same promises.

SQLite has one writer at a time, so what a writing transaction read still holds when it commits. PostgreSQL at READ
COMMITTED has many; there these locks, held until the end of the transaction, do the same for what they name.

Rules:
- Triage and a person's hand on a mail lock the mail: it has no conversation yet, or may get one at this moment.
- A transaction that changes anything of a conversation (its mails, runs, drafts, deliveries, audit chain) locks it
  before it reads what it decides on: by the `locked` verbs of drafts, runs and deliveries, or by `conversation`.
- One conversation a transaction. Where a mail may start or join one, its author is locked before it is looked for.
- Who may let a reply go holds `replies` before it counts: counts stay true until what was counted is stored.
- Who takes from the buckets, or turns the breaker, holds `rates`: the last token is taken once.
- A pause waits for attempts that are just being committed, and they for it: `switch`.
- Locks are taken in the order of `_Rank`, so that no two transactions wait for each other. This is checked on SQLite
  too, where a lock costs nothing: a wrong order, or an audit row of a conversation that is not locked, is an error.
- Single rows are safe without a lock where one conditional UPDATE says it all, or a unique constraint does.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from typing import Any

from sqlalchemy import func, select

from agent.store.writer import Tx

_HELD = "postroom.locks"
_CONVERSATION = "c-"


class LockOrderError(Exception):
    """A mistake of ours: a lock out of order, or one that is missing."""


class _Rank(IntEnum):
    SCHEMA = 0
    CORRESPONDENT = 1
    MAIL = 2
    CONVERSATION = 3
    REPLIES = 4
    SWITCH = 5
    RATES = 6
    CHAIN = 7


def begin(tx: Tx) -> None:
    """Start with none; a connection is used for many transactions, one after the other."""
    tx.info[_HELD] = {}


def may_change(tx: Tx) -> bool:
    """True where what was read before a lock was had has to be read again: where others write at the same time."""
    return tx.dialect.name == "postgresql"


async def schema(tx: Tx) -> None:
    """Of several processes that start at once one brings the schema up."""
    await _lock(tx, _Rank.SCHEMA, "")


async def correspondent(tx: Tx, mailbox: str, author: str) -> None:
    """Everything that may start or join a conversation of this author with this mailbox."""
    await _lock(tx, _Rank.CORRESPONDENT, f"{mailbox}\0{author}")


async def mail(tx: Tx, mail_id: str) -> None:
    """One mail that belongs to no conversation yet, or may get one now."""
    await _lock(tx, _Rank.MAIL, mail_id)


async def conversation(tx: Tx, conversation_id: str) -> None:
    await _lock(tx, _Rank.CONVERSATION, conversation_id)


async def replies(tx: Tx) -> None:
    """All decisions that let a reply go, one after the other: a cap is over all of them."""
    await _lock(tx, _Rank.REPLIES, "")


async def switch(tx: Tx, *, turning: bool) -> None:
    """Shared by attempts that begin; alone for who turns it."""
    await _lock(tx, _Rank.SWITCH, "", shared=not turning)


async def rates(tx: Tx) -> None:
    """All that take from the buckets, one after the other."""
    await _lock(tx, _Rank.RATES, "")


async def chain(tx: Tx, name: str) -> None:
    """An audit chain: a conversation's is part of it and has to be locked by now; others are locked here.

    Raises LockOrderError for a conversation that is not.
    """
    if not name.startswith(_CONVERSATION):
        await _lock(tx, _Rank.CHAIN, name)
    elif (_Rank.CONVERSATION, name) not in tx.info[_HELD]:
        raise LockOrderError(f"{name} was not locked before something of it was changed")


async def _lock(tx: Tx, rank: _Rank, name: str, *, shared: bool = False) -> None:
    held: dict[tuple[_Rank, str], bool] = tx.info[_HELD]
    if held.get((rank, name)) in {False, shared}:
        return
    if held and max(held)[0] >= rank:
        raise LockOrderError(f"{rank.name} {name} after {', '.join(f'{one.name} {of}' for one, of in held)}")
    if tx.dialect.name == "postgresql":
        function: Any = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        await tx.execute(select(function(_number(f"{rank.name}\0{name}"))))
    held[rank, name] = shared


def _number(name: str) -> int:
    """64 bits of a digest, as PostgreSQL names advisory locks. A collision only makes two wait for each other."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
