"""How long the command line takes to answer: `postroom --help` and `postroom check`, beside an empty interpreter.

Wall seconds of whole processes, warm, median of 15; the ratio to `python -c pass` holds when the machine is busy.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 15
POSTROOM = str(Path(sys.executable).parent / "postroom")
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "postroom --help": [POSTROOM, "--help"],
    "postroom check": [POSTROOM, "check"],
}


def once(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(RUNS + 1):
        for name, command in COMMANDS.items():
            seconds = once(command)
            if turn:
                found[name].append(seconds)
    base = statistics.median(found["python -c pass"])
    for name, seconds in found.items():
        median = statistics.median(seconds)
        print(f"{name:<18} {median:.3f} s   {median / base:5.1f} times an empty interpreter")


if __name__ == "__main__":
    main()
