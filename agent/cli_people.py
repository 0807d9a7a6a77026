"""Commands about people: their data, and who gets nothing any more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.command_line import HERE, By, ConfigPath, configured, me, run


def export_(
    address: Annotated[str, typer.Argument(help="Whose mail.")],
    config: ConfigPath = HERE,
) -> None:
    """Print all that is known of a person, a JSON line a mail."""
    settings = configured(config)
    from agent import person_commands

    run(lambda: person_commands.export_person(settings, address))


def forget(
    address: Annotated[str, typer.Argument(help="Whose mail.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it: it cannot be undone.")] = False,
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="PostgreSQL: write its files anew (VACUUM FULL); everybody waits.")
    ] = False,
    config: ConfigPath = HERE,
) -> None:
    """Erase a person's mail and all that came of it."""
    settings = configured(config)
    from agent import person_commands

    run(lambda: person_commands.forget_person(settings, address, yes=yes, rewrite=rewrite))


suppress = typer.Typer(
    help="Look at who gets nothing any more; change it.", no_args_is_help=True, rich_markup_mode=None
)


@suppress.command("list")
def suppress_list(config: ConfigPath = HERE) -> None:
    """List addresses, with why and since when."""
    settings = configured(config)
    from agent import suppress_commands

    run(lambda: suppress_commands.listed(settings))


@suppress.command("add")
def suppress_add(
    address: Annotated[str, typer.Argument(help="Who is to get nothing.")],
    reason: Annotated[str, typer.Option(help="Why; stays in the list.")] = "",
    config: ConfigPath = HERE,
    by: By = "",
) -> None:
    """Send nothing to an address any more."""
    settings = configured(config)
    from agent import suppress_commands

    run(lambda: suppress_commands.add(settings, address, reason, by or me()))


@suppress.command("remove")
def suppress_remove(
    address: Annotated[str, typer.Argument(help="Who may get mail again.")], config: ConfigPath = HERE, by: By = ""
) -> None:
    """Let an address get mail again."""
    settings = configured(config)
    from agent import suppress_commands

    run(lambda: suppress_commands.remove(settings, address, by or me()))


@suppress.command("export")
def suppress_export(config: ConfigPath = HERE) -> None:
    """Print the list as CSV."""
    settings = configured(config)
    from agent import suppress_commands

    run(lambda: suppress_commands.export(settings))


@suppress.command("import")
def suppress_import(
    file: Annotated[Path, typer.Argument(help="CSV, addresses in the first column; or one a line.")],
    config: ConfigPath = HERE,
    by: By = "",
) -> None:
    """Take addresses in from a file."""
    settings = configured(config)
    from agent import suppress_commands

    run(lambda: suppress_commands.import_(settings, file, by or me()))
