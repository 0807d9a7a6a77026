"""Change and read mails for so many seconds; what breaks a promise is written down and told.

Run as `python -m tests.fuzz.run [SECONDS] [SEED]`. A finding lies in tests/fuzz/found as a mail; `python -m
tests.fuzz.run FILE` reads it again. Where it is mended it joins `tests/fuzz/corpus`.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.mutation import Pool
from tests.fuzz.reading import read

HERE = Path(__file__).parent
FOLDERS = (HERE / "corpus", HERE.parent.parent / "fixtures" / "mail", HERE.parent.parent / "fixtures" / "forwarders")
SLOW = 2.0
"""Seconds of processor time for a mail of up to 60 KB, all readers together and twice; more is a finding."""


def search(pool: Pool, more: Callable[[int], bool], tell: Callable[[str], None]) -> list[tuple[bytes, str]]:
    """Read changed mails as long as `more` wants; gives what was found, each mail with why."""
    found: list[tuple[bytes, str]] = []
    count, slowest = 0, 0.0
    while more(count):
        raw = pool.next()
        count += 1
        began = time.process_time()
        try:
            pool.learn(raw, read(raw))
        except Exception as error:  # noqa: BLE001 (that none is raised is what is tested)
            found.append((raw, f"{type(error).__name__}: {str(error)[:300]}"))
        took = time.process_time() - began
        if took > SLOW:
            found.append((raw, f"it took {took:.1f} s"))
        slowest = max(slowest, took)
    tell(f"{count} mails, {len(pool.mails)} in the pool, the slowest {slowest:.2f} s, {len(found)} findings")
    return found


def main(arguments: list[str]) -> int:
    if arguments and Path(arguments[0]).is_file():
        print(read(Path(arguments[0]).read_bytes()))
        return 0
    seconds, seed = [*map(int, arguments), *(60, 0)[len(arguments) :]]
    until = time.monotonic() + seconds
    found = search(Pool.of(FOLDERS, seed), lambda _: time.monotonic() < until, print)
    for raw, why in found:
        path = HERE / "found" / f"{hashlib.sha256(raw).hexdigest()[:16]}.eml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)
        print(f"{path}: {why}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
