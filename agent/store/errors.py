"""What the store raises."""

from __future__ import annotations

MISSING_DRIVER = "PostgreSQL needs a driver that is not installed: pip install 'postroom[postgres]'"


class DatabaseError(Exception):
    """The database cannot be used; the message says why in words for the operator."""


class FenceLostError(Exception):
    """Somebody else holds the claim by now; nothing of this transaction was kept."""
