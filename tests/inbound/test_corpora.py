"""Over mail that other projects collected: nothing is uncaught, nothing is refused. Optional."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inbound.contracts import NormalizedEmail
from inbound.mime import normalize

CORPORA = os.environ.get("POSTROOM_CORPORA", "")

pytestmark = pytest.mark.skipif(
    not CORPORA, reason="optional corpora: set POSTROOM_CORPORA to a folder of mail in .eml files"
)


def test_every_mail_is_read() -> None:
    """Each file is a mail with text, files or at least its header."""
    files = sorted(Path(CORPORA).rglob("*.eml"))
    assert files
    unread = [str(path) for path in files if not isinstance(normalize(path.read_bytes()), NormalizedEmail)]
    assert unread == []
