"""Characters that a reader does not see, taken out and reported; encoded words decoded, once and within bounds.

Rules:
- Bidi controls, tag characters and control characters never reach a reader or a model.
- Zero-width characters at the edge of words (preheaders of newsletters) are only removed; inside a word they are a
  risk.
- An encoded word that decodes to a line end is a risk: somebody tried to write a header.
"""

from __future__ import annotations

import re
from binascii import Error as BinasciiError
from binascii import a2b_base64, a2b_qp
from dataclasses import dataclass

from inbound import codes

MAX_RUN = 2_000
MAX_WORDS = 100

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TAGS = re.compile("[\U000e0000-\U000e007f]")
_ZERO = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\U000e0100-\U000e01ef]"
)
_INSIDE = re.compile("[A-Za-z0-9][\u200b\u2060-\u2064\ufeff\u180e\u00ad]+[A-Za-z0-9]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufff9-\ufffb]")
_RUN = re.compile(r"\S{2001,}")
_WORD = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?\s]{0,2000})\?=")
_BETWEEN = re.compile(r"(\?=)[ \t\r\n]+(?==\?[^?\s]{1,64}\?[bBqQ]\?)")


@dataclass(frozen=True)
class Clean:
    text: str
    risks: frozenset[str] = frozenset()
    defects: frozenset[str] = frozenset()


def clean_text(text: str, limit: int) -> Clean:
    """Several lines, at most `limit` characters: LF line ends, at most two blank lines in a row."""
    risks: set[str] = set()
    defects: set[str] = set()
    if len(text) > limit:
        text = text[:limit]
        risks.add(codes.CUT)
    text = re.sub(r"\r\n?|\x85|[\u2028\u2029]", "\n", text)
    text = _without(text, risks, defects)
    if _RUN.search(text):
        risks.add(codes.LONG_RUN)
        text = _RUN.sub(lambda match: match[0][:MAX_RUN] + " ", text)
    text = "\n".join(line.rstrip() if line != "-- " else line for line in text.replace("\u00a0", " ").split("\n"))
    text = re.sub(r"\n{4,}", "\n\n\n", text).strip("\n")
    return Clean(text, frozenset(risks), frozenset(defects))


def clean_line(raw: str, limit: int, *, decode: bool = False) -> Clean:
    """One line: white space folded; with `decode`, encoded words (RFC 2047) decoded first."""
    risks: set[str] = set()
    defects: set[str] = set()
    if len(raw) > limit:
        raw = raw[:limit]
        risks.add(codes.LONG_RUN)
    text = decode_words(raw) if decode else raw
    if decode and re.search(r"[\r\n]", text):
        risks.add(codes.HEADER_INJECTION)
    text = _without(text, risks, defects)
    return Clean(" ".join(text.split()), frozenset(risks), frozenset(defects))


def _without(text: str, risks: set[str], defects: set[str]) -> str:
    if _TURNING.search(text):
        risks.add(codes.BIDI)
    # Flags of Scotland, England and Wales are tag characters behind a black flag.
    if _TAGS.search(re.sub("\U0001f3f4[\U000e0020-\U000e007f]{1,10}", "", text)):
        risks.add(codes.TAG_CHARACTERS)
    if _INSIDE.search(text):
        risks.add(codes.INVISIBLE)
    if _CONTROL.search(text):
        defects.add(codes.CONTROL_CHARACTERS)
    for pattern in (_BIDI, _TAGS, _ZERO, _CONTROL):
        text = pattern.sub("", text)
    return text.encode("utf-8", "replace").decode("utf-8")


def decode_words(raw: str) -> str:
    """Decode encoded words; what cannot be decoded stays as it is."""
    count = 0

    def decoded(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        if count > MAX_WORDS:
            return match[0]
        charset, kind, payload = match.groups()
        try:
            data = payload.encode("ascii", "replace")
            padded = data + b"=" * (-len(data) % 4)
            plain = a2b_base64(padded) if kind in "bB" else a2b_qp(data.replace(b"_", b" "))
            return plain.decode(charset.partition("*")[0], "replace")
        except (LookupError, ValueError, BinasciiError):
            return match[0]

    return _WORD.sub(decoded, _BETWEEN.sub(r"\1", raw))
