"""Starts, stops and kills nodes, and is the peer that gives them mail."""

from __future__ import annotations

import json
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from agent.demo_world import finish, static_zone
from tests.agent.postroom import HOURS, SIGNED, SUPPORT, keys
from tests.agent.stores import STORES

ROOT = Path(__file__).parent.parent.parent


def prepare(folder: Path) -> None:
    """The DNS in which our customers' signatures verify."""
    zone = static_zone({"customer.example": "reject", "larkspur.example": "reject"}, SIGNED, keys())
    (folder / "zone.json").write_text(json.dumps(zone))


def letter(number: int) -> bytes:
    """A signed mail of a customer of its own, which the playbook answers unseen."""
    text = (
        f"From: Ann <a{number}@customer.example>\nTo: {SUPPORT}\nSubject: Hours\n"
        f"Date: @NOW@\nMessage-ID: <n{number}@customer.example>\n\n{HOURS}\n"
    )
    return finish(text.encode(), datetime.now(UTC), keys(), SIGNED)


class Node:
    """A process of `tests.agent.node`, ready to take mail."""

    def __init__(self, folder: Path, number: int, hold: str = "") -> None:
        self.log = folder / f"node{number}.log"
        with self.log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.agent.node", str(folder), hold],
                cwd=ROOT,
                env=STORES.environment(folder),
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.port = int(str(self.said("port")))

    def said(self, what: str) -> object:
        """Wait for a line of its output that says this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            fact = json.loads(line)
            if what in fact:
                return fact[what]
        raise AssertionError(f"it ended: {self.log.read_text()[-3000:]}")

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(how)
        self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def give(self, number: int, raw: bytes) -> bool:
        """Hand it the mail; True where it says that it took it."""
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=15) as client:
                client.sendmail(f"a{number}@customer.example", [SUPPORT], raw)
        except (OSError, smtplib.SMTPException):
            return False
        return True


@contextmanager
def node(folder: Path, number: int, hold: str = "") -> Iterator[Node]:
    found = Node(folder, number, hold)
    try:
        yield found
    finally:
        found.end()
