"""The search for secrets that got out finds them: in files in any form, in what is captured, said and shown."""

from __future__ import annotations

import base64
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.config import Config, load
from tests.agent.postroom import HERE, SUPPORT, configuration
from tests.secrecy import ENVIRONMENT, MARK, files_with_it, holds

ROOT = Path(__file__).parents[1]
LEAKS = """
import logging, subprocess, sys
MARK = {first!r} + {second!r}

def test_file(tmp_path):
    (tmp_path / "x.log").write_text(".." + MARK + "..")

def test_terminal():
    print(MARK)

def test_log():
    logging.getLogger("x").warning("%s", MARK)

def test_process():
    subprocess.run([sys.executable, "-c", "print(" + repr(MARK) + ")"], capture_output=True)

def test_nothing():
    print(MARK[1:])
"""


def forms() -> list[bytes]:
    data = MARK.encode()
    return [data, data.hex().encode(), *(base64.b64encode(b"x" * n + data + b"yy") for n in range(3))]


@pytest.mark.parametrize("n", range(5))
def test_every_form_is_found(tmp_path: Path, n: int) -> None:
    """In the middle of other bytes; what is nearly the mark is none."""
    assert holds(b"\xff\x00 before " + forms()[n] + b" after")
    assert not holds(forms()[n][:20])
    with closing(sqlite3.connect(tmp_path / "one.db")) as file, file:
        file.execute("CREATE TABLE one (said BLOB)")
        file.execute("INSERT INTO one VALUES (?)", (b"x" * 9_000 + forms()[n][::-1] + forms()[n][:9],))
    assert files_with_it(tmp_path) == []
    with closing(sqlite3.connect(tmp_path / "one.db")) as file, file:
        file.execute("INSERT INTO one VALUES (?)", (forms()[n],))
    assert files_with_it(tmp_path) == [str(tmp_path / "one.db")]
    (tmp_path / "one.db").unlink()


def test_a_run_in_which_a_secret_gets_out_fails(tmp_path: Path) -> None:
    """Though each of its tests passes; it says where, and does not repeat it."""
    (tmp_path / "test_one.py").write_text(LEAKS.format(first=MARK[:9], second=MARK[9:]))
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-n", "0", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    with (tmp_path / "said").open("wb") as out:
        ended = subprocess.call([*command, str(tmp_path / "test_one.py")], cwd=ROOT, stdout=out, stderr=out)
    said = (tmp_path / "said").read_text()
    assert "5 passed" in said
    assert ended == 1
    places = said.partition("got out")[2]
    for place in ("x.log", "test_terminal: Captured stdout", "test_log: Captured log", f"process {sys.executable}"):
        assert place in places
    assert "test_nothing" not in places
    assert MARK not in said


def secrets_of(config: Config) -> list[str]:
    return [
        one.get_secret_value()
        for one in (config.model.api_key, config.courier.api_key, config.courier.password, config.store.password)
    ]


def test_the_configurations_of_tests_carry_the_mark(tmp_path: Path) -> None:
    """Those in memory, and those of files by the environment; else the search would find nothing for ever."""
    assert all(MARK in one for one in secrets_of(configuration(tmp_path)))
    path = tmp_path / "config.toml"
    path.write_text(f'[[mailbox]]\naddress = "{SUPPORT}"\nplaybook = "{HERE / "playbook"}"\n')
    found = secrets_of(load(path, ENVIRONMENT))
    assert sorted(one for one in found if one) == sorted(ENVIRONMENT.values())
