"""One line of the doctor's, and how lines are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    OK = "ok"
    WARN = "warn"
    """It works, and something may go wrong by it."""
    FAIL = "fail"
    """Mail is lost, refused or not believed by it."""
    SKIPPED = "skipped"
    """It could not be looked at, or does not apply; the text says which."""


@dataclass(frozen=True)
class Finding:
    health: Health
    about: str
    """A few words: `DKIM pr202611r`."""
    said: str
    """What was found, one line."""
    set_: str = ""
    """What to set, ready to be copied; empty where nothing."""


def ok(about: str, said: str) -> Finding:
    return Finding(Health.OK, about, said)


def warn(about: str, said: str, set_: str = "") -> Finding:
    return Finding(Health.WARN, about, said, set_)


def fail(about: str, said: str, set_: str = "") -> Finding:
    return Finding(Health.FAIL, about, said, set_)


def skipped(about: str, said: str) -> Finding:
    return Finding(Health.SKIPPED, about, said)


def sick(findings: Sequence[Finding]) -> bool:
    return any(one.health is Health.FAIL for one in findings)
