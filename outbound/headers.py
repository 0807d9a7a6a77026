"""Header values: text to wire form and back.

Rules:
- A value that holds control characters, or an encoded word that decodes to some, has no wire form (`is_safe`).
- Everything that is not plain ASCII, and everything that looks like an encoded word, becomes encoded words of ours
  (RFC 2047, UTF-8, no line over 76 characters, no character split): it decodes once, to exactly what was asked.
- Lines are folded at 76 characters; a line is never only white space.
- Reading is strict: UTF-8 only, and what is not well formed raises `MalformedHeaderError`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from email.errors import HeaderParseError
from email.header import decode_header

_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,40})\?([BbQq])\?([^?\s]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?[^?\s]{1,40}\?[BbQq]\?)")
# Categories Cc, Cs, Zl and Zp; the test compares with unicodedata.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_LINE = 76
# RFC 2047 2: a line with an encoded word has 76 characters at most, `Subject: ` included.
_WORD_PAYLOAD = _LINE - len("Subject: ") - len("=?utf-8?q??=")
_LONGEST_TOKEN = 66


class MalformedHeaderError(ValueError):
    """A header value is not one that we would have written."""


def has_controls(text: str) -> bool:
    """True for control characters, lone surrogates and the line and paragraph separators of Unicode."""
    return _CONTROLS.search(text) is not None


def is_safe(text: str) -> bool:
    """False where `text`, or what a reader could decode it to, holds control characters.

    Decoded up to three times, by our own reader and by the standard library's: some readers decode twice.
    """
    if "=?" not in text:  # there is nothing to decode
        return not has_controls(text)
    for _ in range(3):
        if has_controls(text) or any(has_controls(reading) for reading in _readings(text)):
            return False
        once = _lenient(text)
        if once == text:
            return True
        text = once
    return False


def tidy(text: str) -> str:
    """Trim, and make each run of spaces one space."""
    return re.sub(r"[ \t]+", " ", text).strip(" ")


def unstructured(name: str, text: str) -> str:
    """Return the header line (or lines) of free text; `text` is tidy and safe."""
    tokens = re.findall(r" *[^ ]+", text)
    if _is_plain(text) and all(len(token) <= _LONGEST_TOKEN for token in tokens):
        return fold(name, tokens)
    return fold(name, _spaced(encoded_words(text)))


def mailbox(name: str, display_name: str, address: str) -> str:
    """Return a From or To line; `display_name` is tidy and safe, `address` canonical."""
    if not display_name:
        return fold(name, [address])
    if _is_plain(display_name) and len(display_name) <= _LONGEST_TOKEN:
        escaped = re.sub(r'(["\\])', r"\\\1", display_name)
        phrase = [display_name if _ATOMS.fullmatch(display_name) else f'"{escaped}"']
    else:
        phrase = _spaced(encoded_words(display_name))
    return fold(name, [*phrase, f" <{address}>"])


def fold(name: str, tokens: list[str]) -> str:
    """Join tokens (each with the white space before it) into one header with its CRLF."""
    lines = [f"{name}: {tokens[0]}" if tokens else f"{name}:"]
    for token in tokens[1:]:
        if len(lines[-1]) + len(token) > _LINE:
            lines.append(token)
        else:
            lines[-1] += token
    return "\r\n".join(lines) + "\r\n"


def encoded_words(text: str) -> list[str]:
    """Cut `text` into encoded words: Q where that is shorter, else B."""
    as_q = sum(1 if byte in _Q_PLAIN or byte == 0x20 else 3 for byte in text.encode())
    return _words(text, "q", _q) if as_q <= len(text.encode()) * 4 / 3 else _words(text, "b", _b)


def decode(value: str) -> str:
    """Return what an unfolded header value says. Raises MalformedHeaderError where it is not strictly UTF-8."""
    if "=?" not in value:
        return value
    joined = _BETWEEN_WORDS.sub(r"\1", value)
    return _ENCODED_WORD.sub(lambda match: _decode_word(*match.groups()), joined)


def _decode_word(charset: str, encoding: str, payload: str) -> str:
    if charset.lower() not in {"utf-8", "us-ascii"}:
        raise MalformedHeaderError(f"an encoded word in {charset}")
    try:
        if encoding in "Bb":
            return base64.b64decode(payload.encode("ascii"), validate=True).decode()
        return binascii.a2b_qp(payload.encode("ascii"), header=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise MalformedHeaderError("an encoded word that does not decode") from error


def _readings(text: str) -> list[str]:
    """What readers, also lenient ones, may make of `text`."""
    if "=?" not in text:
        return []
    readings = [_lenient(text)]
    try:
        for part, _ in decode_header(text):
            readings.append(part if isinstance(part, str) else part.decode("latin-1").translate(_C1_IS_TEXT))
    except (HeaderParseError, ValueError, LookupError):
        pass
    return readings


# Bytes 0x80..0x9f are letters in UTF-8 and in Windows code pages, so they say nothing of control characters here.
_C1_IS_TEXT = dict.fromkeys(range(0x80, 0xA0), "?")


def _lenient(text: str) -> str:
    def word(match: re.Match[str]) -> str:
        payload = match[3].encode("utf-8", "surrogatepass")
        try:
            data = base64.b64decode(payload + b"===") if match[2] in "Bb" else binascii.a2b_qp(payload, header=True)
        except (binascii.Error, ValueError):
            return ""
        return data.decode("utf-8", "ignore")

    return _ENCODED_WORD.sub(word, _BETWEEN_WORDS.sub(r"\1", text))


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text


def _spaced(words: list[str]) -> list[str]:
    return [words[0], *(" " + word for word in words[1:])]


def _words(text: str, encoding: str, encode: Callable[[str], str]) -> list[str]:
    words: list[str] = []
    chunk = ""
    for character in text:
        if len(encode(chunk + character)) > _WORD_PAYLOAD:
            words.append(chunk)
            chunk = ""
        chunk += character
    return [f"=?utf-8?{encoding}?{encode(part)}?=" for part in [*words, chunk]]


def _q(text: str) -> str:
    return "".join(_Q[byte] for byte in text.encode())


def _b(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


_Q = ["_" if byte == 0x20 else chr(byte) if byte in _Q_PLAIN else f"={byte:02X}" for byte in range(256)]
