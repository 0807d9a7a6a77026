"""Commands about signing keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.command_line import HERE, ConfigPath, configured

dkim = typer.Typer(help="Make keys that sign replies; show DNS records.", no_args_is_help=True, rich_markup_mode=None)


@dkim.command("new")
def dkim_new(
    domain: Annotated[str, typer.Argument(help="That signs: the domain of the mailboxes, or one above it.")],
    folder: Annotated[Path, typer.Option(help="Where the keys are written.")] = Path("secrets"),
    selector: Annotated[str, typer.Option(help="Beginning of both selectors; dated by default.")] = "",
) -> None:
    """Make an RSA and an Ed25519 key; print what to publish."""
    from agent.dkim_commands import new

    raise typer.Exit(new(domain, folder, selector))


@dkim.command("show")
def dkim_show(config: ConfigPath = HERE) -> None:
    """Print the DNS records of the configured keys."""
    settings = configured(config)
    from agent.dkim_commands import show

    raise typer.Exit(show(settings.dkim))
