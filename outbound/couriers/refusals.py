"""Tell a recipient that nobody is behind from one that is refused for another reason.

Rules:
- RFC 3463: 5.1.1, 5.1.2, 5.1.3, 5.1.6 and 5.1.10 (RFC 7505) are about the address, 5.2.1 about a closed mailbox.
- What is about policy, reputation, size or a full mailbox (5.7.x, 5.3.x, 5.2.2) says nothing of the address.
- Without a status of RFC 3463 only 550, 551 and 553 count, and only where the words say it: blocks are 550 too.
"""

from __future__ import annotations

import re

NOBODY = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})

_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_WORDS = re.compile(
    r"\b(?:(?:no such|unknown|invalid|non-?existent) (?:local )?(?:user|recipient|mailbox|address)|"
    r"(?:user|recipient|mailbox|address|account)(?: \S+)? (?:is )?(?:unknown|not found|(?:does not|doesn't) exist))\b",
    re.IGNORECASE,
)


def says_nobody(code: int, message: str) -> bool:
    """True where the answer to RCPT means, for good, that this address has no reader."""
    if not 500 <= code <= 599:
        return False
    status = _STATUS.match(message)
    if status is not None:
        return status[1] in NOBODY
    return code in {550, 551, 553} and _WORDS.search(message) is not None
