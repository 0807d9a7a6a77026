"""Commands about one person's data."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.command_line import HERE, ConfigPath, configured, run


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
    config: ConfigPath = HERE,
) -> None:
    """Erase a person's mail and all that came of it."""
    settings = configured(config)
    from agent import person_commands

    run(lambda: person_commands.forget_person(settings, address, yes=yes))
