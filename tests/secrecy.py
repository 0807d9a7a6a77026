"""Secrets of the configuration that carry a mark, and the search for the mark in all that a test run leaves behind.

Rules:
- Every configuration that tests make has marked secrets, in memory or by the environment: never in a file. Wherever the
  mark is found, a secret got out.
- Searched are the folders of all tests (databases, logs, mail, audit), PostgreSQL's own folder with its log of writes,
  what tests captured, answers of the desk, and what the command line and other processes said.
- Found is what stands there as it is, in hexadecimal, or in base64 wherever it begins.
"""

from __future__ import annotations

import base64
import mmap
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

MARK = "q7Zx-canary-of-a-secret-Kw3"
ENVIRONMENT = {
    "POSTROOM_COURIER_PASSWORD": f"{MARK}-courier",
    "POSTROOM_COURIER_API_KEY": f"{MARK}-api",
    "POSTROOM_STORE_PASSWORD": f"{MARK}-store",
}
"""For processes and commands that tests start, which read a file."""
SECTIONS: dict[str, dict[str, object]] = {
    "model": {"kind": "playbook", "api_key": f"{MARK}-model"},
    "courier": {"api_key": f"{MARK}-api", "password": f"{MARK}-courier"},
    "store": {"password": f"{MARK}-store"},
}
"""For configurations that tests make in memory."""


def _forms() -> bytes:
    """One pattern for the mark in every form: of base64, the part that does not depend on what stands beside it."""
    data = MARK.encode()
    coded = [base64.b64encode(b"\0" * n + data)[(0, 2, 3)[n] : -4] for n in range(3)]
    hexed = data.hex().encode()
    return b"|".join(re.escape(one) for one in (data, hexed, hexed.upper(), *coded))


_PATTERN = re.compile(_forms())


def holds(data: bytes) -> bool:
    return _PATTERN.search(data) is not None


def files_with_it(folder: Path) -> list[str]:
    """Files below the folder in which the mark stands. What goes away meanwhile is nobody's any more."""
    found = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            try:
                with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    if _PATTERN.search(data):
                        found.append(str(path))
            except (OSError, ValueError):  # gone, a pipe, or empty
                continue
    return found


class Hunt:
    """Where the mark was found, in this process."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def look(self, where: str, said: object) -> None:
        data = said if isinstance(said, bytes) else str(said).encode("utf-8", "replace")
        if holds(data):
            self.found.append(where)

    def report(self, report: pytest.TestReport) -> None:
        """What a test wrote to its terminal and its log."""
        for name, said in report.sections:
            self.look(f"{report.nodeid}: {name}", said)

    def folders(self, *folders: Path) -> None:
        for folder in folders:
            self.found += files_with_it(folder)

    def install(self) -> None:
        """Look at what the desk answers, and at what commands and other processes say."""
        from typer.testing import CliRunner

        from agent.web.app import StrictHeaders

        invoke, communicate, call = CliRunner.invoke, subprocess.Popen.communicate, StrictHeaders.__call__

        def invoked(runner: Any, *given: Any, **more: Any) -> Any:
            result = invoke(runner, *given, **more)
            self.look(
                f"command {given[1:2]}", result.output_bytes if hasattr(result, "output_bytes") else result.output
            )
            return result

        def communicated(process: Any, *given: Any, **more: Any) -> Any:
            said = communicate(process, *given, **more)
            for one in said:
                self.look(f"process {process.args if isinstance(process.args, str) else process.args[0]}", one or b"")
            return said

        async def called(desk: Any, scope: Any, receive: Any, send: Any) -> None:
            async def sending(message: Any) -> None:
                self.look(f"desk {scope.get('path')}", message.get("body", b""))
                self.look(f"desk {scope.get('path')}: headers", message.get("headers", ""))
                await send(message)

            await call(desk, scope, receive, sending)

        for owner, name, ours in (
            (CliRunner, "invoke", invoked),
            (subprocess.Popen, "communicate", communicated),
            (StrictHeaders, "__call__", called),
        ):
            setattr(owner, name, ours)


HUNT = Hunt()


def told(found: list[str]) -> list[str]:
    return sorted(set(found))
