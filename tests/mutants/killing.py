"""Which mutants do the tests kill? Each is tried in a forked process, so that nothing of it stays.

Rules:
- A fault within a function is put into the function that the tests hold already; only tests that call it are run, those
  that reach its line first, of these the quickest first, until one fails.
- A fault at a module's or a class's level is put in place before anything imports the module: every table, default and
  class is then made of it. What can be imported without the module is imported ahead, once.
- What ends by a signal or by the clock counts as killed: a test would have hung.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, cast

import pytest
from _pytest.runner import runtestprotocol

from tests.mutants.mutator import Mutant

if TYPE_CHECKING:
    from _typeshed import TraceFunction

ROOT = Path(__file__).parents[2]
SECONDS = 60
"""Of processor time, for all tests of one mutant."""
PATIENCE = 300
"""Seconds of the clock, for one that waits instead: a loaded machine must not make a kill."""
QUIET = (
    "-q",
    "-s",
    "-k",
    "not postgresql",
    "-p",
    "no:xdist",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
    "-x",
    "--hypothesis-seed=0",
    "-W",
    "ignore:Module already imported:pytest.PytestAssertRewriteWarning",
)
SURVIVED, KILLED = 0, 1


class BaselineError(Exception):
    """The tests fail without any fault, so that they say nothing of one."""


def surviving(file: str, tests: Sequence[str], tried: Sequence[Mutant], cores: int) -> list[Mutant]:
    """Those of the mutants of one file that no test notices."""
    inner = [one for one in tried if one.in_function]
    outer = [one for one in tried if not one.in_function]
    found: dict[Mutant, int] = {}
    if outer:
        found = _at_import(file, outer, tests, cores)
    if inner:
        found |= _in_functions(file, inner, tests, cores)
    return [one for one in tried if found[one] == SURVIVED]


def _forked(jobs: Iterable[tuple[Mutant, Callable[[], int]]], cores: int) -> dict[Mutant, int]:
    """What each job returns, done in a process of its own."""
    running: dict[int, Mutant] = {}
    done: dict[Mutant, int] = {}
    for mutant, job in jobs:
        if len(running) >= cores:
            _collect(running, done)
        pid = os.fork()
        if not pid:
            _child(job)
        running[pid] = mutant
    while running:
        _collect(running, done)
    return done


def _collect(running: dict[int, Mutant], done: dict[Mutant, int]) -> None:
    pid, status = os.waitpid(-1, 0)
    if pid in running:
        done[running.pop(pid)] = os.WEXITSTATUS(status) if os.WIFEXITED(status) else KILLED


def _child(job: Callable[[], int]) -> None:
    """Do the job and end, whatever happens; never returns."""
    code = KILLED
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.alarm(PATIENCE)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        code = job()
    finally:
        os._exit(code)


class _Faulty(MetaPathFinder, Loader):
    """Gives one module its faulty code."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        self._name, self._path, self._code = name, path, code

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, origin=self._path) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self._path
        exec(self._code, module.__dict__)  # noqa: S102 (our own source with one thing changed)


def _at_import(file: str, tried: Sequence[Mutant], tests: Sequence[str], cores: int) -> dict[Mutant, int]:
    """The tests are collected anew for each mutant."""
    name, path = file.removesuffix(".py").replace("/", "."), ROOT / file
    if name in sys.modules:
        raise RuntimeError(f"{name} is imported already")
    source = path.read_text("utf-8")
    seconds: dict[str, float] = {}

    def faulty(mutant: Mutant) -> int:
        sys.meta_path.insert(0, _Faulty(name, str(path), mutant.code(source, str(path))))
        return _all_pass(tests, _Quickest(seconds))

    sound = json.loads(said(lambda: _sound(name, tests)) or "{}")
    if not sound.get("passed"):
        raise BaselineError(f"the tests of {file} fail without any fault")
    for one in sound["apart"]:
        importlib.import_module(one)
    seconds = sound["seconds"]
    again = _forked([(tried[0], lambda: _all_pass(tests, _Quickest(seconds)))], cores)
    if again[tried[0]] != SURVIVED:
        raise BaselineError(f"the tests of {file} fail where modules were imported ahead")
    return _forked([(one, partial(faulty, one)) for one in tried], cores)


def _sound(name: str, tests: Sequence[str]) -> str:
    """What a run without any fault tells: whether it passes, each test's seconds, which modules stand apart."""
    quickest = _Quickest({})
    passed = _all_pass(tests, quickest) == SURVIVED
    apart = [] if not passed else json.loads(said(lambda: json.dumps(_apart(name, list(sys.modules)))))
    return json.dumps({"passed": passed, "seconds": quickest.seconds, "apart": apart})


def _apart(name: str, loaded: Sequence[str]) -> list[str]:
    """The modules that are imported without the one of this name: those of others, and some of ours."""
    others = [one for one in loaded if one.partition(".")[0] in {"hypothesis", "sqlalchemy", "pydantic", "aiosqlite"}]
    ours = [one for one in loaded if one.startswith(("agent.", "inbound.", "outbound."))]
    for one in [*ours, "agent", "inbound", "outbound"]:
        sys.modules.pop(one, None)
    sys.modules[name] = cast("ModuleType", None)  # whoever imports it fails
    found = others
    for one in ours:
        with suppress(Exception):
            importlib.import_module(one)
            found.append(one)
    return found


