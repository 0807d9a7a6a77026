"""Whether a mail is spam or phishing, by those whose word counts, before any model is paid. Pure.

Whose word counts:
- Rspamd, where it is configured (`inbound/rspamd.py` asks it).
- A webhook's provider that is configured as trusted; what it posts is in the envelope.
- Fields of SpamAssassin or Rspamd, in mail that a border server of ours handed over (`identity.networks`), where the
  operator says that they count: the topmost of each name above the second Received, or all where the border takes out
  those of others.

Rules:
- One word of spam is enough; nobody's no takes another's yes back. So a forged field can only harm its own mail.
- A doubt (greylisted, a sign of phishing under the threshold) is a risk: a draft at most, never an unseen reply.
- No answer is a doubt, never a no.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inbound import codes
from inbound.contracts import Envelope, SpamLevel, SpamVerdict, SpamWord
from inbound.header_block import Field, HeaderBlock, split
from inbound.settings import IdentitySettings
from inbound.spam_settings import SpamSettings

RSPAMD = "rspamd"
SPAM_ACTIONS = frozenset({"add header", "rewrite subject", "reject", "quarantine", "discard"})
DOUBTFUL_ACTIONS = frozenset({"greylist", "soft reject"})
_NUMBER = r"(-?\d{1,6}(?:\.\d{1,6})?)"
_STATUS = re.compile(rf"(yes|no)\b(?:.*?\bscore={_NUMBER})?", re.IGNORECASE | re.DOTALL)
_RESULT = re.compile(rf"[\w-]{{1,60}}:\s*(true|false)\s*\[\s*{_NUMBER}\s*/", re.IGNORECASE)
_FLAGS = ("x-spam-flag", "x-spam")
_NAMES = (*_FLAGS, "x-spam-status", "x-spamd-result")


@dataclass(frozen=True, slots=True)
class Unasked:
    """Rspamd gave no answer; why, for the log and for a person."""

    reason: str


def verdict(words: Sequence[SpamWord], settings: SpamSettings, unasked: Unasked | None = None) -> SpamVerdict:
    """What all words together come to."""
    found: SpamLevel = "clean" if words else "unknown"
    why: list[str] = []
    levels = [(_level(word, settings), word) for word in words]
    if unasked is not None:
        levels.append(("doubtful", SpamWord(source=RSPAMD, detail=f"no answer: {unasked.reason}")))
    for level in ("spam", "doubtful"):
        told = [word for one, word in levels if one == level]
        if told:
            found, why = level, [spoken(word) for word in told]
            break
    return SpamVerdict(level=found, why="; ".join(why), words=tuple(words), unasked=unasked.reason if unasked else "")


def _level(word: SpamWord, settings: SpamSettings) -> SpamLevel:
    if word.source == RSPAMD and settings.rspamd_score:
        over = word.score is not None and word.score >= settings.rspamd_score
    elif word.scale == "spamassassin":
        over = word.flagged or (word.score is not None and word.score >= settings.score)
    else:
        over = word.flagged
    return "spam" if over else "doubtful" if word.doubtful or word.phishing else "clean"


def risks(found: SpamVerdict) -> tuple[str, ...]:
    """Codes for what is no spam by anybody's threshold and yet not to be answered unseen."""
    if found.level != "doubtful":
        return ()
    said = [codes.PHISHING_SUSPECTED] if any(word.phishing for word in found.words) else []
    said += [codes.SPAM_SUSPECTED] if any(word.doubtful for word in found.words) else []
    return tuple(sorted([*said, *([codes.SPAM_UNCHECKED] if found.unasked else [])]))


def spoken(word: SpamWord) -> str:
    """One word for a person: who says it, the points, and more."""
    points = "" if word.score is None else f" {word.score:g} points"
    more = ", ".join(one for one in ("phishing" if word.phishing else "", word.detail) if one)
    return f"{word.source}{points}{f' ({more})' if more else ''}"


def from_headers(
    raw: bytes, envelope: Envelope, settings: SpamSettings, identity: IdentitySettings
) -> tuple[SpamWord, ...]:
    """What the border server's filter wrote on the mail; nothing where its word does not count."""
    if settings.headers == "none" or not _from_border(envelope, identity):
        return ()
    topmost: dict[str, Field] = {}
    every = []
    for one in _fields(split(raw), whole=settings.headers == "all"):
        if one.name in _NAMES:
            topmost.setdefault(one.name, one)
            every.append(one)
    chosen = every if settings.headers == "all" else topmost.values()
    return tuple(word for one in chosen if (word := _read(one.name, one.text.strip()[:2_000])) is not None)


def _from_border(envelope: Envelope, identity: IdentitySettings) -> bool:
    try:
        peer = ipaddress.ip_address(envelope.peer.partition("%")[0])
    except ValueError:
        return False
    plain = peer.ipv4_mapped if isinstance(peer, ipaddress.IPv6Address) and peer.ipv4_mapped else peer
    return any(plain in network for network in identity.networks)


def _fields(block: HeaderBlock, *, whole: bool) -> Iterator[Field]:
    received = 0
    for one in block.fields:
        received += one.name == "received"
        if received > 1 and not whole:
            return
        yield one


def _read(name: str, value: str) -> SpamWord | None:
    if name in _FLAGS:
        said = value.lower()
        return SpamWord(source=name, flagged=said == "yes") if said in {"yes", "no"} else None
    if name == "x-spam-status":
        match = _STATUS.match(value)
        return match and SpamWord(
            source=name, flagged=match[1].lower() == "yes", score=number(match[2]), scale="spamassassin"
        )
    match = _RESULT.match(value)
    return match and SpamWord(source=name, flagged=match[1].lower() == "true", score=number(match[2]))


def number(text: object) -> float | None:
    """A finite number of points, else None: no word is the better reading of a broken one."""
    try:
        found = float(str(text))
    except ValueError:
        return None
    return found if math.isfinite(found) and abs(found) < 1_000_000 else None
