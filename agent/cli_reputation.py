"""The command line's words about our good name: `postroom breaker`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.command_line import HERE, By, ConfigPath, configured, me, run

breaker = typer.Typer(
    help="Look at the breaker; open or close it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@breaker.command("status")
def breaker_status(config: ConfigPath = HERE) -> None:
    """Tell how the breaker stands, and what keeps each mailbox's replies.

    Exits with 1 where replies that nobody saw are kept back.
    """
    settings = configured(config)
    from agent import reputation_commands

    run(lambda: reputation_commands.status(settings))


@breaker.command("close")
def breaker_close(config: ConfigPath = HERE, by: By = "") -> None:
    """Let replies leave unseen again, before its rest is over."""
    settings = configured(config)
    from agent import reputation_commands

    run(lambda: reputation_commands.close(settings, by or me()))


@breaker.command("open")
def breaker_open(
    reason: Annotated[str, typer.Option(help="Why; it is shown to people, and stays in the audit.")],
    config: ConfigPath = HERE,
    by: By = "",
) -> None:
    """Let every reply wait for a person."""
    settings = configured(config)
    from agent import reputation_commands

    run(lambda: reputation_commands.trip(settings, by or me(), reason))
