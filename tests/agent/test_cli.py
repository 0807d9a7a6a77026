"""The command line: quick to start, plain about mistakes, never a traceback for one that can be mended."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner, Result

from agent.cli import app
from agent.version import VERSION
from tests.agent.postroom import free_port

HOUSE = Path(__file__).parents[2]
PLAYBOOK = Path(__file__).parent / "playbook"
HEAVY = ("pydantic", "asyncio", "ssl", "rich", "sqlalchemy", "starlette", "uvicorn", "aiosmtpd", "cryptography")
COMMANDS: dict[str, list[str]] = {
    "serve": [],
    "check": [],
    "breaker status": [],
    "breaker close": [],
    "breaker open": ["--reason", "no"],
    "review list": [],
    "review show": ["x"],
    "review approve": ["x"],
    "review edit": ["x"],
    "review write": ["x"],
    "review reject": ["x", "--reason", "no"],
    "review close": ["x", "--reason", "no"],
    "review retry": ["x"],
    "review raw": ["x"],
    "runs list": [],
    "runs show": ["x"],
    "runs cancel": ["x", "--reason", "no"],
    "runs retry": ["x"],
    "replay": ["x"],
    "policy list": [],
    "policy diff": ["x"],
    "policy test": ["x.toml"],
    "audit verify": [],
    "explain": ["x"],
    "pause": [],
    "resume": [],
    "resolve": ["x", "sent"],
    "send-test": [],
    "simulate": ["postmark", "x.eml"],
    "canary": ["--status"],
    "dkim show": [],
    "doctor": [],
    "triage": ["--dry-run"],
    "spam list": [],
    "spam release": ["x"],
    "people list": [],
    "people invite": ["ruth"],
    "people role": ["ruth", "viewer"],
    "people reset": ["ruth"],
    "people disable": ["ruth"],
    "people enable": ["ruth"],
    "suppress list": [],
    "suppress add": ["ann@customer.example"],
    "suppress remove": ["ann@customer.example"],
    "suppress export": [],
    "suppress import": ["x.csv"],
    "export": ["ann@customer.example"],
    "forget": ["ann@customer.example"],
}
"""Every command that reads a configuration, with arguments that it takes."""
OTHERS = ("demo", "dkim new")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        f"[listener]\nport = {free_port()}\n[desk]\nport = {free_port()}\n"
        f'[[mailbox]]\naddress = "support@shop.example"\naliases = ["help@shop.example"]\nplaybook = "{PLAYBOOK}"\n'
    )
    return path


def ran(*words: str, config: Path | None = None, environ: dict[str, str] | None = None) -> Result:
    """What a command did; an exception that it let through is raised here."""
    options = ["--config", str(config)] if config else []
    result = CliRunner().invoke(app, [*words, *options], env=environ)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(result: Result, code: int) -> str:
    """The one line on standard error of a command that ended with this code."""
    assert result.exit_code == code, result.output
    (line,) = result.stderr.splitlines()
    return line


def commands(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, f"{above}{name} ")
        else:
            yield f"{above}{name}", one


def test_help_names_every_command_and_cuts_none_short() -> None:
    """The first line of each says it all in the width of a terminal."""
    for words in ([], ["review"]):
        result = ran(*words, "--help")
        assert result.exit_code == 0
        assert "..." not in result.output.replace("[ARGS]...", "")
    assert {name for name, _ in commands(typer.main.get_command(app))} == {*COMMANDS, *OTHERS}


@pytest.mark.parametrize("name", [*COMMANDS, *OTHERS])
def test_every_command_and_option_says_what_it_is(name: str) -> None:
    command = dict(commands(typer.main.get_command(app)))[name]
    assert command.help
    assert [one.name for one in command.params if not one.help] == []
    result = ran(*name.split(), "-h")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: postroom {name}")


def test_help_loads_nothing_heavy() -> None:
    """It starts in a tenth of a second, because commands import what they need when they run."""
    script = (
        "import json, sys\nfrom agent.cli import main\nsys.argv = ['postroom', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    print('\\n' + json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=HOUSE)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "agent.cli" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_check_loads_neither_database_nor_web() -> None:
    """It reads two kinds of files and should not make one wait."""
    script = (
        "import json, sys\nfrom agent.cli import main\nsys.argv = ['postroom', 'check']\n"
        "try:\n    main()\nexcept SystemExit:\n    print('\\n' + json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=HOUSE)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "agent.check" in loaded
    assert loaded.isdisjoint({"asyncio", "sqlalchemy", "starlette", "uvicorn", "aiosmtpd", "cryptography"})


def test_the_version_is_told() -> None:
    assert ran("--version").output == f"postroom {VERSION}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_mistake_in_the_configuration_ends_every_command_with_2(name: str, tmp_path: Path) -> None:
    """One plain line for each mistake on standard error, and nothing was done."""
    path = tmp_path / "config.toml"
    path.write_text(f'[[mailbox]]\naddress = "support@shop.example"\nplaybok = "{PLAYBOOK}"\nplaybook = "x"\n')
    line = refused(ran(*name.split(), *COMMANDS[name], config=path), 2)
    assert line == f"{path}: mailbox.playbok (mailbox 1): unknown key; did you mean 'playbook'?"
    assert [one.name for one in tmp_path.iterdir()] == ["config.toml"]


def test_an_absent_configuration_names_the_option(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert refused(ran("check", config=path), 2) == f"{path}: there is no such file; `--config` names another one"


def test_the_environment_names_the_configuration_and_the_option_wins(config: Path, tmp_path: Path) -> None:
    environ = {"POSTROOM_CONFIG": str(tmp_path / "none.toml")}
    assert "none.toml" in refused(ran("check", environ=environ), 2)
    assert ran("check", config=config, environ=environ).exit_code == 0
    assert ran("check", environ={"POSTROOM_CONFIG": str(config)}).output.endswith(f"{config}: sound\n")


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["check", "--nope"],
        ["resolve", "x"],
        ["resolve", "x", "maybe"],
        ["review", "reject", "x"],
        ["review", "show"],
        ["pause", "a", "b"],
    ],
)
def test_usage_that_is_not_understood_ends_with_2(words: list[str]) -> None:
    """On standard error; nothing is read or done."""
    result = ran(*words)
    assert result.exit_code == 2
    assert "Usage: postroom" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_role_that_there_is_not_ends_with_2(config: Path) -> None:
    """Nothing is started, and the line names the roles that there are."""
    result = ran("serve", "--role", "door,dor", config=config)
    assert result.exit_code == 2
    assert result.stderr == "--role: there is no role 'dor'; there are door, worker, sender, desk\n"


def test_review_of_nothing_is_not_a_mistake(config: Path) -> None:
    result = ran("review", "list", config=config)
    assert result.exit_code == 0
    assert result.output == "0 drafts wait, 0 mails need a person.\n"


@pytest.mark.parametrize(
    "words",
    [
        ["review", "show", "nothing"],
        ["review", "approve", "nothing"],
        ["review", "edit", "nothing"],
        ["review", "reject", "nothing", "--reason", "no"],
        ["explain", "nothing"],
        ["resolve", "nothing", "sent"],
    ],
)
def test_an_id_that_is_not_there_ends_with_1(config: Path, words: list[str]) -> None:
    assert "nothing" in refused(ran(*words, config=config), 1)


def test_pause_and_resume(config: Path) -> None:
    """By address or alias, or everything; what was not paused cannot be resumed."""
    assert "Paused: all sending" in ran("pause", config=config).output
    assert "Was paused already: all sending" in ran("pause", config=config).output
    assert "Sending goes on: everywhere" in ran("resume", config=config).output
    assert refused(ran("resume", config=config), 1) == "all sending was not paused"
    assert "Paused: help@shop.example" in ran("pause", "help@shop.example", config=config).output
    assert "Was paused already" in ran("pause", "support@shop.example", config=config).output
    assert "is no mailbox of the configuration" in refused(ran("pause", "x@y.example", config=config), 1)


def test_a_test_mail_without_a_service_says_how_to_start_it(config: Path) -> None:
    assert "Is `postroom serve` running?" in refused(ran("send-test", config=config), 1)


def test_data_that_cannot_be_written_is_one_line(config: Path, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "taken").write_text("")
    config.write_text(f'[postroom]\ndata_dir = "taken/data"\n{config.read_text()}')
    assert refused(ran("review", "list", config=config), 1) == f"{tmp_path / 'taken' / 'data'}: Not a directory"


def test_a_busy_port_names_itself_and_the_setting(config: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = config.read_text().splitlines()
        config.write_text("\n".join([*text[:3], f"port = {port}", *text[4:]]))
        line = refused(ran("serve", config=config), 1)
    assert str(port) in line
    assert "[desk] port" in line


def test_a_broken_playbook_stops_serve_before_any_port_opens(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text().replace(str(PLAYBOOK), str(tmp_path / "none")))
    assert "there is no playbook" in refused(ran("serve", config=config), 1)


def test_people_are_invited_reset_and_disabled(config: Path) -> None:
    """A link once for each, listed with what they may; who is not there, and a mailbox that is none, are told."""

    def link(*words: str) -> str:
        result = ran("people", *words, config=config)
        assert (result.exit_code, result.stderr) == (0, "")
        return result.output.splitlines()[-1]

    first = link("invite", "ruth", "--mailbox", "support@shop.example")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/link/[\w-]{32}", first)
    assert ran("people", "list", config=config).output == "ruth  reviewer of support@shop.example  invited\n"
    assert "already" in refused(ran("people", "invite", "RUTH", config=config), 1)
    assert "no mailbox" in refused(ran("people", "invite", "x", "--mailbox", "y@z.example", config=config), 1)
    assert ran("people", "role", "ruth", "admin", config=config).exit_code == 0
    assert link("reset", "ruth") != first
    assert ran("people", "disable", "ruth", config=config).exit_code == 0
    assert ran("people", "list", config=config).output == "ruth  admin of all mailboxes  disabled\n"
    assert "nobody" in refused(ran("people", "reset", "ruth", config=config), 1)
    assert link("enable", "ruth").startswith("http")
    assert "nobody" in refused(ran("people", "disable", "paul", config=config), 1)
