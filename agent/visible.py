"""Text as a reader and a mail program would see it. Pure, linear in the text.

Rules:
- Characters that show nothing, or that turn the order of others, are taken out before anything is looked for.
- Entities and percent signs are decoded layer by layer, and every layer is looked at: what is hidden one deeper is
  found, and what only looks decoded (`%2f` in a host) is seen as it stands too.
- Several rules look at the same text one after the other: what was decoded is kept for a moment.
- Joiners stand where a script or an emoji needs them (as RFC 5892 A.1 and A.2 allow), and nowhere else.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

LIMIT = 20_000
"""Characters of a text that are looked at, counted after NFKC (one can become 18); a longer text is refused."""
LAYERS = 4
"""How often entities and percent signs are decoded, one behind the other."""

_FILLERS = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2028, 0x2029, 0x2800, 0x3164, 0xFFA0, 0xFFFC}
    | set(range(0x180B, 0x1810))
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0000, 0xE1000))
)
_HIDING = frozenset({"Cc", "Cf", "Cs", "Co"})
_LOOKS_LIKE = str.maketrans(
    {"\u3002": ".", "\uff0e": ".", "\uff61": ".", "\u2024": ".", "\u00b7": ".", "\u2044": "/", "\u2215": "/"}
)
# More digits than int() reads make html.unescape raise.
_ENDLESS_ENTITY = re.compile(r"&#[xX]?[0-9a-fA-F]{9,}")
_ZWNJ, _ZWJ = "\u200c", "\u200d"


def is_invisible(character: str) -> bool:
    """A character that shows nothing by itself, or that turns others round; line ends and tabs are none."""
    if character in "\n\t":
        return False
    return unicodedata.category(character) in _HIDING or ord(character) in _FILLERS


def invisible(text: str) -> list[str]:
    """The invisible characters in the text, as U+XXXX, each once; those that a script needs are left out."""
    text = text.replace("\r\n", "\n")
    if not any(is_invisible(character) for character in set(text)):
        return []
    return sorted(
        {
            f"U+{ord(character):04X}"
            for place, character in enumerate(text)
            if is_invisible(character) and not _is_needed(text, place)
        }
    )


def _is_needed(text: str, place: int) -> bool:
    before, character, after = text[place - 1 : place], text[place], text[place + 1 : place + 2]
    if not before:
        return False
    if character in "\ufe0e\ufe0f":
        return unicodedata.category(before) in {"So", "Sm"} or after == "\u20e3"
    if character not in {_ZWNJ, _ZWJ} or not after:
        return False
    if character == _ZWJ and (_is_emoji(before) or before == "\ufe0f"):
        return _is_emoji(after)
    letters = unicodedata.category(before)[0] in "LM" and unicodedata.category(after)[0] in "LM"
    arabic = all("\u0600" <= one <= "\u08ff" for one in (before, after))
    return letters and (arabic or unicodedata.combining(before) == 9)


def _is_emoji(character: str) -> bool:
    return unicodedata.category(character) == "So" or "\U0001f3fb" <= character <= "\U0001f3ff"


@lru_cache(maxsize=32)
def visible(text: str) -> str:
    """The text without invisible characters, in NFKC, with dots and slashes as such; at most `LIMIT` + 1."""
    return _shown(text[: LIMIT + 1])[: LIMIT + 1]


def is_too_long(text: str) -> bool:
    return len(text) > LIMIT or len(visible(text)) > LIMIT


def _shown(text: str) -> str:
    hidden = [character for character in set(text) if is_invisible(character)]
    shown = text.translate(dict.fromkeys(map(ord, hidden))) if hidden else text
    return unicodedata.normalize("NFKC", shown.translate(_LOOKS_LIKE)).translate(_LOOKS_LIKE)


@lru_cache(maxsize=32)
def views(text: str) -> tuple[str, ...]:
    """The text as it stands and as it decodes, each form once; the first is `visible(text)`."""
    current = visible(text)
    found = {current: None}
    for _ in range(LAYERS):
        unescaped = _shown(html.unescape(_ENDLESS_ENTITY.sub("\ufffd", current)))
        current = _shown(unquote(unescaped))
        found.setdefault(unescaped)
        found.setdefault(current)
    return tuple(found)
