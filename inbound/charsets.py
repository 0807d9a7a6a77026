"""Bytes of a text part become characters, whatever its charset claims to be.

Rules:
- Labels mean what mail programs mean by them (WHATWG Encoding): iso-8859-1 is windows-1252, gb2312 is gb18030.
- Only character encodings: Python's other codecs (idna, punycode, escapes) are no charsets, and some are quadratic.
- An unknown or wrong label: UTF-8 where the bytes are that, else windows-1252; both are said as defects.
- Nothing is lost silently: a byte that has no character becomes U+FFFD and a defect.
"""

from __future__ import annotations

import codecs
import contextlib

from inbound import codes

_MEANT = {
    "iso-8859-1": "cp1252", "iso8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "iso_8859-1": "cp1252",
    "iso-8859-9": "cp1254", "iso-8859-11": "cp874", "tis-620": "cp874", "us-ascii": "ascii", "ansi": "cp1252",
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "gb_2312-80": "gb18030", "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949", "euc-kr": "cp949", "euckr": "cp949",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932", "iso-2022-jp": "iso2022_jp_ext", "big5": "big5hkscs", "x-big5": "big5hkscs",
    "iso-8859-8-i": "iso8859_8", "iso-8859-8-e": "iso8859_8", "x-mac-roman": "mac_roman", "macintosh": "mac_roman",
    "unicode-1-1-utf-7": "utf-7", "utf8": "utf-8", "utf-8mb4": "utf-8", "utf-8-sig": "utf-8", "unicode": "utf-16",
    "cp-850": "cp850", "x-cp1250": "cp1250", "x-cp1252": "cp1252", "x-cp1251": "cp1251", "koi8-ru": "koi8_u",
}  # fmt: skip
_NOT_SAID = frozenset({"", "unknown-8bit", "x-unknown", "unknown", "default", "none", "8bit", "binary"})
_JAPANESE = ("iso2022_jp_ext", "euc_jp", "cp932")
"""Old programs of Japan label one of these as another; the bytes tell which it is."""
_NO_CHARSETS = frozenset(
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem", "palmos", "unicode-escape"}
)


def decode(data: bytes, label: str) -> tuple[str, set[str]]:
    """The text of `data`, and the defects found on the way."""
    label = label.strip().strip("\"'").lower()
    if label in _NOT_SAID:
        return _guessed(data)
    name = _known(label)
    if name is None:
        text, defects = _guessed(data)
        return text, defects | {codes.UNKNOWN_CHARSET}
    if name == "ascii":
        return _guessed(data)
    try:
        text = data.decode(name)
        return (text, set()) if _is_text(text) else (data.decode("utf-8", "replace"), {codes.BAD_CHARACTERS})
    except (ValueError, LookupError):
        pass
    text, defects = _guessed(data, broken=name)
    return text, defects | {codes.BAD_CHARACTERS}


def _known(label: str) -> str | None:
    if len(label) > 40 or not label.isascii() or "\0" in label:
        return None
    name = _MEANT.get(label, label)
    try:
        info = codecs.lookup(name)
        b"a".decode(name, "replace")
    except (LookupError, ValueError):
        return None
    return None if info.name.replace("-", "_") in _NO_CHARSETS or info.name in _NO_CHARSETS else name


def _guessed(data: bytes, broken: str = "") -> tuple[str, set[str]]:
    """UTF-8 where it is that; else the charset that was claimed, with replacements; else windows-1252."""
    try:
        return data.decode("utf-8"), set()
    except UnicodeDecodeError:
        pass
    if broken in _JAPANESE:
        for other in _JAPANESE:
            with contextlib.suppress(UnicodeDecodeError):
                return data.decode(other), {codes.BAD_CHARACTERS}
    try:
        return data.decode(broken or "cp1252", "replace"), {codes.BAD_CHARACTERS}
    except (ValueError, LookupError):
        return data.decode("utf-8", "replace"), {codes.BAD_CHARACTERS}


def _is_text(text: str) -> bool:
    """No lone surrogates, which some codecs make and nothing can store."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
