"""Which parts a process runs: `serve --role door,worker`. Any mix over any number of processes on one database.

Rules:
- Without a role a process runs all of them.
- There is no leader: roles meet in the database alone, so each can run many times or be away for a while.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    DOOR = "door"
    """Takes mail in."""
    WORKER = "worker"
    """Reads it, runs the model, ends what is over."""
    SENDER = "sender"
    """Delivers what may go."""
    DESK = "desk"
    """The pages for people."""


ALL = frozenset(Role)


def roles(text: str) -> frozenset[Role]:
    """From a list with commas; empty means all. Raises ValueError naming the roles that there are."""
    named = [one.strip() for one in text.split(",") if one.strip()]
    if unknown := [one for one in named if one not in set(Role)]:
        raise ValueError(f"there is no role {unknown[0][:40]!r}; there are {', '.join(Role)}")
    return frozenset(Role(one) for one in named) or ALL
