"""`postroom demo --once` as a stranger runs it: a real process, its own ports and folder, the truth at the end."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.postroom import free_port

ROOT = Path(__file__).parent.parent.parent
DEMO = [sys.executable, "-c", "from agent.cli import main; main()", "demo", "--once"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the fixtures with ports of its own."""
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    config = tmp_path / "fixtures" / "demo.toml"
    text = config.read_text().replace("[listener]\n", f"[listener]\nport = {free_port()}\n")
    text = text.replace("127.0.0.1:8026", f"127.0.0.1:{free_port()}")
    config.write_text(text + f"\n[desk]\nport = {free_port()}\n")
    return tmp_path


def demo(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        DEMO,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def test_the_demo_ends_with_the_truth(folder: Path) -> None:
    """Every mail has its row; what it says of replies and drafts is what lies there; a second run starts afresh."""
    expected = [json.loads(path.read_text()) for path in (folder / "fixtures" / "mail").glob("[0-9]*.json")]
    answered = sum(one["expect"]["outcome"] == "answered" for one in expected)
    for _ in range(2):
        ended = demo(folder, OPENAI_API_KEY="sk-not-to-be-used")
        assert ended.returncode == 0, ended.stderr
        assert "Model: playbook" in ended.stdout
        assert f"{answered} of {len(expected)} mails were answered" in ended.stdout
        replies = list((folder / "data" / "demo" / "replies" / "new").glob("*.eml"))
        assert len(replies) == answered
        for one in expected:
            if one.get("normalized"):
                assert one["normalized"]["author"][:12] in ended.stdout


def test_the_demo_empties_no_folder_of_yours(folder: Path) -> None:
    """Only what it made itself, known by its marker."""
    kept = folder / "data" / "demo" / "thesis.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("years of work")
    ended = demo(folder)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert kept.read_text() == "years of work"


@pytest.mark.parametrize("section", ["listener", "desk"])
def test_a_busy_port_is_a_plain_line(folder: Path, section: str) -> None:
    """It names the port, the setting and the demo's own file."""
    import tomllib

    config = tomllib.loads((folder / "fixtures" / "demo.toml").read_text())
    port = config[section]["port"]
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        ended = demo(folder)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    for word in (str(port), f"[{section}]", "port", "fixtures/demo.toml"):
        assert word in ended.stderr


def test_elsewhere_the_demo_says_where_it_belongs(tmp_path: Path) -> None:
    """Without the fixtures there is nothing to show."""
    ended = demo(tmp_path)
    assert ended.returncode == 1
    assert "fixtures/demo.toml" in ended.stderr


def test_a_second_demo_leaves_the_first_alone(folder: Path) -> None:
    """Started from another terminal: it says so and touches nothing."""
    marker = folder / "data" / "demo" / ".made-by-postroom-demo"
    marker.parent.mkdir(parents=True)
    reply = marker.parent / "reply.eml"
    reply.write_text("sent")
    with marker.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ended = demo(folder)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "a demo is at work on" in ended.stderr
    assert reply.read_text() == "sent"
