"""Authentication-Results (RFC 8601): what one verdict of a trusted server says about an author's domain.

Who may be trusted, and which field of a mail is theirs, is decided in `relay`; here only the words are read.

Rules:
- A verdict names the domain that it verified, and that domain is aligned with the author's; without one it is none.
- A `dmarc` result other than pass or none ends it, whatever spf and dkim beside it say.
- Every property of the kind that names the domain must be aligned: two different ones in one result are a forgery.
- At most 8 KB; what authres cannot parse is no verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

MAX_CHARS = 8_192
MAX_RESULTS = 50

_NAMES = {
    "dmarc": (("header", "from"),),
    "dkim": (("header", "d"), ("header", "i")),
    "spf": (("smtp", "mailfrom"), ("smtp", "mail")),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One result of a verdict."""

    method: str
    result: str
    domains: tuple[str, ...]
    """The domains that it names as verified, lower case."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    authserv_id: str
    statements: tuple[Statement, ...]


@cache
def _context() -> Any:
    return import_module("authres").FeatureContext(import_module("authres.dmarc"))


def parse(value: str) -> Verdicts | None:
    """Read the unfolded value of an Authentication-Results field; None where it cannot be read."""
    if len(value) > MAX_CHARS or not value.isprintable():
        value = value.replace("\t", " ")
        if len(value) > MAX_CHARS or not value.isprintable():
            return None
    context = _context()
    try:
        header = context.parse_value(value)
    except Exception:  # noqa: BLE001 - authres raises its own and Python's errors, RecursionError on nested comments
        return None
    if not header.authserv_id:
        return None
    return Verdicts(header.authserv_id, tuple(_statement(one) for one in header.results[:MAX_RESULTS]))


def _statement(one: Any) -> Statement:
    method = str(getattr(one, "method", "")).lower()
    wanted = _NAMES.get(method, ())
    domains = tuple(
        str(item.value).rpartition("@")[2].lower().rstrip(".")
        for item in getattr(one, "properties", ())
        if (str(item.type).lower(), str(item.name).lower()) in wanted and item.value
    )
    return Statement(method, str(getattr(one, "result", "")).lower(), domains)


def authenticates(verdicts: Verdicts, aligned: Callable[[str], bool]) -> tuple[bool, str]:
    """Whether the verdicts prove the author, and why in plain words. `aligned` compares with the author's domain."""
    dmarc = [one for one in verdicts.statements if one.method == "dmarc"]
    if any(one.result not in ("pass", "none", "bestguesspass") for one in dmarc):
        return False, f"{verdicts.authserv_id} says dmarc={dmarc[0].result}"
    for one in verdicts.statements:
        if one.method in _NAMES and one.result == "pass" and one.domains and all(map(aligned, one.domains)):
            return True, f"{verdicts.authserv_id} says {one.method}=pass for {one.domains[0]}"
    return False, f"{verdicts.authserv_id} verified no domain of the author"
