"""What a person changed in a draft: lines taken out, put in, kept."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Literal

MOST_LINES = 400
"""Of either text; longer ones are not compared, because it costs their product."""

Line = tuple[Literal["kept", "out", "in"], str]


def difference(before: str, after: str) -> list[Line] | None:
    """Line by line; None where a text is too long to compare."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MOST_LINES:
        return None
    found: list[Line] = []
    for verb, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if verb == "equal":
            found += [("kept", line) for line in old[a:b]]
        else:
            found += [*(("out", line) for line in old[a:b]), *(("in", line) for line in new[c:d])]
    return found
