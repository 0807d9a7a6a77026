"""Over mail that other projects collected: nothing is uncaught, nothing is refused, the examples of the RFCs are read.

Optional.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from inbound.contracts import NormalizedEmail
from inbound.mime import normalize

CORPORA = os.environ.get("POSTROOM_CORPORA", "")

pytestmark = pytest.mark.skipif(
    not CORPORA, reason="optional corpora: set POSTROOM_CORPORA to a folder of mail in .eml files"
)

WHY_NOT = {"006.eml": "its two forms differ, so the page is read; the expectation is of the plain form"}


def test_every_mail_is_read() -> None:
    """Each file is a mail with text, files or at least its header."""
    files = sorted(Path(CORPORA).rglob("*.eml"))
    assert files
    unread = [str(path) for path in files if not isinstance(normalize(path.read_bytes()), NormalizedEmail)]
    assert unread == []


def expectation(parts: list[dict[str, Any]], chosen: list[int]) -> str:
    """The words of the parts of a text body, as the other parser found them."""
    bodies = [parts[number]["body"] for number in chosen]
    return " ".join(" ".join(body["Text"].split()) for body in bodies if "Text" in body)


def test_the_examples_of_the_rfcs_are_read_as_expected() -> None:
    """Subject, author, text and number of files equal what another parser found, or WHY_NOT says why not."""
    wrong = []
    for path in sorted((Path(CORPORA) / "mail-parser-rfc").glob("*.eml")):
        expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
        found = normalize(path.read_bytes())
        assert isinstance(found, NormalizedEmail)
        parts = expected["parts"]
        fields = {field["name"]: field["value"] for field in parts[0]["headers"] if isinstance(field["name"], str)}
        author = fields.get("from", {}).get("Address", {}).get("List", [{}])[0].get("address")
        same = (
            found.subject == fields.get("subject", {}).get("Text", ""),
            (found.author.email if found.author else None) == author,
            " ".join(found.text.split()) == expectation(parts, expected["text_body"]) or path.name in WHY_NOT,
            len(found.attachments) == len(expected["attachments"]),
        )
        wrong += [(path.name, same)] if not all(same) else []
    assert wrong == []
