"""Full-text search over mails and drafts: SQLite's FTS5, PostgreSQL's tsvector.

Rules:
- Words are made here, the same for both databases: letters and digits, without case and accents. Each database only
  looks them up.
- A text is searchable from the transaction on that stores it; triggers of the database keep FTS5's index with its rows.
- A page ends at a number, and the next one begins there: nothing is counted or skipped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.dml import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite.dml import Insert as SqliteInsert

from agent.store.database import Tx
from agent.store.desk_tables import searched

LONGEST_TEXT, LONGEST_WORD, MOST_WORDS = 50_000, 60, 10_000
"""Characters of a text that are read, of a word that count, and words of a text that are kept."""
MOST_ASKED = 12
"""Words of a question that count."""
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Hit:
    n: int
    mail_id: str


def words(told: str) -> list[str]:
    """The words of a text as they are looked up, each once, in the order that they first stand in."""
    plain = unicodedata.normalize("NFKD", told[:LONGEST_TEXT]).casefold()
    bare = plain if plain.isascii() else "".join(char for char in plain if not unicodedata.combining(char))
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(bare)))[:MOST_WORDS]


def _upsert(insert: SqliteInsert | PostgresInsert) -> SqliteInsert | PostgresInsert:
    return insert.on_conflict_do_update(index_elements=[searched.c.ref], set_={"words": insert.excluded.words})


_PUT = {"sqlite": _upsert(sqlite.insert(searched)), "postgresql": _upsert(postgresql.insert(searched))}
_FIND = {
    "sqlite": text(
        "SELECT searched.n, searched.mail_id FROM search_index JOIN searched ON searched.n = search_index.rowid "
        "WHERE search_index MATCH :asked AND search_index.rowid < :below ORDER BY search_index.rowid DESC LIMIT :most"
    ),
    "postgresql": text(
        "SELECT n, mail_id FROM searched "
        "WHERE array_to_tsvector(string_to_array(words, ' ')) @@ CAST(:asked AS tsquery) "
        "AND n < :below ORDER BY n DESC LIMIT :most"
    ),
}
_WITHIN = "AND EXISTS (SELECT 1 FROM mail WHERE mail.id = searched.mail_id AND mail.mailbox || '' IN :within)"
"""Looked at for each hit: as a list, or by an index of mailboxes, it would be all mail of theirs for every question."""
_FIND_WITHIN = {
    name: text(found.text.replace("ORDER BY", f"{_WITHIN} ORDER BY")).bindparams(bindparam("within", expanding=True))
    for name, found in _FIND.items()
}
_NEWEST = 2**62


async def put(tx: Tx, ref: str, mail_id: str, *told: str) -> None:
    """Make a mail or draft searchable by these texts, in the place of what it said before."""
    row = {"ref": ref, "mail_id": mail_id, "words": " ".join(words("\n".join(told)))}
    await tx.execute(_PUT[tx.dialect.name], row)


async def find(
    tx: Tx, asked: str, *, limit: int, below: int = _NEWEST, within: Sequence[str] | None = None
) -> list[Hit]:
    """Mails with all these words in one text; what was read last comes first.

    Where fewer than `limit` have them whole, the last word counts as a beginning too: to gather all words that begin so
    is what takes long. `within`: of these mailboxes alone.
    """
    found = words(asked)[:MOST_ASKED]
    if not found:
        return []
    hits = await _hits(tx, found, limit, below, within, begun=False)
    return hits if len(hits) >= limit else await _hits(tx, found, limit, below, within, begun=True)


async def _hits(
    tx: Tx, found: list[str], limit: int, below: int, within: Sequence[str] | None, *, begun: bool
) -> list[Hit]:
    if tx.dialect.name == "sqlite":
        query = " ".join(f'"{word}"' for word in found) + ("*" if begun else "")
    else:
        query = " & ".join(f"'{word}'" for word in found) + (":*" if begun else "")
    bound: dict[str, Any] = {"asked": query, "below": below, "most": limit}
    if within is None:
        rows = await tx.execute(_FIND[tx.dialect.name], bound)
    else:
        rows = await tx.execute(_FIND_WITHIN[tx.dialect.name], {**bound, "within": list(within)})
    return [Hit(row.n, row.mail_id) for row in rows]
