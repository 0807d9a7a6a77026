"""An address as a QR code, drawn on the server.

Rules:
- What a template gets is a size and the letters and numbers of a path: no style, no script, nothing to load.
- It is shown where its text is shown too: who cannot scan it types the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import segno

QUIET = 4
"""Modules of light around the code, without which readers do not find it (ISO/IEC 18004)."""


@dataclass(frozen=True)
class Drawn:
    """For an SVG of `size` by `size` modules: the path of the dark ones."""

    size: int
    path: str


def drawn(address: str) -> Drawn:
    """Draw an address as a QR code of correction level M."""
    rows = list(segno.make(address, error="m", micro=False).matrix_iter(border=QUIET))
    return Drawn(len(rows), "".join(piece for y, row in enumerate(rows) for piece in _line(y, row)))


def _line(y: int, row: Iterable[int]) -> Iterator[str]:
    """Each run of dark modules as one rectangle."""
    x = 0
    for dark, run in groupby(row):
        wide = sum(1 for _ in run)
        if dark:
            yield f"M{x} {y}h{wide}v1h-{wide}z"
        x += wide
