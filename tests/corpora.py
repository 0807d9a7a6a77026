"""Mail that other projects collected, where it is at hand: the folder that POSTROOM_CORPORA names, or one beside us."""

from __future__ import annotations

import os
from pathlib import Path

_BESIDE = Path(__file__).parent.parent.parent / "shared" / "corpora"
_NAMED = os.environ.get("POSTROOM_CORPORA", "")

CORPORA: Path | None = Path(_NAMED) if _NAMED else _BESIDE if _BESIDE.is_dir() else None
WHERE = "optional corpora: set POSTROOM_CORPORA to a folder of mail in .eml files"
