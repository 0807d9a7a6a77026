"""Commands about spam."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.command_line import HERE, By, ConfigPath, configured, me, run

spam = typer.Typer(help="Look through mail that was put aside as spam.", no_args_is_help=True, rich_markup_mode=None)


@spam.command("list")
def spam_list(
    last: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 100,
    config: ConfigPath = HERE,
) -> None:
    """List what was put aside, and who said why."""
    settings = configured(config)
    from agent import spam_commands

    run(lambda: spam_commands.listed(settings, last))


@spam.command("release")
def spam_release(
    mails: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of mails that are no spam.")],
    config: ConfigPath = HERE,
    by: By = "",
) -> None:
    """Say that a mail is no spam: it is worked on like any other."""
    settings = configured(config)
    from agent import spam_commands

    run(lambda: spam_commands.release(settings, mails, by or me()))
