"""Whoever asks for a person gets one.

Rules:
- `HUMAN` in any case, at the beginning of what a mail newly says or alone in a line, is the request. No model is asked.
- The mail bears a tag. While one of a conversation does, all that comes in that conversation is a person's: the next
  mail does not bring the automaton back. A person who takes the tag off does.
"""

from __future__ import annotations

import re
import unicodedata

from agent.parts import Parts
from agent.store import handlings
from agent.store.database import Tx

WORD = "HUMAN"
TAG = "human"
ASKED = f"its author asks for a person ({WORD})"
ASKED_BEFORE = f"its author asked for a person in this conversation; take the tag {TAG!r} off to end that"

_FIRST = re.compile(rf"[\W_]*{WORD}\b", re.IGNORECASE)
_ALONE = re.compile(rf"^[^\w\n]*{WORD}[^\w\n]*$", re.IGNORECASE | re.MULTILINE)


def asked(new_text: str) -> bool:
    """True where what the author newly wrote asks for a person; "Humanity" does not."""
    text = unicodedata.normalize("NFKC", new_text)
    return bool(_FIRST.match(text) or _ALONE.search(text))


async def mark(parts: Parts, tx: Tx, mail_id: str) -> None:
    """Remember that this mail asked."""
    await handlings.tag(parts.database, tx, mail_id, TAG)


async def is_wanted(tx: Tx, conversation_id: str) -> bool:
    """True where a mail of the conversation asked, and nobody took the tag off."""
    return await handlings.is_tagged_in(tx, conversation_id, TAG)
