"""Address fields: who is named in From, To, Cc and Reply-To. Bounded and linear.

Rules:
- The address is what stands in angle brackets, or alone; a display name that looks like another address is a risk.
- Encoded words are decoded in names only: an address that needs decoding is none.
- At most 200 addresses of a field, from its first 30,000 characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from inbound import codes
from inbound.addresses import canonical, domain_of
from inbound.characters import clean_line
from inbound.contracts import Address

MAX_FIELD = 30_000
MAX_ADDRESSES = 200
MAX_NAME = 200

_ADDRESS_IN_NAME = re.compile(r"[^\s@<>()\",;:]+@[^\s@<>()\",;:]+\.[^\s@<>()\",;:]+")


@dataclass(frozen=True)
class Named:
    address: Address
    risks: frozenset[str] = frozenset()


def mailbox(value: str, plain: str) -> Named | None:
    """The one mailbox of a From field whose address is known to be `plain`; None where it has no canonical form."""
    email = canonical(plain)
    if email is None:
        return None
    name = clean_line(_name(value, plain), 1_000, decode=True)
    risks = set(name.risks)
    shown = {found.lower() for found in _ADDRESS_IN_NAME.findall(name.text)}
    if any(canonical(one) != email for one in shown):
        risks.add(codes.NAME_IS_ADDRESS)
    if _mixed(domain_of(email)):
        risks.add(codes.MIXED_SCRIPT)
    return Named(Address(email=email, name=name.text[:MAX_NAME]), frozenset(risks))


def mailboxes(value: str) -> tuple[Address, ...]:
    """The mailboxes of an address list; what is none is left out."""
    found = []
    for part in _parts(value[:MAX_FIELD]):
        match = re.search(r"<([^<>]{1,400})>", part)
        plain = match[1] if match else part.rpartition(":")[2].strip(" ;")
        email = canonical(re.sub(r"\([^()]{0,200}\)", "", plain).strip())
        if email is not None:
            found.append(Address(email=email, name=clean_line(_name(part, plain), 1_000, decode=True).text[:MAX_NAME]))
        if len(found) >= MAX_ADDRESSES:
            break
    return tuple(found)


def _name(value: str, plain: str) -> str:
    """The display name in front of the angle brackets, or in the comment behind a bare address."""
    before, opened, _ = value.rpartition("<")
    if opened:
        return (
            before.rpartition(":")[2].strip().strip('"').replace('\\"', '"')
            if not before.count('"')
            else before.strip().strip('"').replace('\\"', '"')
        )
    comment = re.search(r"\(([^()]{0,200})\)", value.replace(plain, ""))
    return comment[1] if comment else ""


def _parts(value: str) -> Iterator[str]:  # noqa: C901 (one pass over characters with their state)
    """Cut at commas and semicolons outside quotes, comments and angle brackets."""
    start, depth, quoted, angled, escaped = 0, 0, False, False, False
    for at, character in enumerate(value):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"' and not depth:
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth = max(0, depth - 1)
        elif character == "<":
            angled = True
        elif character == ">":
            angled = False
        elif character in ",;" and not depth and not angled:
            yield value[start:at].strip()
            start = at + 1
    yield value[start:].strip()


def _mixed(domain: str) -> bool:
    """A label that mixes alphabets, or is one word of a foreign alphabet that looks Latin."""
    for label in domain.split("."):
        if not label.startswith("xn--"):
            continue
        try:
            shown = label.encode("ascii").decode("idna")
        except UnicodeError:
            return True
        scripts = {unicodedata.name(one, "?").split()[0] for one in shown if one.isalpha()}
        if len(scripts) > 1 or scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}:
            return True
    return False
