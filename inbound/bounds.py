"""What is read of a mail at most, checked on its bytes before anything parses them.

Rules:
- What breaks a bound is quarantined with the bound's name, or cut where the field says so; nothing is read halfway.
- The check is one pass and linear. It counts too much rather than too little: a text that looks like a part counts.
"""

from __future__ import annotations

import re

from inbound.contracts import Frozen
from inbound.header_block import HeaderBlock


class Bounds(Frozen):
    """What is read at most; more is quarantined, or cut where it says so."""

    parts: int = 500
    depth: int = 40
    multiparts: int = 100
    """Multipart and attached-message headers in the bytes: bounds recursion before parsing."""
    part_header: int = 8_000
    """Bytes of one Content-* field, folds included."""
    address_field: int = 60_000
    """Bytes of one From, To, Cc or Reply-To field."""
    recipients: int = 1_000
    """Addresses in To and Cc together."""
    text: int = 200_000
    """Characters of text; the rest is cut and said."""
    attachments: int = 200
    """Attachments that are listed; the rest is cut and said."""


DEFAULT_BOUNDS = Bounds()

_CONTENT_FIELD = re.compile(rb"(?im)^content-[a-z-]{1,40}[ \t]*:[^\r\n]*+(?:\r*\n?[ \t][^\r\n]*+)*+")
_NESTING = re.compile(rb"(?i)multipart|message")
_DELIMITER = re.compile(rb"(?m)^--[^\s-]")
_ADDRESS_FIELDS = frozenset({"from", "to", "cc", "bcc", "reply-to", "sender", "delivered-to"})


class BoundBrokenError(Exception):
    """A bound is broken; the text says which, in words for a person."""


def check(raw: bytes, block: HeaderBlock, bounds: Bounds) -> None:
    """Raise BoundBrokenError where parsing `raw` would cost more than it may."""
    over = [defect for defect in block.defects if "over" in defect]
    if over:
        raise BoundBrokenError(over[0])
    for field in block.fields:
        if field.name in _ADDRESS_FIELDS and len(field.raw) > bounds.address_field:
            raise BoundBrokenError(f"an address field of over {bounds.address_field} bytes")
    commas = sum(field.raw.count(b",") for field in block.fields if field.name in {"to", "cc"})
    if commas > 5 * bounds.recipients:
        raise BoundBrokenError(f"more than {bounds.recipients} recipients")
    holders = 0
    for match in _CONTENT_FIELD.finditer(raw):
        if len(match[0]) > bounds.part_header:
            raise BoundBrokenError(f"a part's header field of over {bounds.part_header} bytes")
        holders += match[0][8:12].lower() == b"type" and _NESTING.search(match[0], 12, 200) is not None
        if holders > bounds.multiparts:
            raise BoundBrokenError(f"more than {bounds.multiparts} parts that hold others")
