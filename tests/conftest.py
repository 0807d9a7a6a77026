"""For all tests: in CI nothing may be skipped but the optional corpora; a secret found anywhere fails the run.

A test's folder is searched and removed when the test has passed, that of one that failed is kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import scratch, secrecy
from tests.secrecy import HUNT

os.environ.pop("OPENAI_API_KEY", None)  # whatever a developer has set: no test and no process of one asks a real model
os.environ.update(secrecy.ENVIRONMENT)
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", scratch.root())

LONG = {"test_19_hostile_mail.py", "test_browser.py", "test_mutants.py", "test_nodes.py", "test_21_durability.py"}
"""Files with tests of ten seconds and more."""

SECRETS = pytest.StashKey[list[str]]()
"""What the processes of a run found, in the one that leads it."""

OPTIONAL = "POSTROOM_CORPORA"
"""A skip that names this variable is allowed everywhere: the corpora are not part of the project."""


def forbidden(reports: list[pytest.TestReport]) -> list[str]:
    """Skipped tests that CI does not allow, with their reasons."""
    found = []
    for report in reports:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not hasattr(report, "wasxfail") and OPTIONAL not in reason:
            found.append(f"{report.nodeid}: {reason}")
    return found


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """Pytest's own, searched for secrets before it goes."""
    yield tmp_path
    HUNT.folders(tmp_path)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SECRETS] = []
    HUNT.install()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that take longest begin first: else one process works on them when the others have ended."""
    items.sort(key=lambda one: one.path.name not in LONG)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    HUNT.report(report)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A process of xdist ended: what it found is ours to tell."""
    node.config.stash[SECRETS] += getattr(node, "workeroutput", {}).get("secrets", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = secrecy.told(terminalreporter.config.stash[SECRETS])
    if found:
        terminalreporter.section("a secret of the configuration got out", red=True)
        for line in found:
            terminalreporter.line(line)
    skipped = forbidden(terminalreporter.stats.get("skipped", []))
    if skipped and os.environ.get("CI"):
        terminalreporter.section("skipped in CI: install what is missing in .ci/run", red=True)
        for line in skipped:
            terminalreporter.line(line)


@pytest.hookimpl(specname="pytest_sessionfinish", tryfirst=True)
def search_what_is_left(session: pytest.Session) -> None:
    """Before pytest removes it: folders that several tests share, and those of tests that failed."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory is not None and factory._basetemp is not None:
        HUNT.folders(factory._basetemp)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    _tell(session)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    if forbidden(reporter.stats.get("skipped", [])) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _tell(session: pytest.Session) -> None:
    """The leading process fails the run for all."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["secrets"] = secrecy.told(HUNT.found)
        return
    config.stash[SECRETS] += HUNT.found
    if config.stash[SECRETS] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
