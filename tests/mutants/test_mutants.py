"""The mutants themselves: what is changed, that a hole in the tests is seen, and those of the gate."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.mutator import mutants
from tests.mutants.run import EQUIVALENTS, TARGETS, equivalents, of_file

ROOT = Path(__file__).parents[2]
SOURCE = '''
"""A docstring."""
LIMIT = 3
TABLE = (("a", 1), ("b", 2))

def allowed(count: int, names: set[str]) -> str | None:
    """Another one."""
    if count >= LIMIT and "x" not in names:
        return f"more than {LIMIT}"
    return None if names else "nobody is named"
'''


def changes(source: str) -> set[str]:
    return {f"{one.place}: {one.before} => {one.after}" for one in mutants(source, "m.py")}


def test_what_decides_is_changed_in_every_way() -> None:
    """Limits, operators, halves of conditions, rows of tables, reasons; no docstring and no annotation."""
    found = changes(SOURCE)
    assert {
        "LIMIT: 3 => 4",
        "TABLE: (('a', 1), ('b', 2)) => (('b', 2),)",
        "TABLE: 'a' => 'aX'",
        "allowed: count >= LIMIT => count > LIMIT",
        "allowed: count >= LIMIT => count < LIMIT",
        "allowed: count >= LIMIT and 'x' not in names => 'x' not in names",
        "allowed: count >= LIMIT and 'x' not in names => count >= LIMIT or 'x' not in names",
        "allowed: 'x' not in names => 'x' in names",
        "allowed: f'more than {LIMIT}' => ''",
        "allowed: None if names else 'nobody is named' => None",
    } <= found
    assert not [one for one in found if "docstring" in one or "int" in one.split(":")[1]]


def test_a_mutant_is_the_module_with_one_thing_changed() -> None:
    (one,) = [one for one in mutants(SOURCE, "m.py") if one.before == "3"]
    space: dict[str, object] = {}
    exec(one.code(SOURCE, "m.py"), space)  # noqa: S102 (the lines above)
    assert space["LIMIT"] == 4
    assert space["TABLE"] == (("a", 1), ("b", 2))


@pytest.mark.parametrize("file", TARGETS)
def test_each_mutant_has_a_name_of_its_own(file: str) -> None:
    """The list of those that change nothing goes by names."""
    names = [one.name for one in of_file(file)]
    assert len(names) == len(set(names)) > 40


def test_every_line_of_the_list_names_a_mutant_and_a_reason() -> None:
    every = {one.name for file in TARGETS for one in of_file(file)}
    assert set(equivalents(EQUIVALENTS.read_text("utf-8"))) <= every
    with pytest.raises(ValueError, match="no reason is given"):
        equivalents('[[equivalent]]\nmutant = "x"\nwhy = ""')


HOLED = """
from pathlib import Path
from tests.mutants import killing, run
killing.ROOT = run.ROOT = Path({root!r})
run.TARGETS = {targets!r}
run.EQUIVALENTS = Path({root!r}) / "equivalents.toml"
import sys
sys.path.insert(0, {root!r})
sys.exit(run.main([]))
"""


@pytest.mark.parametrize(("test", "listed", "code", "said"), [
    ("shop.price(1) == 3 and shop.price(2) == 4", "", 0, "; 0 problems"),
    ("shop.price(0) == 2", "", 1, "survived  shop.py price: BASE + count => BASE - count"),
    ("shop.price(1) == 5", "", 1, "without any fault"),
    ("shop.price(1) == 3 and shop.price(2) == 4", "shop.py BASE: 2 => 3", 1, "listed, and killed"),
    ("shop.price(1) == 3 and shop.price(2) == 4", "shop.py BASE: 7 => 8", 1, "listed, and there is none"),
])  # fmt: skip
def test_a_hole_in_the_tests_is_seen(tmp_path: Path, test: str, listed: str, code: int, said: str) -> None:
    """A test that looks at one case alone; one that fails anyway; a list that does not fit."""
    (tmp_path / "shop.py").write_text("BASE = 2\n\n\ndef price(count):\n    return BASE + count\n")
    (tmp_path / "test_shop.py").write_text(f"import shop\n\n\ndef test_price():\n    assert {test}\n")
    entry = f'[[equivalent]]\nmutant = "{listed}"\nwhy = "it changes nothing here"\n' if listed else ""
    (tmp_path / "equivalents.toml").write_text(entry)
    done = tried(tmp_path, {"shop.py": ("test_shop.py",)})
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout + done.stderr


def tried(folder: Path, targets: dict[str, tuple[str, ...]]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", HOLED.format(root=str(folder), targets=targets)]
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )


def test_files_are_tried_one_after_the_other(tmp_path: Path) -> None:
    """What the tests of the first import is the second: as `make mutants` does, where no file is named."""
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "__init__.py").touch()
    for name in ("till", "shop"):
        (tmp_path / "agent" / f"{name}.py").write_text(f"{name.upper()} = 2\n")
        test = "import agent.shop, agent.till\n\n\ndef test_it():\n    assert agent.shop.SHOP == agent.till.TILL == 2\n"
        (tmp_path / f"test_{name}.py").write_text(test)
    (tmp_path / "equivalents.toml").touch()
    done = tried(tmp_path, {f"agent/{name}.py": (f"test_{name}.py",) for name in ("till", "shop")})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "agent/till.py: 1 mutants" in done.stdout
    assert "agent/shop.py: 1 mutants" in done.stdout


def test_every_mutant_of_the_gate_is_killed() -> None:
    """The short form: `make mutants` tries every file that decides."""
    command = [sys.executable, "-m", "tests.mutants.run", "agent/gate.py", "--cores", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
