"""The raw header block: fields in their order and the body behind them, exactly as the bytes say.

Rules:
- Nothing is repaired. What two parsers could read in two ways is named as a defect, and identity refuses it.
- Bare LF counts as a line end (a mail may have been stored so); it is turned into CRLF before anything is hashed.
- Bounded: 512 KB of header, 2,000 fields; every step is linear in the size of the mail.
- A From mailbox is one address in one well-formed From field: no group, no route, no list, no control character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_HEADER_BYTES = 512 * 1024
MAX_FIELDS = 2_000
MAX_FROM_CHARS = 2_000

_NAME = re.compile(rb"[!-9;-~]+\Z")
_LOOSE_NAME = re.compile(r"[^!-9;-~]+")
_ENCODED_WORD = re.compile(r"=\?[^?\s]{1,64}\?[bBqQ]\?[^?\s]*\?=")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_ADDRESS = re.compile(r"[^\s@<>(),;:\\\"\[\]]+@[^\s@<>(),;:\\\"\[\]]+\Z")


@dataclass(frozen=True, slots=True)
class Field:
    """One header field. `raw` has no line end at its end; folds inside are CRLF."""

    name: str
    """Lower case, without white space."""
    raw: bytes
    well_formed: bool

    @property
    def value(self) -> bytes:
        return self.raw.partition(b":")[2]

    @property
    def text(self) -> str:
        """The value unfolded, for people and for parsers of structured fields."""
        return self.value.replace(b"\r\n", b"").decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    fields: tuple[Field, ...]
    body: bytes
    """With CRLF line ends."""
    defects: tuple[str, ...] = ()

    def named(self, name: str) -> list[Field]:
        return [field for field in self.fields if field.name == name]


def split(raw: bytes) -> HeaderBlock:
    """Cut a mail into fields and body. Never raises; a block past the bounds has the defect and no fields."""
    if b"\n" in raw.replace(b"\r\n", b""):
        raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    head, body = _cut(raw)
    if len(head) > MAX_HEADER_BYTES:
        return HeaderBlock((), body, ("header block over 512 KB",))
    fields: list[Field] = []
    defects: set[str] = set()
    for lines in _unfold(head):
        if lines[0][:1] in (b" ", b"\t"):
            defects.add("header block starts with a continuation line")
            continue
        if len(fields) >= MAX_FIELDS:
            return HeaderBlock((), body, ("over 2,000 header fields",))
        field = _field(lines)
        if not field.well_formed:
            defects.add("header line that is no field")
        fields.append(field)
    return HeaderBlock(tuple(fields), body, tuple(sorted(defects)))


def _cut(raw: bytes) -> tuple[bytes, bytes]:
    if raw.startswith(b"\r\n"):
        return b"", raw[2:]
    head, _, body = raw.partition(b"\r\n\r\n")
    return head, body


def _unfold(head: bytes) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and group:
            group.append(line)
            continue
        if group:
            yield group
        group = [line] if line else []
    if group:
        yield group


def _field(lines: list[bytes]) -> Field:
    name, colon, _ = lines[0].partition(b":")
    well_formed = bool(colon) and _NAME.match(name) is not None
    loose = _LOOSE_NAME.sub("", name.decode("latin-1")).lower()
    return Field(loose, b"\r\n".join(lines), well_formed)


def from_address(block: HeaderBlock) -> tuple[str | None, str]:
    """The one address of the one From field as it is written, or None and why there is none.

    Any line that a lenient parser could take for a second From counts as one: white space before the colon, control
    or non-ASCII characters in the name, another case.
    """
    if block.defects:
        return None, block.defects[0]
    found = block.named("from")
    if len(found) != 1:
        return None, "no From field" if not found else f"{len(found)} From fields"
    value = found[0].value.replace(b"\r\n", b"")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return None, "From is not valid UTF-8"
    if len(text) > MAX_FROM_CHARS:
        return None, "From is over 2,000 characters"
    return one_mailbox(text)


def one_mailbox(text: str) -> tuple[str | None, str]:
    """The address of a header value that names exactly one mailbox, or None and the reason."""
    if _CONTROL.search(text):
        return None, "control characters in an address field"
    bare = _without_quotes_and_comments(text)
    if bare is None:
        return None, "quotes or comments that do not end in an address field"
    # Encoded words belong to names. One that has grown together with an address is left there: `canonical` refuses it.
    phrase, opened, rest = bare.partition("<")
    bare = _ENCODED_WORD.sub(" ", phrase) + opened + rest if opened else phrase
    if any(sign in bare for sign in ",;:"):
        return None, "a list, group or route where one mailbox should stand"
    if "<" in bare or ">" in bare:
        _, opened, rest = bare.partition("<")
        inside, closed, after = rest.partition(">")
        if not opened or not closed or "<" in inside or after.strip() or ">" in after:
            return None, "angle brackets that hold no one mailbox"
        bare = inside
    bare = bare.strip()
    if not _ADDRESS.match(bare):
        return None, "no plain address in an address field"
    return bare, ""


def _without_quotes_and_comments(text: str) -> str | None:
    """Blank out quoted strings and (nested) comments; None where one does not end.

    A quoted local part goes too, so that what is left is no address: such an author is not authenticated.
    """
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif quoted:
            quoted = char != '"'
        elif char == '"' and not depth:
            quoted = True
            kept.append(" ")
        elif char == "(":
            depth += 1
            kept.append(" ")
        elif char == ")" and depth:
            depth -= 1
        elif not depth:
            kept.append(char)
    return None if depth or quoted or escaped else "".join(kept)
