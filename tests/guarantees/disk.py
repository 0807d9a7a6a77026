"""What a process asked of its disk and when, as strace saw it; and disks that fail, as strace can make them.

Read are the lines of `strace -f -y`: a call that another thread interrupts stands in two of them, where it began and
where it ended. Only the write-ahead log counts: what is in it is committed, what is not in it is not.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

FAULTS = {
    "full": "pwrite64:error=ENOSPC:when=1..3",
    "read-only": "pwrite64:error=EROFS:when=1..3",
    "broken": "pwrite64:error=EIO:when=1..3",
    "cannot sync": "fdatasync:error=EIO:when=1..2",
}
"""The first calls that fail; what comes after them is well again."""

_LINE = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)")
_ACCEPTED = re.compile(r"250 2\.0\.0 Accepted as ([\w-]+)")
_NAMED = re.compile(rb"mail \d{6} line \d{6}")


def strace(trace: Path, fault: str = "") -> list[str]:
    """The command that a process runs under."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed: apt-get install strace")
    store = trace.with_name("postroom.db-wal")
    watched = ["-e", f"inject={fault}", "-P", str(store)] if fault else ["-e", "trace=pwrite64,fdatasync,fsync,sendto"]
    return [found, "-f", "--seccomp-bpf", "-y", "-qq", "-s", "5000", "-o", str(trace), *watched]


@dataclass
class Asked:
    """Numbers are lines of the trace: the order of time."""

    written: dict[bytes, int] = field(default_factory=dict)
    """Where each line of a mail was first written whole into the log, when the write had ended."""
    synced: list[tuple[int, int]] = field(default_factory=list)
    """Where each successful sync of the log began and ended."""
    answered: dict[str, int] = field(default_factory=dict)
    """Where the 250 that names a mail was sent."""

    @classmethod
    def read(cls, trace: Path) -> Asked:
        asked, begun = cls(), dict[str, tuple[int, str]]()
        for number, line in enumerate(trace.read_text("latin-1").splitlines()):
            match = _LINE.match(line)
            if match is None:
                continue
            thread, call, rest = match.groups()
            since, whole = begun.pop(thread) if "resumed>" in line[:60] else (number, "")
            whole += rest
            if call == "sendto" and (said := _ACCEPTED.search(whole)):
                asked.answered.setdefault(said[1], since)
            if line.endswith("<unfinished ...>"):
                begun[thread] = since, whole
            elif "postroom.db-wal>" in whole[:500]:
                asked._done(call, whole, since, number)
        return asked

    def _done(self, call: str, whole: str, since: int, number: int) -> None:
        if call == "pwrite64":
            for named in _NAMED.findall(whole.encode("latin-1")):
                self.written.setdefault(named, number)
        elif call in {"fdatasync", "fsync"} and whole.endswith("= 0"):
            self.synced.append((since, number))


def reached_the_disk(asked: Asked, mail_id: str, raw: bytes) -> bool:
    """Whether every line of the mail was written, then synced, then acknowledged; lines cut by a page's end apart."""
    lines = _NAMED.findall(raw)
    written = [asked.written[line] for line in lines if line in asked.written]
    if len(written) < 0.9 * len(lines) or mail_id not in asked.answered:
        return False
    return any(max(written) < since and until < asked.answered[mail_id] for since, until in asked.synced)
