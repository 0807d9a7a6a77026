"""Characters that a reader does not see, taken out and reported.

Rules:
- Bidi controls, tag characters, control characters and fillers never reach a reader or a model.
- What scripts need stays: joiners in emoji, Arabic and Indic words; the flags that are made of tags.
- Zero-width characters between words (preheaders of newsletters, soft hyphens) are only removed; inside a Latin word,
  or many in a row, they are a risk: words may be split with them, and bits hidden in them.
- An encoded word that decodes to a line end is a risk: somebody tried to write a header.
- Bounded and linear; runs without a blank are cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from inbound import codes
from inbound.encoded_words import decode_words

MAX_RUN = 2_000

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_FLAG = re.compile("(?<=\U0001f3f4)[\U000e0020-\U000e007e]{1,6}\U000e007f")
_TAGS = re.compile("[\U000e0000-\U000e007f]")
_JOINER = "\u200c\u200d"
_ZERO = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
)
# Behind these a joiner changes what is seen: emoji and their parts, Arabic, Indic and other joining scripts.
_JOINS = "\u0600-\u0dff\u0f00-\u109f\u1780-\u18aa\u203c-\u3299\ufe0f\U0001f000-\U0001faff"
_REMOVED = re.compile(f"[{_ZERO}]|(?<![{_JOINS}])[{_JOINER}]|[{_JOINER}](?=[{_JOINER}])")
_SPLITTING = re.compile(f"(?<=[A-Za-z0-9])[{_ZERO}{_JOINER}]+(?=[A-Za-z0-9])")
_SOFT_HYPHENS = re.compile("\u00ad+")
_MANY = re.compile(f"[{_ZERO}{_JOINER}]{{8}}")
_SELECTORS = re.compile("[\U000e0100-\U000e01ef]|[\ufe00-\ufe0f](?=[\ufe00-\ufe0f])")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_RUN = re.compile(f"[!-~]{{{MAX_RUN + 1},}}")
_MARK = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_MARKS = re.compile(f"({_MARK}{{6}}){_MARK}+")
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


@dataclass(frozen=True)
class Clean:
    text: str
    risks: frozenset[str] = frozenset()
    defects: frozenset[str] = frozenset()


def clean_text(text: str, limit: int) -> Clean:
    """Several lines, at most `limit` characters: LF line ends, no blank at a line's end, at most three blank lines."""
    risks: set[str] = set()
    defects: set[str] = set()
    if len(text) > limit:
        text = text[:limit]
        risks.add(codes.CUT)
    text = _without(_LINE_END.sub("\n", text), risks, defects)
    if _RUN.search(text):
        risks.add(codes.LONG_RUN)
        text = _RUN.sub(lambda match: match[0][:MAX_RUN] + " ", text)
    lines = text.replace("\u00a0", " ").split("\n")
    text = "\n".join(line.rstrip() if line != "-- " else line for line in lines)
    return Clean(re.sub(r"\n{5,}", "\n\n\n\n", text).strip("\n"), frozenset(risks), frozenset(defects))


def clean_line(raw: str, limit: int, *, decode: bool = False) -> Clean:
    """One line: white space folded; with `decode`, encoded words (RFC 2047) decoded first."""
    risks: set[str] = set()
    defects: set[str] = set()
    if len(raw) > limit:
        raw = raw[:limit]
        risks.add(codes.LONG_RUN)
    text = decode_words(raw) if decode else raw
    if decode and re.search(r"[\r\n]", text.strip()):
        risks.add(codes.HEADER_INJECTION)
    text = _without(_LINE_END.sub(" ", text), risks, defects)
    return Clean(" ".join(text.split()), frozenset(risks), frozenset(defects))


def _without(text: str, risks: set[str], defects: set[str]) -> str:
    if text.isascii() and text.isprintable():
        return text
    if _TURNING.search(text):
        risks.add(codes.BIDI)
    if _TAGS.search(_FLAG.sub("", text)):
        risks.add(codes.TAG_CHARACTERS)
    if _SELECTORS.search(text) or _MANY.search(text) or _SPLITTING.search(_SOFT_HYPHENS.sub("", text)):
        risks.add(codes.INVISIBLE)
    if _CONTROL.search(text):
        defects.add(codes.CONTROL_CHARACTERS)
    if _NO_CHARACTER.search(text) or "\ufffd" in text:
        defects.add(codes.BAD_CHARACTERS)
    flags = _FLAG.search(text) is not None
    text = _NO_CHARACTER.sub("\ufffd", text)
    for pattern in (_BIDI, _SELECTORS, _CONTROL):
        text = pattern.sub("", text)
    text = _without_tags(text) if flags else _TAGS.sub("", text)
    return _MARKS.sub(r"\1", _REMOVED.sub("", text))


def _without_tags(text: str) -> str:
    """Remove tag characters, but keep those that make a flag."""
    out: list[str] = []
    at = 0
    for match in _FLAG.finditer(text):
        out += [_TAGS.sub("", text[at : match.start()]), match[0]]
        at = match.end()
    return "".join([*out, _TAGS.sub("", text[at:])])
