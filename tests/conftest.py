"""For all tests: in CI nothing may be skipped but the optional corpora."""

from __future__ import annotations

import os

import pytest

os.environ.pop("OPENAI_API_KEY", None)  # whatever a developer has set: no test and no process of one asks a real model

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = forbidden(terminalreporter.stats.get("skipped", []))
    if skipped and os.environ.get("CI"):
        terminalreporter.section("skipped in CI: install what is missing in .ci/run", red=True)
        for line in skipped:
            terminalreporter.line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    if forbidden(reporter.stats.get("skipped", [])) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
