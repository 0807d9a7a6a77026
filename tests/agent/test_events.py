"""The log: one line an event whatever stands in it, and nothing of a mail."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from agent import events

HOSTILE = 'a\nlevel=error event=forged\r\x1b[31mred\x00\u2028\u202e "b"=c\\n\ud800'


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(caught: pytest.CaptureFixture[str]) -> list[str]:
    out, err = caught.readouterr()
    assert out == ""
    assert err == "" or err.endswith("\n")
    return err.split("\n")[:-1]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_hostile_value_stays_in_its_line(form: Literal["text", "json"], capsys: pytest.CaptureFixture[str]) -> None:
    """Neither as event, nor as a value, nor within a list, nor as an object's text, nor from a library."""
    events.configure("info", form)
    log = structlog.get_logger()
    log.info(HOSTILE)
    log.info(
        "e",
        value=HOSTILE,
        inner=[HOSTILE],
        error=ValueError(HOSTILE),
        data={"k": HOSTILE},
        raw=HOSTILE.encode("utf-8", "replace"),
    )
    logging.getLogger("other").warning("%s", HOSTILE[:-1])  # pytest keeps records and cannot carry half a surrogate
    found = lines(capsys)
    assert len(found) == 3
    assert all(line.isprintable() and line.isascii() for line in found)
    assert all("forged" in line for line in found)


def test_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers stay numbers, so that a log can be counted."""
    events.configure("info", "json")
    structlog.get_logger().info("door.accepted", size=12, share=0.5, duplicate=False, none=None)
    (line,) = lines(capsys)
    event: dict[str, Any] = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "door.accepted",
        "level": "info",
        "size": 12,
        "share": 0.5,
        "duplicate": False,
        "none": None,
    }


def test_text_starts_with_when_what_and_how_bad(capsys: pytest.CaptureFixture[str]) -> None:
    """The three that one looks for first, in this order."""
    events.configure("info", "text")
    structlog.get_logger().warning("mail.quarantined", mail="m-1")
    logging.getLogger("uvicorn.error").error("no")
    ours, library = lines(capsys)
    for line, rest in ((ours, "level=warning event=mail.quarantined mail=m-1"), (library, "level=error event=no")):
        assert line.startswith("timestamp=2")
        assert line.split(" ", 1)[1].startswith(rest)
    assert library.endswith("logger=uvicorn.error")


@pytest.mark.parametrize(
    ("level", "told"),
    [("debug", "diwe"), ("info", "iwe"), ("warning", "we"), ("error", "e")],
)
def test_a_level_is_that_and_what_is_worse(
    level: Literal["debug", "info", "warning", "error"], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Libraries speak from warnings on, whatever is set."""
    events.configure(level, "text")
    log = structlog.get_logger()
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(f"ours-{name}")
        getattr(logging.getLogger("lib"), name)(f"lib-{name}")
    text = "\n".join(lines(capsys))
    for name in ("debug", "info", "warning", "error"):
        assert (f"ours-{name}" in text) == (name[0] in told)
        assert (f"lib-{name}" in text) == (name[0] in told and name in {"warning", "error"})


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_is_told_without_its_text(
    form: Literal["text", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its text may quote a mail: type and place are enough to find it."""
    events.configure("info", form)

    def inner() -> None:
        canary = "CANARY-of-a-mail"
        raise ValueError(canary)

    try:
        inner()
    except ValueError as error:
        structlog.get_logger().exception("worker.failed")
        structlog.get_logger().error("worker.failed", exc_info=error)
        logging.getLogger("asyncio").exception("Task failed")
    structlog.get_logger().exception("without one")
    found = lines(capsys)
    assert len(found) == 4
    assert not any("CANARY" in line for line in found)
    for line in found[:3]:
        assert "ValueError" in line
        assert line.count("test_events.py:") == 2


def test_to_configure_again_does_not_double_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """One handler for libraries, the newest."""
    events.configure("info", "text")
    events.configure("info", "json")
    logging.getLogger("lib").warning("once")
    (line,) = lines(capsys)
    assert json.loads(line)["event"] == "once"


def test_every_word_of_a_line_is_a_pair(capsys: pytest.CaptureFixture[str]) -> None:
    """Truth and untruth are values, not a name alone."""
    events.configure("info", "text")
    structlog.get_logger().info("delivery.ended", recorded=True, late=False)
    (line,) = lines(capsys)
    assert "recorded=true" in line
    assert "late=false" in line
