"""The command line: `postroom COMMAND`.

Rules:
- Heavy modules are imported inside commands: `--help` pays for none of them, pydantic and asyncio included.
"""

from __future__ import annotations

import io
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agent import cli_doors, cli_keys, cli_people, cli_reputation, cli_spam, cli_team
from agent.command_line import HERE, By, ConfigPath, DraftId, MailId, RunId, app, configured, me, run, stop

__all__ = ["app", "main"]

Copies = Annotated[list[str] | None, typer.Option(help="An address that gets a copy; may be given again.")]
Files = Annotated[list[Path] | None, typer.Option(help="A file that goes along; may be given again.")]

review = typer.Typer(help="Look at drafts and decide on them.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(review, name="review")
runs = typer.Typer(
    help="Look at the assistant's runs; end one, or begin again.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(runs, name="runs")
policy = typer.Typer(
    help="Look at the rules, and at what others would change.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(policy, name="policy")
audit = typer.Typer(help="Verify the audit.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(audit, name="audit")


def _version(*, wanted: bool) -> None:
    if wanted:
        from agent.version import VERSION

        typer.echo(f"postroom {VERSION}")
        raise typer.Exit


@app.callback()
def _whole(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda wanted: _version(wanted=wanted),
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """A self-hosted agent for a shared mailbox. Code and people, never a prompt, decide what goes out."""


@app.command()
def serve(
    config: ConfigPath = HERE,
    role: Annotated[
        str, typer.Option(help="Run these parts alone: door, worker, sender, desk, with commas between.")
    ] = "",
) -> None:
    """Run Postroom until Ctrl-C or SIGTERM.

    The door takes mail in, workers read it and propose replies, the sender delivers what may go, the desk shows what
    waits. Prints where the desk is; until it has an owner, the one-time link that makes one.
    """
    from agent.roles import roles

    try:
        wanted = roles(role)
    except ValueError as error:
        stop(f"--role: {error}", 2)
    settings = configured(config)
    from agent import events
    from agent.serve import serve as start

    events.configure(settings.postroom.log_level, settings.postroom.log_format)
    run(lambda: start(settings, wanted))


@app.command()
def demo(once: Annotated[bool, typer.Option("--once", help="End after the table.")] = False) -> None:
    """Show the whole service at work on sample mails, offline.

    Everything it makes lies in ./data/demo, which is emptied at each start. It stays up until Ctrl-C.
    """
    from agent import events
    from agent.demo import demo as show

    events.configure("error", "text")
    run(lambda: show(once))


@app.command()
def check(config: ConfigPath = HERE) -> None:
    """Check the configuration; print what is in force.

    Playbooks, keys and certificates are read as well. Secrets are masked. Exits with 2 where something is wrong.
    """
    settings = configured(config)
    from agent.check import check as look

    raise typer.Exit(look(settings, config, os.environ))


@review.command("list")
def review_list(config: ConfigPath = HERE) -> None:
    """List what waits for a person, oldest first."""
    settings = configured(config)
    from agent import commands

    run(lambda: commands.review_list(settings))


@review.command("show")
def review_show(any_id: DraftId, config: ConfigPath = HERE) -> None:
    """Show one mail with its draft and why it waits."""
    settings = configured(config)
    from agent import commands

    run(lambda: commands.review_show(settings, any_id))


@review.command("approve")
def review_approve(
    any_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the draft that you have seen.")],
    config: ConfigPath = HERE,
    by: By = "",
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
) -> None:
    """Send a draft as it is shown."""
    settings = configured(config)
    from agent import commands

    run(lambda: commands.review_approve(settings, any_id, by or me(), reason))


@review.command("edit")
def review_edit(
    any_id: DraftId,
    config: ConfigPath = HERE,
    by: By = "",
    cc: Copies = None,
    attach: Files = None,
    take_away: Annotated[bool, typer.Option("--take-away", help="Take away the copies and files that it has.")] = False,
) -> None:
    """Write your own version in $EDITOR, or change what goes along.

    It still has to be approved.
    """
    settings = configured(config)
    from agent import commands, hand_commands

    given = hand_commands.along(cc, attach, take_away=take_away)
    if given:
        run(lambda: hand_commands.put_along(settings, any_id, by or me(), given))
    run(lambda: commands.review_edit(settings, any_id, by or me()))


@review.command("write")
def review_write(
    any_id: MailId,
    config: ConfigPath = HERE,
    by: By = "",
    text: Annotated[Path | None, typer.Option(help="A file with the text; else $EDITOR opens.")] = None,
    cc: Copies = None,
    attach: Files = None,
) -> None:
    """Answer a mail that has no draft in your own words.

    It still has to be approved.
    """
    settings = configured(config)
    from agent import hand_commands

    given = hand_commands.along(cc, attach)
    run(lambda: hand_commands.review_write(settings, any_id, by or me(), text, given))


@review.command("reject")
def review_reject(
    any_id: DraftId,
    reason: Annotated[str, typer.Option(help="Why; the run hears it, and it stays in the audit.")],
    config: ConfigPath = HERE,
    by: By = "",
) -> None:
    """Decide that a draft does not go out."""
    settings = configured(config)
    from agent import commands

    run(lambda: commands.review_reject(settings, any_id, by or me(), reason))


@review.command("close")
def review_close(
    any_id: MailId,
    reason: Annotated[str, typer.Option(help="Why; it stays in the audit.")],
    config: ConfigPath = HERE,
    by: By = "",
) -> None:
    """Want no reply of ours: answered elsewhere, spam, done. A waiting draft is rejected."""
    settings = configured(config)
    from agent import commands

    run(lambda: commands.review_close(settings, any_id, by or me(), reason))


@review.command("retry")
def review_retry(any_id: MailId, config: ConfigPath = HERE, by: By = "") -> None:
    """Begin again with a mail that a person has.

    One that is quarantined, closed or without a draft is read from its bytes as if it had just come.
    """
    settings = configured(config)
    from agent import commands

    run(lambda: commands.review_retry(settings, any_id, by or me()))


@review.command("raw")
def review_raw(any_id: MailId, config: ConfigPath = HERE) -> None:
    """Write a mail's bytes as they came to standard output.

    Use it as `postroom review raw ID > mail.eml`.
    """
    settings = configured(config)
    from agent import commands

    run(lambda: commands.review_raw(settings, any_id))


@runs.command("list")
def runs_list(
    config: ConfigPath = HERE,
    ended: Annotated[bool, typer.Option("--ended", help="Those that ended, instead of the open ones.")] = False,
) -> None:
    """List the assistant's runs: who it is about, where it stands and why."""
    settings = configured(config)
    from agent import run_commands

    run(lambda: run_commands.runs_list(settings, ended=ended))


@runs.command("show")
def runs_show(any_id: RunId, config: ConfigPath = HERE) -> None:
    """Show each turn: what was called, what was answered, what it cost."""
    settings = configured(config)
    from agent import run_commands

    run(lambda: run_commands.runs_show(settings, any_id))


@runs.command("cancel")
def runs_cancel(
    any_id: RunId,
    reason: Annotated[str, typer.Option(help="Why; it stays in the audit.")],
    config: ConfigPath = HERE,
    by: By = "",
) -> None:
    """End an open run. Its mail is a person's then."""
    settings = configured(config)
    from agent import run_commands

    run(lambda: run_commands.runs_cancel(settings, any_id, by or me(), reason))


@runs.command("retry")
def runs_retry(any_id: RunId, config: ConfigPath = HERE, by: By = "") -> None:
    """Begin again with the mail of a run that ended."""
    settings = configured(config)
    from agent import run_commands

    run(lambda: run_commands.runs_retry(settings, any_id, by or me()))


@app.command()
def replay(
    any_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a mail, draft or run.")], config: ConfigPath = HERE
) -> None:
    """Decide again on a mail, without a model.

    The stored answers of the model meet today's code, rules and facts; nothing is sent. Exits with 1 where a decision
    differs.
    """
    settings = configured(config)
    from agent import run_commands

    run(lambda: run_commands.replay_mail(settings, any_id))


@policy.command("list")
def policy_list(config: ConfigPath = HERE) -> None:
    """List every rule, what it protects, and whether it can be passed over."""
    settings = configured(config)
    from agent import policy_commands

    run(lambda: policy_commands.policy_list(settings))


@policy.command("test")
def policy_test(
    file: Annotated[Path, typer.Argument(help="Golden cases in TOML, as fixtures/policy/golden.toml has them.")],
    config: ConfigPath = HERE,
) -> None:
    """Decide golden cases; tell which are decided otherwise."""
    settings = configured(config)
    from agent import policy_commands

    run(lambda: policy_commands.policy_test(settings, file))


@policy.command("diff")
def policy_diff(
    new: Annotated[Path, typer.Argument(metavar="NEW.toml", help="The configuration to compare with.")],
    config: ConfigPath = HERE,
    last: Annotated[int, typer.Option(help="How many of the last mails to decide again.", min=1, max=100_000)] = 500,
) -> None:
    """Show which decisions another configuration would change.

    The last mails are decided again under both, without a model; nothing is sent. Exits with 1 where one differs.
    """
    settings = configured(config)
    from agent import policy_commands

    run(lambda: policy_commands.policy_diff(settings, new, last))


@audit.command("verify")
def audit_verify(config: ConfigPath = HERE) -> None:
    """Verify the whole audit, and what it speaks of.

    Exits with 1 where a row, a text, a mail or the end of a chain is not what it was.
    """
    settings = configured(config)
    from agent import policy_commands

    run(lambda: policy_commands.audit_verify(settings))


@app.command()
def explain(
    any_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a mail, draft, run or delivery.")],
    config: ConfigPath = HERE,
) -> None:
    """Tell the whole story of one mail, and verify its audit.

    It is told from the database alone. Exits with 1 where the chain of the audit is broken.
    """
    settings = configured(config)
    from agent import commands

    run(lambda: commands.explain(settings, any_id))


Scope = Annotated[str, typer.Argument(metavar="[MAILBOX]", help="One mailbox; all of them where it is left out.")]


@app.command()
def pause(mailbox: Scope = "", config: ConfigPath = HERE, by: By = "") -> None:
    """Stop every send before its next attempt; nothing is lost."""
    settings = configured(config)
    from agent import commands

    run(lambda: commands.pause(settings, mailbox, by or me()))


@app.command()
def resume(mailbox: Scope = "", config: ConfigPath = HERE, by: By = "") -> None:
    """Let sending go on."""
    settings = configured(config)
    from agent import commands

    run(lambda: commands.resume(settings, mailbox, by or me()))


class Outcome(StrEnum):
    SENT = "sent"
    RESEND = "resend"


@app.command()
def resolve(
    any_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the delivery in doubt, or of its mail.")],
    outcome: Annotated[Outcome, typer.Argument(help="`sent`: it arrived. `resend`: try again.")],
    config: ConfigPath = HERE,
    by: By = "",
) -> None:
    """Say what became of a delivery in doubt.

    A delivery is in doubt where the connection broke before the answer: only the recipient can tell.
    """
    settings = configured(config)
    from agent import commands

    run(lambda: commands.resolve(settings, any_id, outcome.value, by or me()))


app.command()(cli_doors.triage)
app.command()(cli_doors.doctor)
app.command("send-test")(cli_doors.send_test)
app.command()(cli_doors.simulate)
app.command()(cli_doors.canary)
app.command("export")(cli_people.export_)
app.command()(cli_people.forget)
app.add_typer(cli_keys.dkim, name="dkim")
app.add_typer(cli_team.people, name="people")
app.add_typer(cli_people.suppress, name="suppress")
app.add_typer(cli_spam.spam, name="spam")
app.add_typer(cli_reputation.breaker, name="breaker")


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter of a mail shows the rest
    app()
