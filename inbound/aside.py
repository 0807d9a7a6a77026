"""Work over a mail's bytes beside the event loop, where it is worth the way to a thread and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

SMALL = 16 * 1024
"""Bytes up to which linear work takes less time than two messages between threads."""

P = ParamSpec("P")
T = TypeVar("T")


async def aside(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do work that takes time in proportion to `size`: at once for a small mail, else in a thread."""
    return work(*args, **kwargs) if size <= SMALL else await asyncio.to_thread(work, *args, **kwargs)
