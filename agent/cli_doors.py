"""Commands that try the doors: a test mail, a webhook, a canary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.command_line import HERE, ConfigPath, configured, run, stop


def send_test(
    to: Annotated[str, typer.Argument(metavar="[TO]", help="One of our addresses; the first mailbox by default.")] = "",
    config: ConfigPath = HERE,
) -> None:
    """Hand a test mail to the running door."""
    settings = configured(config)
    from agent import commands

    run(lambda: commands.send_test(settings, to or settings.mailboxes[0].address))


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        stop(f"{path}: {error.strerror}", 1)


def simulate(
    provider: Annotated[str, typer.Argument(help="In whose clothes: postmark, mailgun-parsed, ses, raw and others.")],
    mail: Annotated[Path, typer.Argument(help="The mail, an .eml file.")],
    to: Annotated[str, typer.Option(help="URL of the webhook; the running one by default.")] = "",
    key: Annotated[Path | None, typer.Option(help="Private key in PEM: SendGrid's policy, Postal, SES.")] = None,
    config: ConfigPath = HERE,
) -> None:
    """Post a mail as an inbound provider would, rightly signed."""
    settings = configured(config)
    from agent.simulate import simulate as post

    run(lambda: post(settings, provider, _bytes_of(mail), to, key))


def canary(
    status: Annotated[bool, typer.Option("--status", help="Only tell what came in; send nothing.")] = False,
    config: ConfigPath = HERE,
) -> None:
    """Send a marked mail through each [[canary]], or tell."""
    settings = configured(config)
    from agent.canary_commands import sing

    run(lambda: sing(settings, only_tell=status))


def doctor(
    domain: Annotated[
        str, typer.Argument(metavar="[DOMAIN]", help="One domain; those of all mailboxes by default.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    config: ConfigPath = HERE,
) -> None:
    """Look at DNS, disk, ports and servers; say what to set."""
    settings = configured(config)
    from agent.doctor.examine import doctor as look

    run(lambda: look(settings, domain, as_json=as_json))


def triage(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what the rules would do to stored mail.")] = False,
    last: Annotated[int, typer.Option(help="How many mails, newest first.", min=1, max=10_000)] = 100,
    config: ConfigPath = HERE,
) -> None:
    """Show what [[triage]] rules would do to stored mail."""
    settings = configured(config)
    from agent import triage_commands

    if not dry_run:
        stop("the service sorts mail as it comes; say --dry-run to see what the rules would do to stored mail", 2)
    run(lambda: triage_commands.dry_run(settings, last))
