"""Errors that an operator can mend: told in one line, without a traceback."""

from agent.config import ConfigError
from agent.credentials import NoPatternsError
from agent.keys import KeyFileError
from agent.playbook import PlaybookError
from agent.store.database import DatabaseError
from agent.web.server import DeskPortBusyError
from inbound.listener import CannotListenError
from outbound.dkim import DkimKeyError


class DemoError(Exception):
    """The demo cannot go on; the message says what to do."""


MISTAKES = (
    CannotListenError,
    ConfigError,
    DatabaseError,
    DemoError,
    DeskPortBusyError,
    DkimKeyError,
    KeyFileError,
    NoPatternsError,
    PlaybookError,
)
