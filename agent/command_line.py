"""What every command of `postroom` shares: the application, its usual options, how a mistake is told.

Rules:
- An expected mistake is one plain line on standard error: exit 2 for usage and configuration, 1 for refused or not
  found.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from agent.config import Config

app = typer.Typer(
    name="postroom",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
ConfigPath = Annotated[
    Path, typer.Option("--config", "-c", envvar="POSTROOM_CONFIG", help="The configuration to use.", show_default=True)
]
By = Annotated[str, typer.Option("--by", help="Who decides; stays in the audit. Default: your log-in name.")]
DraftId = Annotated[str, typer.Argument(metavar="ID", help="Id of a draft, or of its mail.")]
MailId = Annotated[str, typer.Argument(metavar="ID", help="Id of a mail, or of one of its drafts.")]
RunId = Annotated[str, typer.Argument(metavar="ID", help="Id of a run, or of its mail.")]
HERE = Path("config.toml")


def me() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def configured(path: Path) -> Config:
    from agent.config import ConfigError, load

    try:
        return load(path, os.environ)
    except ConfigError as error:
        stop(str(error), 2)


def stop(text: str, code: int) -> NoReturn:
    print(text, file=sys.stderr)  # noqa: T201 (the command line's own voice)
    raise typer.Exit(code)


def run(work: Callable[[], Awaitable[int]]) -> None:
    """Run a command to its exit code; what an operator can mend is one line, not a traceback."""
    import asyncio

    async def whole() -> int:
        return await work()

    try:
        code = asyncio.run(whole())
    except BaseException as error:
        from agent.mistakes import MISTAKES
        from agent.store.database import is_unavailable

        first = error
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        if isinstance(first, MISTAKES):
            stop(str(first), 1)
        if isinstance(first, OSError) and first.filename and first.strerror:
            stop(f"{first.filename}: {first.strerror}", 1)
        if isinstance(first, Exception) and is_unavailable(first):
            stop("the database is busy or cannot be written now; try again in a moment", 1)
        raise
    raise typer.Exit(code)
