"""Forms as providers post them: `multipart/form-data` and `application/x-www-form-urlencoded`.

Rules:
- The number of fields is bounded; the size is by the cap on the request.
- A field that comes twice is kept apart: Mailgun posts a mail's own headers as fields, `Received` many times. Who asks
  for such a field, a signature say, is told that there is no one.
- What is cut off or has no boundary is an UnreadableError, never half a form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from inbound.webhooks.contract import Request, UnreadableError

MAX_FIELDS = 2_000


@dataclass
class Part:
    data: bytes
    filename: str | None = None
    content_type: str = ""


@dataclass
class Form:
    parts: dict[str, Part] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)

    def _one(self, name: str) -> Part | None:
        if name in self.repeated:
            raise UnreadableError(f"the field {name[:60]} came twice")
        return self.parts.get(name)

    def text(self, name: str, default: str | None = None, *, charset: str = "utf-8") -> str:
        """A field as text. Raises UnreadableError where it came twice, or is missing and there is no default."""
        found = self._one(name)
        if found is None:
            if default is None:
                raise UnreadableError(f"the field {name} is missing")
            return default
        try:
            return found.data.decode(charset, "replace")
        except LookupError:
            return found.data.decode("utf-8", "replace")

    def data(self, name: str) -> bytes | None:
        """A field's bytes. Raises UnreadableError where it came twice."""
        found = self._one(name)
        return None if found is None else found.data

    @property
    def files(self) -> list[tuple[str, Part]]:
        return [(name, part) for name, part in self.parts.items() if part.filename is not None]


def read(request: Request) -> Form:
    """The form of a request. Raises UnreadableError."""
    kind, options = parse_options_header(request.header("content-type") or "")
    if kind == b"application/x-www-form-urlencoded":
        return _urlencoded(request.body)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise UnreadableError(f"the content type {request.content_type[:60]!r} is no form")
    return _multipart(request.body, options[b"boundary"])


def _urlencoded(body: bytes) -> Form:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace")
    except ValueError:
        raise UnreadableError("no form of names and values") from None
    form = Form()
    for name, value in pairs:
        _put(form, name, Part(value.encode("utf-8", "surrogatepass")))
    return form


def _put(form: Form, name: str, part: Part) -> None:
    if len(form.parts) >= MAX_FIELDS:
        raise UnreadableError(f"more than {MAX_FIELDS} fields")
    if name in form.parts:
        form.repeated.add(name)
    else:
        form.parts[name] = part


class _Reader:
    """Collects what the parser finds."""

    def __init__(self) -> None:
        self.form = Form()
        self.ended = False
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = self._data = b""
        self._pieces: list[bytes] = []

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add("_name", data[start:end]),
            "on_header_value": lambda data, start, end: self._add("_value", data[start:end]),
            "on_header_end": self._header,
            "on_part_data": lambda data, start, end: self._pieces.append(bytes(data[start:end])),
            "on_part_end": self._part,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._headers, self._pieces = {}, []

    def _add(self, name: str, piece: bytes) -> None:
        setattr(self, name, getattr(self, name) + piece)

    def _header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name, filename = options.get(b"name"), options.get(b"filename")
        if name is None:
            raise UnreadableError("a part without a name")
        kind = self._headers.get(b"content-type", b"").decode("latin-1")
        named = None if filename is None else filename.decode("utf-8", "replace")
        _put(self.form, name.decode("utf-8", "replace"), Part(b"".join(self._pieces), named, kind))

    def _end(self) -> None:
        self.ended = True


def _multipart(body: bytes, boundary: bytes) -> Form:
    reader = _Reader()
    parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]  # its own TypedDict, one key at a time
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise UnreadableError(f"the form is broken: {error}"[:200]) from None
    if not reader.ended:
        raise UnreadableError("the form is cut off")
    return reader.form
