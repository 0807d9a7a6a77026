"""How the store writes its statements.

A statement of a verb that every mail needs is built once, with bound names for what differs: building it anew and
finding the compiled text for it again takes several times as long as SQLite needs to do it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, String, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import Column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

REMEMBERED = "postroom.remembered"
"""In a transaction's `info`: what it knows of its own writes. It begins empty: a connection has many transactions."""


def one_of(column: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """`column IN values` for a few fixed values: the text of IN would be made anew each time it is executed."""
    return or_(*(column == value for value in values))


class Unindexed(FunctionElement[str]):
    """A column that SQLite looks for in no index, so that it begins elsewhere; PostgreSQL has statistics to go by."""

    inherit_cache = True
    type = String()


@compiles(Unindexed)
def _plain(element: Unindexed, compiler: SQLCompiler, **given: Any) -> str:
    return compiler.process(element.clauses, **given)


@compiles(Unindexed, "sqlite")
def _with_a_sign(element: Unindexed, compiler: SQLCompiler, **given: Any) -> str:
    return f"+{compiler.process(element.clauses, **given)}"
