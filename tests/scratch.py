"""Where tests put their files: in memory where there is room, for each commit there waits for no disk.

Nothing is lost by it: tests kill processes and servers, and what those wrote is there afterwards, as on a disk. That
the disk is asked before a peer is told is seen from outside (`tests.guarantees.test_21_durability`).
"""

from __future__ import annotations

import os
import shutil

MEMORY = "/dev/shm"  # noqa: S108 (each run makes a folder of its own there)
LEAST = 2 * 1024**3
"""Bytes that have to be free."""


def root() -> str:
    """A folder with a short name: sockets lie below it."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= LEAST:
        return MEMORY
    return "/tmp"  # noqa: S108
