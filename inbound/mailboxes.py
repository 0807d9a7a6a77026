"""Address fields: who is named in From, To, Cc and Reply-To. Bounded and linear.

Rules:
- The address is what stands in angle brackets, or alone; comments, group names and routes are no part of it.
- Encoded words are decoded in names only: an address that needs decoding is none.
- A display name that shows another address than the mailbox's own is a risk.
- At most 200 addresses of a field, from its first 60,000 characters; what is no address is left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from inbound import codes
from inbound.addresses import canonical, domain_of
from inbound.characters import clean_line
from inbound.contracts import Address
from inbound.links import mixed_script

MAX_FIELD = 60_000
MAX_ADDRESSES = 200
MAX_NAME = 200

_ADDRESS_IN_NAME = re.compile(r"[^\s@<>()\[\]\",;:'‘’“”]{1,64}@[^\s@<>()\[\]\",;:'‘’“”]{1,253}")

_SPELT_OUT = re.compile(
    r"(?i)([\w.+-]{1,64})\s?(?:@|[(\[{]\s?at\s?[)\]}])\s?((?:[\w-]{1,63}\.){1,8}[a-z\u00a1-\U0010ffff]{2,24})\b"
)


@dataclass(frozen=True)
class Named:
    address: Address
    risks: frozenset[str] = frozenset()


@dataclass
class _Entry:
    """One member of an address list while it is read."""

    words: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    angled: str | None = None

    @property
    def plain(self) -> str:
        return self.angled if self.angled is not None else "".join(self.words)

    @property
    def name(self) -> str:
        """The phrase before angle brackets, else the last comment, as RFC 822 mail wrote it."""
        if self.angled is not None and any(word.strip() for word in self.words):
            return "".join(word if word.strip() else " " for word in self.words)
        return self.comments[-1] if self.comments else ""


def mailbox(value: str, plain: str) -> Named | None:
    """The one mailbox of a From field whose address is known to be `plain`; None where it has no canonical form."""
    email = canonical(plain)
    if email is None:
        return None
    entry = next((one for one in _entries(value[:MAX_FIELD]) if canonical(one.plain) == email), _Entry())
    name = clean_line(entry.name, 4_000, decode=True)
    risks = set(name.risks)
    if any(one not in {None, email} for one in _shown(name.text)):
        risks.add(codes.NAME_IS_ADDRESS)
    if mixed_script(domain_of(email)) or mixed_script(email.rpartition("@")[0]):
        risks.add(codes.MIXED_SCRIPT)
    return Named(Address(email=email, name=name.text[:MAX_NAME].rstrip()), frozenset(risks))


def _shown(name: str) -> Iterator[str | None]:
    """Addresses that people read in a name, also with another sign for `@`, or blanks around it."""
    plain = unicodedata.normalize("NFKC", name).replace("\\", "")
    yield from (canonical(found.strip(".")) for found in _ADDRESS_IN_NAME.findall(plain))
    yield from (canonical(f"{local}@{domain}") for local, domain in _SPELT_OUT.findall(plain))


def mailboxes(value: str) -> tuple[Address, ...]:
    """The mailboxes of an address list; what is none is left out."""
    found: dict[str, Address] = {}
    for entry in _entries(value[:MAX_FIELD]):
        email = canonical(entry.plain)
        if email is not None and email not in found:
            name = clean_line(entry.name, 2_000, decode=True).text[:MAX_NAME].rstrip()
            found[email] = Address(email=email, name=name)
        if len(found) >= MAX_ADDRESSES:
            break
    return tuple(found.values())


_TOKEN = re.compile(
    # An encoded word is one word, whatever signs stand in it.
    r"(?P<encoded>=\?[^?\s]{1,64}\?[bBqQ]\?[^?\s]*+\?=)"
    r"|\"(?P<quoted>(?:[^\"\\]|\\.)*+)\""
    r"|(?P<comment>\()"
    r"|<(?P<angled>(?:[^<>\"]|\"(?:[^\"\\]|\\.)*+\")*+)>"
    r"|(?P<end>[,;])"
    r"|(?P<group>:)"
    r"|(?P<blank>\s+)"
    r"|(?P<word>[^\s\"(<,;:]+|.)",
    re.DOTALL,
)
"""One token; `<` and `"` that do not end are words."""


def _entries(value: str) -> Iterator[_Entry]:
    entry = _Entry()
    at = 0
    # Where a quote or bracket has no end, looking for it again from each one would be quadratic.
    last_quote, last_angle = value.rfind('"'), value.rfind(">")
    while at < len(value):
        sign = value[at]
        if (sign == '"' and at >= last_quote) or (sign == "<" and at > last_angle):
            entry.words.append(sign)
            at += 1
            continue
        match = _TOKEN.match(value, at)
        if match is None:
            break
        at = match.end()
        if match["comment"]:
            comment, at = _comment(value, at)
            entry.comments.append(comment)
            entry.words.append(" ")
        elif match["end"]:
            yield entry
            entry = _Entry()
        elif match["group"]:
            entry = _Entry()
        elif match["angled"] is not None:
            entry.angled = match["angled"].strip()
        elif entry.angled is None:
            _word(entry, match)
    yield entry


def _word(entry: _Entry, match: re.Match[str]) -> None:
    if match["quoted"] is not None:
        bare = re.sub(r"\\(.)", r"\1", match["quoted"], flags=re.DOTALL)
        # Kept in quotes where an address follows at once: a quoted local part is for `canonical` to judge.
        entry.words.append(f'"{bare}"' if match.string[match.end() : match.end() + 1] == "@" else bare)
    elif match["blank"]:
        entry.words.append(" ")
    else:
        entry.words.append(match["encoded"] or match["word"])


def _comment(value: str, at: int) -> tuple[str, int]:
    """The text of a comment that was opened before `at`, and where it ends; comments nest."""
    depth, start = 1, at
    while at < len(value):
        sign = value[at]
        at += 2 if sign == "\\" else 1
        depth += (sign == "(") - (sign == ")")
        if not depth:
            return value[start : at - 1], at
    return value[start:], len(value)
