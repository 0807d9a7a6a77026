"""Encoded words of header fields (RFC 2047), decoded once and within bounds.

Rules:
- Neighbours of one charset are joined before they are decoded: real programs cut characters in two.
- What cannot be decoded stays as it stands. Nothing that was decoded is decoded again.
"""

from __future__ import annotations

import re
from binascii import Error as BinasciiError
from binascii import a2b_base64, a2b_qp

from inbound import charsets

MAX_WORDS = 200

_WORD = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?\r\n]{0,2000})\?=")
_BLANK = re.compile(r"[ \t\r\n]*")


def decode_words(raw: str) -> str:
    """Decode the encoded words in `raw`; at most MAX_WORDS of them."""
    out: list[str] = []
    held, label = b"", ""
    at = 0
    for count, match in enumerate(_WORD.finditer(raw)):
        data = _bytes(match[2], match[3]) if count < MAX_WORDS else None
        between = raw[at : match.start()]
        charset = match[1].partition("*")[0].lower()
        joined = bool(label) and data is not None and _BLANK.fullmatch(between) is not None
        if label and not (joined and charset == label):
            out.append(charsets.decode(held, label)[0])
            held, label = b"", ""
        if not joined:
            out.append(between)
        if data is None:
            out.append(match[0])
        else:
            held, label = held + data, charset
        at = match.end()
    if label:
        out.append(charsets.decode(held, label)[0])
    out.append(raw[at:])
    return "".join(out)


def _bytes(kind: str, payload: str) -> bytes | None:
    data = payload.encode("utf-8", "surrogateescape")
    try:
        if kind in "bB":
            bare = data.replace(b" ", b"").rstrip(b"=")
            return a2b_base64(bare[: len(bare) - (len(bare) % 4 == 1)] + b"=" * (-len(bare) % 4))
        return a2b_qp(data, header=True)
    except (ValueError, BinasciiError):
        return None
