"""DMARC (RFC 7489): the organisational domain, the published policy, and alignment.

Rules:
- The organisational domain is the public suffix and one label, by the offline list that ships with publicsuffixlist,
  private suffixes included (two customers of one hoster are two organisations). A public suffix is aligned with
  itself only.
- A policy stands at _dmarc of the author's domain, else of its organisational domain, where sp= rules subdomains.
  Two records are none. A record without a usable p= counts as p=none where it names a rua=, else as absent.
- adkim=s and aspf=s ask for equal domains. Alignment is computed also where nothing is published.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from inbound.contracts import Resolver

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

Action = Literal["none", "quarantine", "reject", "absent"]
_ACTIONS: dict[str, Action] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}
MAX_RECORD_CHARS = 4_096


@dataclass(frozen=True, slots=True)
class Policy:
    action: Action = "absent"
    strict_dkim: bool = False
    strict_spf: bool = False


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def organisational(domain: str) -> str | None:
    """The registered domain above `domain`, or None where `domain` is itself a public suffix."""
    return _suffixes().privatesuffix(domain.lower().rstrip(".")) or None


def aligned(domain: str, author_domain: str, *, strict: bool = False) -> bool:
    """Whether a proven domain and the author's domain belong together."""
    domain, author_domain = domain.lower().rstrip("."), author_domain.lower().rstrip(".")
    if not domain or not author_domain:
        return False
    if domain == author_domain:
        return True
    above = organisational(author_domain)
    return not strict and above is not None and organisational(domain) == above


async def policy(domain: str, resolver: Resolver) -> Policy:
    """Look up what `domain` publishes. Raises ResolverTroubleError."""
    if (record := _one(await resolver.txt(f"_dmarc.{domain}"))) is not None:
        return _policy(record, record.get("p", ""))
    above = organisational(domain)
    if above is None or above == domain:
        return Policy()
    if (record := _one(await resolver.txt(f"_dmarc.{above}"))) is None:
        return Policy()
    return _policy(record, record.get("sp", record.get("p", "")))


def _one(texts: list[str]) -> dict[str, str] | None:
    records = [tags for text in texts if (tags := _tags(text)) is not None]
    return records[0] if len(records) == 1 else None


def _tags(text: str) -> dict[str, str] | None:
    parts = [part.partition("=") for part in text[:MAX_RECORD_CHARS].split(";")]
    if parts[0][0].strip() != "v" or parts[0][2].strip() != "DMARC1":
        return None
    found: dict[str, str] = {}
    for name, _, value in parts[1:]:
        found.setdefault(name.strip().lower(), value.strip())
    return found


def _policy(record: dict[str, str], action: str) -> Policy:
    known = _ACTIONS.get(action.lower())
    if known is None:
        known = "none" if record.get("rua") else "absent"
    return Policy(known, record.get("adkim", "").lower() == "s", record.get("aspf", "").lower() == "s")
