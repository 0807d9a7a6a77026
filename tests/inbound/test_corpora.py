"""Over mail that other projects collected: nothing is uncaught, nothing is refused, the examples of the RFCs are read.

Optional: see `tests.corpora`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inbound.contracts import NormalizedEmail
from inbound.mime import normalize
from tests.corpora import CORPORA, WHERE

pytestmark = pytest.mark.skipif(CORPORA is None, reason=WHERE)

WHY = {
    ("001.eml", "size of BodyFormats.ps"): "the empty line that ends the header inside counts as bytes of the file",
    ("001.eml", "size of RFC-MIME.ps"): "the empty line that ends the header inside counts as bytes of the file",
    ("001.eml", "name RFC-MIME.ps"): "the name of a file never has a path",
    ("006.eml", "text"): "its two forms differ, so the page is read; the expectation is of the plain form",
}
"""Where we differ, and why. A difference that is gone fails here until it is taken off."""


def folder() -> Path:
    assert CORPORA is not None
    return CORPORA


def test_every_mail_is_read() -> None:
    """Each file is a mail with text, files or at least its header."""
    files = sorted(folder().rglob("*.eml"))
    assert files
    unread = [str(path) for path in files if not isinstance(normalize(path.read_bytes()), NormalizedEmail)]
    assert unread == []


def _words(parts: list[dict[str, Any]], chosen: list[int]) -> str:
    """The words of the parts of a text body, as the other parser found them."""
    bodies = [parts[number]["body"] for number in chosen]
    return " ".join(" ".join(body["Text"].split()) for body in bodies if "Text" in body)


def _fields(part: dict[str, Any]) -> dict[str, Any]:
    return {field["name"]: field["value"] for field in part["headers"] if isinstance(field["name"], str)}


def _file(part: dict[str, Any]) -> tuple[str, str | None, int | None]:
    """Content type, name where the part gives one, and size where it is told in bytes."""
    fields = _fields(part)
    kind = fields.get("content_type", {}).get("ContentType", {})
    said = [
        fields.get(name, {}).get("ContentType", {}).get("attributes") or []
        for name in ("content_disposition", "content_type")
    ]
    named = [one["value"] for one in (*said[0], *said[1]) if one["name"] in {"filename", "name"}]
    body = part["body"]
    data = body.get("Binary", body.get("InlineBinary"))
    # A part of a digest that says nothing of itself is a message (RFC 2046 section 5.1.5).
    content_type = f"{kind['c_type']}/{kind['c_subtype']}".lower() if kind else "message/rfc822"
    return content_type, named[0] if named else None, len(data) if isinstance(data, list | str) else None


def _differences(path: Path) -> Iterator[str]:
    expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
    found = normalize(path.read_bytes())
    assert isinstance(found, NormalizedEmail)
    parts, fields = expected["parts"], _fields(expected["parts"][0])
    author = fields.get("from", {}).get("Address", {}).get("List", [{}])[0]
    if found.subject != fields.get("subject", {}).get("Text", ""):
        yield "subject"
    if (found.author.email if found.author else None) != author.get("address"):
        yield "from"
    if found.author and found.author.name != (author.get("name") or ""):
        yield "name"
    if " ".join(found.text.split()) != _words(parts, expected["text_body"]):
        yield "text"
    wanted = [_file(parts[number]) for number in expected["attachments"]]
    if [one.content_type for one in found.attachments] != [kind for kind, _, _ in wanted]:
        yield "kinds of files"
    for one, (_, name, size) in zip(found.attachments, wanted, strict=False):
        if name is not None and one.name != name:
            yield f"name {one.name}"
        if size is not None and one.size != size:
            yield f"size of {one.name}"


def test_the_examples_of_the_rfcs_are_read_as_expected() -> None:
    """Subject, author, text and files equal what another parser found, or WHY says why not."""
    paths = sorted((folder() / "mail-parser-rfc").glob("*.eml"))
    if not paths:
        pytest.skip(WHERE)
    different = {(path.name, what) for path in paths for what in _differences(path)}
    assert different == WHY.keys()
