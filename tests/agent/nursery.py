"""Processes that are made to die, without the price of a start: one process that has everything loaded forks them.

`python -m tests.agent.nursery` reads a JSON line for each life, `{"program", "arguments", "store"}`, forks a child that
lives it, and answers with its exit code and what it said. A child is a process of its own like any other: what kills it
is SIGKILL, and its database connections, threads and files end with it. The parent never opens a database of a test
and has one thread when it forks, so nothing is shared that a start of its own would not have.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
SECONDS = 120
"""For one life; SIGALRM ends what takes longer."""

Program = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Life:
    code: int
    """As of `subprocess`: negative where a signal ended it."""
    said: list[dict[str, Any]]
    """The JSON lines of its output."""
    output: str


class Nursery:
    """The client's side: one forking process, ended by `close`."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process lives)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.agent.nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def live(self, program: str, *arguments: object, store: str = "") -> Life:
        """One process from its start to its end or its death."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"program": program, "arguments": [str(one) for one in arguments], "store": store}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise AssertionError(self._errors.read().decode(errors="replace")[-3000:])
        found = json.loads(line)
        output: str = found["output"]
        said = [json.loads(one) for one in output.splitlines() if one.startswith("{")]
        assert found["code"] in {0, -signal.SIGKILL}, output[-3000:]
        return Life(found["code"], said, output)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._errors.close()


def programs() -> dict[str, Program]:
    from tests.agent import doomed, victim

    return {"doomed": doomed.live, "victim": victim.live}


def warm_up() -> None:
    """Live once: what is loaded, compiled and remembered on the way is there in every child."""
    import psycopg  # noqa: F401 (children on PostgreSQL need it)
    import structlog

    from inbound import dmarc
    from tests.agent import doomed, flows

    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flows.prepare(folder)
        with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):
            asyncio.run(doomed.live(str(folder), "0", "deferred", ""))
    dmarc.organisational("mail.customer.example")  # reads a long list
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    gc.freeze()


def bear(program: Program, asked: dict[str, Any], output: IO[bytes]) -> int:
    """Fork a child that lives; gives the pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.alarm(SECONDS)
        for number in (1, 2):
            os.dup2(output.fileno(), number)
        sys.stdout = os.fdopen(1, "w", buffering=1)
        sys.stderr = os.fdopen(2, "w", buffering=1)
        if asked["store"]:
            os.environ["POSTROOM_TEST_STORE"] = asked["store"]
        asyncio.run(program(*asked["arguments"]))  # type: ignore[arg-type]  # a coroutine
        code = 0
    except BaseException:  # noqa: BLE001 (a child must never go on as its parent)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def main() -> None:
    known = programs()
    warm_up()
    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryFile() as output:
            _, status = os.waitpid(bear(known[asked["program"]], asked, output), 0)
            output.seek(0)
            text = output.read().decode(errors="replace")
        sys.stdout.write(json.dumps({"code": os.waitstatus_to_exitcode(status), "output": text}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
