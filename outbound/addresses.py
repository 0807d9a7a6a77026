"""Addresses as they may stand in a header and on an SMTP command line.

Rules:
- One form or none: what is not a plain `local@domain` is refused, never repaired.
- The domain is lower case and in A-labels (IDNA 2008 with UTS 46 mapping); no address literals, no route, no comment.
- The local part keeps its case. Quoted local parts are refused; non-ASCII ones need SMTPUTF8 (RFC 6531).
"""

from __future__ import annotations

import re
import unicodedata

import idna

# RFC 5322 atext, and anything beyond ASCII (RFC 6532); what may not be there of that is looked at by category.
_LOCAL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+)*"
)
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
)
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


def canonical(address: str) -> str | None:
    """Return the one form of `address`, or None where it is not one that we send to or from."""
    local, at, domain = address.rpartition("@")
    if not at or len(local.encode("utf-8", "surrogatepass")) > 64 or not _LOCAL.fullmatch(local):
        return None
    # An encoded word is a legal dot-atom, and some readers would decode it into something else.
    if "=?" in local:
        return None
    if not local.isascii() and any(unicodedata.category(character) in _UNSAFE for character in local):
        return None
    ascii_domain = domain_to_ascii(domain)
    if ascii_domain is None or len(local.encode()) + 1 + len(ascii_domain) > 254:
        return None
    return f"{local}@{ascii_domain}"


def domain_to_ascii(domain: str) -> str | None:
    """Lower case A-labels, or None where `domain` is not a host name."""
    if domain.isascii():
        lowered = domain.lower()
    else:
        try:
            lowered = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    return lowered if _DOMAIN.fullmatch(lowered) else None


def needs_smtputf8(*addresses: str) -> bool:
    """True where one of the (canonical) addresses has a non-ASCII local part."""
    return not all(address.isascii() for address in addresses)
