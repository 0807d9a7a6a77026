"""What a peer or an error said, fit for a row, a log line and a person's eyes.

Rules:
- One line, no control or formatting characters (a peer chooses these words), at most 300 characters.
"""

from __future__ import annotations

import unicodedata

_LONGEST = 300


def one_line(text: object) -> str:
    cleaned = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in str(text))
    return " ".join(cleaned.split())[:_LONGEST]
