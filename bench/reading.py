"""How long one mail takes to read, over every mail at hand: fixtures, the fuzz corpus, known poison, and corpora.

Processor milliseconds of `normalize` for each mail, the best of three. It prints the spread and the slowest files; a
mail that takes longer than LIMIT ends the run with an error. Corpora are optional (see `tests.corpora`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from inbound.contracts import Quarantined
from inbound.mime import normalize
from tests.corpora import CORPORA, WHERE
from tests.inbound.test_mime_poison import POISON

ROOT = Path(__file__).parent.parent
OURS = ("fixtures", "tests/fuzz/corpus")
LIMIT = 250.0
"""Milliseconds for a mail of a corpus. Poison has bounds of its own: a second."""
SHOWN = 8


def mails() -> Iterator[tuple[str, bytes]]:
    for folder in OURS:
        yield from ((path.name, path.read_bytes()) for path in sorted((ROOT / folder).rglob("*.eml")))
    if CORPORA is None:
        print(WHERE)
    else:
        found = sorted(path for path in CORPORA.rglob("*") if path.suffix in {".eml", ".crlf"})
        yield from ((str(path.relative_to(CORPORA)), path.read_bytes()) for path in found)


def cost(raw: bytes) -> float:
    """Milliseconds of processor time, the best of three."""
    times = []
    for _ in range(3):
        began = time.process_time()
        normalize(raw)
        times.append(time.process_time() - began)
    return 1_000 * min(times)


def show(title: str, costs: list[tuple[float, str, int]]) -> float:
    costs.sort(reverse=True)
    middle, last = costs[len(costs) // 2][0], costs[len(costs) // 20][0]
    print(f"\n{title}: {len(costs)} mails, median {middle:.2f} ms, 95 of 100 under {last:.2f} ms; the slowest:")
    for milliseconds, name, size in costs[:SHOWN]:
        print(f"  {milliseconds:8.2f} ms  {size:>9} bytes  {name}")
    return costs[0][0]


def main() -> int:
    normalize(b"From: a@b.example\n\nwarm up\n")
    given = list(mails())
    unread = [name for name, raw in given if isinstance(normalize(raw), Quarantined)]
    slowest = show("mail", [(cost(raw), name, len(raw)) for name, raw in given])
    show("poison", [(cost(one.raw), one.name, len(one.raw)) for one in POISON])
    print(f"\nquarantined of the mail: {', '.join(unread) or 'none'}")
    return slowest > LIMIT


if __name__ == "__main__":
    sys.exit(main())
