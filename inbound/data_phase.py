"""The bytes between DATA's 354 and the end of the mail: found, measured, unstuffed. No I/O.

Rules:
- Only CR LF dot CR LF ends the mail (RFC 5321 section 4.1.1.4), wherever the peer's packets are cut.
- Any other line end around a lone dot (bare CR, bare LF, NULs between) is a false end: some server takes it for the
  end of DATA, so one mail there is two mails here. `false_end` says so; the mail must be refused.
- Bare CR, LF and NUL elsewhere stay as they are.
- Past the size limit nothing is kept, and the end is still found, so that the session goes on.
"""

from __future__ import annotations

import re

END = b"\r\n.\r\n"
_LINE_START = b"\r\n"
# Bytes of END that may have come already.
_CARRY = len(END) - 1
_FALSE_ENDS = (b"\n.\n", b"\n.\r", b"\r.\r", b"\r.\n")
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\x00")
# A header block as a forgiving parser reads it: fields and continuations; the first other line ends it.
_HEADER_BLOCK = re.compile(rb"(?:(?:[!-9;-~]+[ \t]*:|[ \t])[^\r\n]*(?:\r\n|\r|\n|\Z))*")


class DataPhase:
    """Feed it what comes; it says where the mail ended."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        # The CRLF of the DATA command is the line end before the first line.
        self._buffer = bytearray(_LINE_START)
        self._scanned = len(_LINE_START)
        self._tail = _LINE_START
        self._stuffed = 0
        self._kept = True
        self.false_end = False
        """A sequence was seen that another server could take for the end of DATA."""
        self.too_large = False

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return len(self._buffer)

    def feed(self, chunk: bytes | bytearray) -> bytes | None:
        """Take bytes. None while the end has not come, then what came behind the end (often nothing)."""
        search_from = max(0, len(self._buffer) - _CARRY)
        self._buffer += chunk
        end = self._buffer.find(END, search_from)
        if end < 0:
            self._scan(self._scannable())
            # Stuffed dots are not part of the size (RFC 1870 section 3); the bytes of END may be here already.
            self._bound(len(self._buffer) - len(_LINE_START) - self._stuffed - _CARRY)
            return None
        rest = bytes(self._buffer[end + len(END) :])
        del self._buffer[end + len(_LINE_START) :]
        self._scan(len(self._buffer))
        self._bound(len(self._buffer) - len(_LINE_START) - self._buffer.count(b"\r\n."))
        return rest

    def discard(self) -> None:
        """Keep nothing more; the end is still found."""
        self._kept = False
        del self._buffer[:-_CARRY]
        self._scanned = len(self._buffer)

    def take(self) -> bytes:
        """Give the mail away, without the dots that the peer stuffed. Once, after the end, if nothing was discarded."""
        message = bytes(self._buffer.replace(b"\r\n.", _LINE_START)[len(_LINE_START) :])
        self._buffer.clear()
        return message

    def _scannable(self) -> int:
        # A true end may be half here: its dot and CR wait for the next byte.
        return len(self._buffer) - (2 if self._buffer.endswith(END[:-1]) else 0)

    def _scan(self, until: int) -> None:
        """Look once at each byte, with the two before it; NULs are skipped, as some servers drop them."""
        if not self._kept or until <= self._scanned:
            return
        window = self._tail + self._buffer[self._scanned : until].translate(None, b"\x00")
        self._scanned = until
        self._tail = bytes(window[-2:])
        self._stuffed += window.count(b"\r\n.")
        self.false_end = self.false_end or any(sequence in window for sequence in _FALSE_ENDS)

    def _bound(self, size: int) -> None:
        if self._kept and size > self._max_bytes:
            self.too_large = True
            self._kept = False
        if not self._kept:
            self.discard()


def has_bare_line_end(message: bytes) -> bool:
    """A CR without LF, a LF without CR, or a NUL (RFC 5321 section 2.3.8)."""
    return _BARE.search(message) is not None


def header_exceeds(message: bytes, limit: int) -> bool:
    """The header block is longer than `limit` bytes. Looks at no more than `limit` bytes."""
    block = _HEADER_BLOCK.match(message, 0, limit + 1)
    return block is not None and block.end() > limit
