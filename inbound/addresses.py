"""The one canonical form of an address; everybody else compares bytes.

Rules:
- One form or none: what is not a plain `local@domain` is no address of ours and no identity.
- Lower case throughout. RFC 5321 lets a host tell local parts apart by case; none of note does, and an identity that
  depends on case would let `Bob@` and `bob@` be two people to the caps and one person to the reader.
- The domain is in A-labels (IDNA 2008, UTS 46), without a trailing dot; no address literals, routes or comments.
- A quoted local part is unquoted where what it quotes needs no quotes; else it is refused.
- Everything is linear and bounded.
"""

from __future__ import annotations

import re
import unicodedata

import idna

MAX_ADDRESS = 254
MAX_LOCAL = 64

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_LOCAL = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
)
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


def canonical(address: str) -> str | None:
    """Return the one form of an addr-spec, or None where it is not a plain address."""
    local, at, domain = address.strip(" \t").rpartition("@")
    if not at or len(address) > 4 * MAX_ADDRESS:
        return None
    if len(local) > 2 and local.startswith('"') and local.endswith('"'):
        local = local[1:-1]
    if not _is_local(local):
        return None
    host = canonical_domain(domain)
    found = f"{unicodedata.normalize('NFC', local).lower()}@{host}"
    return found if host is not None and len(found.encode()) <= MAX_ADDRESS else None


def _is_local(local: str) -> bool:
    if not _LOCAL.fullmatch(local) or len(local.encode("utf-8", "surrogatepass")) > MAX_LOCAL:
        return False
    # An encoded word is a legal dot-atom, and some readers would decode it into something else.
    return "=?" not in local and not any(unicodedata.category(character) in _UNSAFE for character in local)


def canonical_domain(domain: str) -> str | None:
    """Lower case A-labels without a trailing dot, or None where `domain` is not a host name."""
    bare = domain.removesuffix(".")
    if len(bare) > MAX_ADDRESS:
        return None
    if bare.isascii():
        lowered = bare.lower()
    else:
        try:
            lowered = idna.encode(bare, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    return lowered if _DOMAIN.fullmatch(lowered) else None


def domain_of(address: str) -> str:
    """The domain of a canonical address."""
    return address.rpartition("@")[2]
