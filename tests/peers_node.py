"""Node, for the peers of `tests/peers`."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
OLDEST = (20, 18)


@cache
def node() -> str:
    """A Node that is new enough: the machine's, or the one beside the server. Empty where there is none."""
    own = sorted(PEERS.glob("node_modules/node-linux-*/bin/node"))
    for candidate in (shutil.which("node"), *map(str, own)):
        if candidate is None:
            continue
        said = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False).stdout
        major, minor, *_ = [*(int(part) for part in said.strip().lstrip("v").split(".") if part.isdigit()), 0, 0]
        if (major, minor) >= OLDEST:
            return candidate
    return ""
