"""How logs look, ours and those of libraries: one structured line an event, with ids and no bodies.

Rules:
- No value can start a line of its own or colour the terminal: control characters are escaped.
- Of an exception its type and place are told, never its text or its locals: they may quote a mail, or a secret.
- A library speaks from warnings on, in the same form.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

Event = MutableMapping[str, Any]


def _fault(_: Any, __: str, event: Event) -> Event:
    """Put type and place of an exception where its traceback would stand."""
    given = event.pop("exc_info", None)
    error = sys.exception() if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["fault"] = type(error).__name__
        event["at"] = _place(error.__traceback__)
    return event


def _place(trace: TracebackType | None) -> str:
    """The innermost frames, the deepest first: `tables.py:12 < mails.py:40`."""
    frames = traceback.extract_tb(trace)[-4:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))


def _escaped(_: Any, __: str, event: Event) -> Event:
    for name, value in event.items():
        if value is None or isinstance(value, bool | int | float):
            continue
        text = str(value)
        event[name] = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return event


class _Library(logging.Handler):
    """Writes a library's record in the same form as our own events."""

    def __init__(self, processors: list[Any]) -> None:
        super().__init__()
        self._processors = processors

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            "exc_info": record.exc_info,
        }
        for process in self._processors:
            event = process(None, "", event)
        sys.stderr.write(f"{event}\n")
        sys.stderr.flush()


def configure(level: Literal["debug", "info", "warning", "error"], form: Literal["text", "json"]) -> None:
    """Set logging up for the process; once, at start. Everything goes to standard error."""
    last: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _fault,
            _escaped,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, _Library)]:
        root.removeHandler(old)
    root.addHandler(_Library([_fault, _escaped, last]))
    root.setLevel(max(logging.WARNING, LEVELS[level]))