class _Quickest:
    """Notes how long each test takes; where that is known, the quickest go first."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds, self._known = dict(seconds), dict(seconds)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self._known.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


def _all_pass(tests: Sequence[str], *plugins: object) -> int:
    return SURVIVED if pytest.main([*QUIET, *tests], plugins=list(plugins)) == pytest.ExitCode.OK else KILLED


def said(tell: Callable[[], str]) -> str:
    """What a process of its own has to say; it has no limit of time. Empty where it broke."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        _child(lambda: _written(tell, writing))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return text


def _written(tell: Callable[[], str], writing: int) -> int:
    signal.alarm(0)
    signal.setitimer(signal.ITIMER_PROF, 0)
    text = tell()
    with os.fdopen(writing, "w") as pipe:
        pipe.write(text)
    return 0


def _in_functions(file: str, tried: Sequence[Mutant], tests: Sequence[str], cores: int) -> dict[Mutant, int]:
    """The tests are collected once, in a process that then forks for each mutant."""
    found = said(lambda: _killed_by(_Killer(file, tried, cores), tests))
    if not found.startswith("["):
        raise BaselineError(found or f"the tests of {file} could not be run")
    return dict(zip(tried, json.loads(found), strict=True))


def _killed_by(plugin: _Killer, tests: Sequence[str]) -> str:
    pytest.main([*QUIET, *tests], plugins=[plugin])
    found = plugin.problem or json.dumps([plugin.found.get(one, KILLED) for one in plugin.tried])
    return found if plugin.ran else "no test could be collected"


@dataclass(frozen=True)
class _Caller:
    """A test that calls a function, and the lines of it that it reaches."""

    item: pytest.Item
    seconds: float
    lines: set[int]


class _Killer:
    """Takes the place of pytest's own loop over the collected tests."""

    def __init__(self, file: str, tried: Sequence[Mutant], cores: int) -> None:
        self.tried, self.found, self.problem, self.ran = tried, dict[Mutant, int](), "", False
        self._path, self._cores = str(ROOT / file), cores

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.ran = True
        callers = self._callers(session.items)
        if not self.problem:
            functions, source = self._functions(), Path(self._path).read_text("utf-8")
            self.found = _forked(self._jobs(callers, functions, source), self._cores)
        return True

    def _jobs(
        self, callers: dict[str, list[_Caller]], functions: dict[str, list[FunctionType]], source: str
    ) -> Iterator[tuple[Mutant, Callable[[], int]]]:
        for one in self.tried:
            nearest = sorted(callers[one.place], key=lambda caller: (one.line not in caller.lines, caller.seconds))
            items = [caller.item for caller in nearest]
            yield one, partial(self._killed, one, functions[one.place], items, source)

    def _callers(self, items: Iterable[pytest.Item]) -> dict[str, list[_Caller]]:
        """The tests that call each function of the module."""
        found: dict[str, list[_Caller]] = defaultdict(list)
        for item in items:
            reached: dict[str, set[int]] = defaultdict(set)
            begun = time.monotonic()
            with _watching(self._path, reached):
                passed = _passes(item)
            if not passed:
                self.problem = f"{item.nodeid} fails without any fault"
                break
            for name, lines in reached.items():
                found[name].append(_Caller(item, time.monotonic() - begun, lines))
        return found

    def _functions(self) -> dict[str, list[FunctionType]]:
        found: dict[str, list[FunctionType]] = defaultdict(list)
        for one in gc.get_objects():
            if isinstance(one, FunctionType) and one.__code__.co_filename == self._path:
                found[one.__code__.co_qualname].append(one)
        return found

    def _killed(
        self, mutant: Mutant, functions: Sequence[FunctionType], callers: Sequence[pytest.Item], source: str
    ) -> int:
        faulty = next(_codes(mutant.code(source, self._path), mutant.place))
        if all(one.__code__ == faulty for one in functions):
            return SURVIVED  # no test could tell, for it is the same
        for one in functions:
            one.__code__ = faulty
        return SURVIVED if all(_passes(item) for item in callers) else KILLED


def _codes(code: CodeType, name: str) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            if one.co_qualname == name:
                yield one
            yield from _codes(one, name)


def _passes(item: pytest.Item) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


class _watching:  # noqa: N801 (reads as what it is in a with statement)
    """Notes the lines of one file that are reached, for each function by its outermost name."""

    def __init__(self, path: str, reached: dict[str, set[int]]) -> None:
        self._path, self._reached = path, reached

    def _called(self, frame: FrameType, event: str, _: object) -> TraceFunction | None:
        return self._line(frame, event, _) if frame.f_code.co_filename == self._path else None

    def _line(self, frame: FrameType, _: str, __: object) -> TraceFunction:
        self._reached[frame.f_code.co_qualname.partition(".<locals>")[0]].add(frame.f_lineno)
        return self._line

    def __enter__(self) -> None:
        threading.settrace(self._called)
        sys.settrace(self._called)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)
