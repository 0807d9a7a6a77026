"""Commands about the people of the desk: `postroom people`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from agent.command_line import HERE, By, ConfigPath, configured, me, run

people = typer.Typer(
    help="Look at who may use the desk; invite, reset, disable.", no_args_is_help=True, rich_markup_mode=None
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="As they log in.")]
Boxes = Annotated[
    list[str] | None, typer.Option("--mailbox", help="Whose mail they see; say it again for more. Default: all.")
]


class RoleName(StrEnum):
    VIEWER = "viewer"
    REVIEWER = "reviewer"
    ADMIN = "admin"


@people.command("list")
def people_list(config: ConfigPath = HERE) -> None:
    """List people, with what they may."""
    settings = configured(config)
    from agent import team_commands

    run(lambda: team_commands.listed(settings))


@people.command("invite")
def people_invite(
    name: Name,
    role: Annotated[RoleName, typer.Option(help="A viewer sees, a reviewer decides, an admin says who else may.")] = (
        RoleName.REVIEWER
    ),
    mailbox: Boxes = None,
    config: ConfigPath = HERE,
    by: By = "",
) -> None:
    """Print a one-time link by which somebody sets a password."""
    settings = configured(config)
    from agent import team_commands

    run(lambda: team_commands.invite(settings, name, role.value, mailbox or ["*"], by or me()))


@people.command("role")
def people_role(
    name: Name,
    role: Annotated[RoleName, typer.Argument(help="viewer, reviewer or admin.")],
    mailbox: Boxes = None,
    config: ConfigPath = HERE,
    by: By = "",
) -> None:
    """Give somebody another role and mailboxes; they have to log in again."""
    settings = configured(config)
    from agent import team_commands

    run(lambda: team_commands.give(settings, name, role.value, mailbox or ["*"], by or me()))


@people.command("reset")
def people_reset(name: Name, config: ConfigPath = HERE, by: By = "") -> None:
    """Take password and codes away; print a link to set them anew."""
    settings = configured(config)
    from agent import team_commands

    run(lambda: team_commands.reset(settings, name, by or me()))


@people.command("disable")
def people_disable(name: Name, config: ConfigPath = HERE, by: By = "") -> None:
    """Let somebody in no more, at once."""
    settings = configured(config)
    from agent import team_commands

    run(lambda: team_commands.disable(settings, name, by or me()))


@people.command("enable")
def people_enable(name: Name, config: ConfigPath = HERE, by: By = "") -> None:
    """Print a link by which a disabled person comes back."""
    settings = configured(config)
    from agent import team_commands

    run(lambda: team_commands.enable(settings, name, by or me()))
