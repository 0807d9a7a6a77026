"""Normalise a mail within bounds of time: small ones here, large ones in a process that can be killed.

Rules:
- A mail up to SMALL costs at most about a second whatever is in it: the bounds of `mime` see to that.
  It is read in a thread.
- A larger one is read by a child process, which is killed when its time is over; the mail is then quarantined.
- A child that dies of itself gets one more try: somebody may have ended it for another reason than the mail.
- A cancelled caller kills the child. Children end with this process, however it ends; `close` ends them now.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from inbound.bounds import DEFAULT_BOUNDS, Bounds
from inbound.contracts import NormalizedEmail, Quarantined
from inbound.mime import DERIVED, normalize
from inbound.reader import LENGTH, READY, RESULT

SMALL = 64_000
"""Bytes up to which a mail is read in a thread."""
READERS = 2
MAILS_A_READER = 200
"""A reader is replaced after that many mails, so that no memory piles up."""
PATIENCE = 60.0
"""Seconds in which a reader must have started."""

_START = "import sys; sys.path.insert(0, sys.argv[1]); from inbound.reader import serve; serve()"
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "SYSTEMROOT")


async def normalize_bounded(
    raw: bytes, bounds: Bounds = DEFAULT_BOUNDS, seconds: float = 15.0
) -> NormalizedEmail | Quarantined:
    """Normalise `raw`; Quarantined where it takes longer than `seconds` or breaks the reader."""
    if len(raw) <= SMALL:
        return await asyncio.to_thread(normalize, raw, bounds)
    return await in_child(raw, bounds, seconds)


async def in_child(raw: bytes, bounds: Bounds, seconds: float) -> NormalizedEmail | Quarantined:
    """Normalise in a child process, whatever the size."""
    task = _Task(raw, bounds, seconds)
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool.threads, _pool.read, task)
    except asyncio.CancelledError:
        task.cancel()
        raise


def close() -> None:
    """End all readers. The next large mail starts a new one."""
    _pool.close()


class _Reader:
    """One child process, used by one thread at a time."""

    def __init__(self) -> None:
        root = str(Path(__file__).parent.parent)
        self.mails = 0
        self.process = subprocess.Popen(  # noqa: S603 (this interpreter, our own module)
            [sys.executable, "-c", _START, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # No key and no password is in what a parser of strangers' mail can read.
            env={name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ},
            # Ctrl-C goes to the whole foreground group: a reader must not die of it with a mail in hand.
            process_group=0,
        )

        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a reader without pipes")
        self._requests, self._answers = stdin, stdout

    def started(self) -> bool:
        return self._answers.read(len(READY)) == READY

    def ask(self, raw: bytes, bounds: Bounds) -> bytes | None:
        """The answer as JSON; None where the reader died."""
        said = bounds.model_dump_json().encode()
        try:
            self._requests.write(LENGTH.pack(len(said)) + said + LENGTH.pack(len(raw)))
            self._requests.write(raw)
            self._requests.flush()
        except OSError:
            return None
        head = self._answers.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return None
        size = LENGTH.unpack(head)[0]
        answer = self._answers.read(size)
        self.mails += 1
        return answer if len(answer) == size else None

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                pipe.close()


@dataclass
class _Task:
    """One mail on its way through a reader; may be cancelled from another thread."""

    raw: bytes
    bounds: Bounds
    seconds: float
    cancelled: bool = False
    late: bool = False
    reader: _Reader | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, reader: _Reader) -> bool:
        """Put the task into the reader's hands; False where nobody waits for it any more."""
        with self.lock:
            self.reader = None if self.cancelled else reader
            return not self.cancelled

    def release(self) -> None:
        with self.lock:
            self.reader = None

    def cancel(self) -> None:
        with self.lock:
            self.cancelled = True
            if self.reader is not None:
                self.reader.process.kill()

    def expire(self) -> None:
        with self.lock:
            if self.reader is not None:
                self.late = True
                self.reader.process.kill()


class _Pool:
    """The readers of this process: at most READERS, started when they are needed, kept for the next mail."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._idle: list[_Reader] = []
        self._all: set[_Reader] = set()
        self._lock = threading.Lock()

    def read(self, task: _Task) -> NormalizedEmail | Quarantined:
        """Runs in a thread of the pool."""
        for _ in range(2):
            reader = self._checkout(task)
            answer = self._asked(reader, task) if reader is not None else None
            if answer is not None:
                return RESULT.validate_json(answer)
            if task.late:
                return _given_up(task.raw, f"it could not be read within {task.seconds:g} s")
            if task.cancelled:
                break
        return _given_up(task.raw, "the reader died of it")

    def _asked(self, reader: _Reader, task: _Task) -> bytes | None:
        answer = None
        if task.take(reader):
            answer = _timed(task.seconds, task, lambda: reader.ask(task.raw, task.bounds))
        task.release()
        with self._lock:
            if answer is not None and reader.mails < MAILS_A_READER and reader in self._all:
                self._idle.append(reader)
                return answer
        self._discard(reader)
        return answer

    def _checkout(self, task: _Task) -> _Reader | None:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            reader = _Reader()
            self._all.add(reader)
        timer = threading.Timer(PATIENCE, reader.process.kill)
        timer.start()
        try:
            if not task.cancelled and reader.started():
                return reader
        finally:
            timer.cancel()
        self._discard(reader)
        return None

    def _discard(self, reader: _Reader) -> None:
        with self._lock:
            self._all.discard(reader)
        reader.end()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
            busy = self._all - set(idle)
            self._all.clear()
        for reader in busy:
            reader.process.kill()
        for reader in idle:
            reader.end()


def _timed(seconds: float, task: _Task, ask: Callable[[], bytes | None]) -> bytes | None:
    timer = threading.Timer(seconds, task.expire)
    timer.daemon = True
    timer.start()
    try:
        return ask()
    finally:
        timer.cancel()


def _given_up(raw: bytes, reason: str) -> Quarantined:
    digest = hashlib.sha256(raw).hexdigest()
    return Quarantined(reason=reason, message_id=f"{digest[:40]}{DERIVED}", content_key=digest)


_pool = _Pool()
atexit.register(close)
