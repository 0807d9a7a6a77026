"""The command: `python -m tests.mutants.run [FILE ...]`. Ends with 1 where a fault passes.

Every mutant of the files that decide what leaves is killed by a test, or listed in `equivalents.toml` with the reason
why it changes nothing. A line of that list that fits no mutant, or one that is killed, is a fault too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import tomllib
from pathlib import Path

from tests.mutants.killing import ROOT, BaselineError, said, surviving
from tests.mutants.mutator import Mutant, mutants

TARGETS: dict[str, tuple[str, ...]] = {
    "agent/policy.py": (
        "tests/agent/test_policy.py",
        "tests/agent/test_rule_reasons.py",
        "tests/agent/test_policy_rules.py",
        "tests/agent/test_marking.py",
        "tests/guarantees/test_11_monotone.py",
    ),
    "agent/rules.py": (
        "tests/agent/test_rule_reasons.py",
        "tests/agent/test_policy_rules.py",
        "tests/agent/test_policy.py",
        "tests/agent/test_marking.py",
        "tests/guarantees/test_11_monotone.py",
    ),
    "agent/gate.py": ("tests/agent/test_gate.py",),
    "agent/tools.py": ("tests/agent/test_tools.py",),
    "outbound/authorize.py": ("tests/outbound/test_authorize.py",),
    "outbound/compose.py": (
        "tests/outbound/test_compose.py",
        "tests/outbound/test_compose_bytes.py",
        "tests/outbound/test_markup.py",
        "tests/outbound/test_inspection.py",
        "tests/guarantees/test_09_header_integrity.py",
    ),
}
"""The files that decide, and for each the tests that bear on it."""
EQUIVALENTS = Path(__file__).parent / "equivalents.toml"


def equivalents(text: str) -> dict[str, str]:
    """Names of mutants that change nothing, with the reason why. Raises ValueError for one without."""
    listed = {str(one["mutant"]): str(one.get("why", "")) for one in tomllib.loads(text).get("equivalent", [])}
    if bare := [name for name, why in listed.items() if len(why.split()) < 3]:
        raise ValueError(f"no reason is given for {bare[0]}")
    return listed


def of_file(file: str) -> list[Mutant]:
    return list(mutants((ROOT / file).read_text("utf-8"), file))


def problems(file: str, tests: tuple[str, ...], listed: dict[str, str], cores: int) -> tuple[int, list[str]]:
    """How many mutants the file has, and what is wrong: all of them are tried, listed ones too."""
    every = of_file(file)
    alive = {one.name: one for one in surviving(file, tests, every, cores)}
    names = {one.name for one in every}
    found = [f"line {one.line}: survived  {name}" for name, one in alive.items() if name not in listed]
    stale = [name for name in listed if name.startswith(f"{file} ") and name not in alive]
    found += [f"listed, and {'killed' if name in names else 'there is none'}  {name}" for name in stale]
    return len(every), found


def _by_itself(file: str, listed: dict[str, str], cores: int) -> tuple[int, list[str]]:
    """The same in a process of its own: what is imported ahead for one file may be the next one that is changed."""

    def tell() -> str:
        try:
            return json.dumps(problems(file, TARGETS[file], listed, cores))
        except BaselineError as error:
            return json.dumps((0, [str(error)]))

    count, found = json.loads(said(tell) or '[0, ["it could not be tried: name this file alone to see why"]]')
    return count, found


def _import_ahead() -> None:
    """What every forked process would import again: nothing of the project, and no plugin of pytest."""
    import pydantic
    import sqlalchemy.ext.asyncio

    _ = pydantic, sqlalchemy


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Print what passed unnoticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.run", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", help=f"of {', '.join(TARGETS)}; all where none is named")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args(arguments)
    if strange := [file for file in asked.files if file not in TARGETS]:
        parser.error(f"there are no tests named for {strange[0]}")
    listed = equivalents(EQUIVALENTS.read_text("utf-8"))
    _import_ahead()
    begun, wrong = time.monotonic(), 0
    for file in asked.files or TARGETS:
        count, found = _by_itself(file, listed, asked.cores)
        wrong += len(found)
        same = sum(name.startswith(f"{file} ") for name in listed)
        _say(f"{file}: {count} mutants, {same} change nothing; {len(found)} problems")
        for one in found:
            _say(f"  {one}")
    _say(f"{time.monotonic() - begun:.0f} s; {wrong} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
