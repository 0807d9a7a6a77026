"""From config.toml to the model server: which model is taken, that it is asked, and that its connections end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.check import notes
from agent.config import Config, load
from agent.models.openai import OpenAIModel
from agent.serve import assemble, build, opened, running
from agent.states import MailStatus
from agent.store import mails
from inbound.contracts import Envelope
from inbound.resolver import StaticZone
from outbound.couriers.registry import open_courier
from tests.agent.models.model_server import Dialect, model_server
from tests.agent.models.scripts import both, in_turn, text
from tests.agent.postroom import HERE, HOURS, START, SUPPORT
from tests.agent.stores import lay_for

HOUSE = Path(__file__).parents[3]


def written(folder: Path, model: str) -> Path:
    path = folder / "config.toml"
    path.write_text(
        f'{model}\n[listener]\nport = 0\n[desk]\nport = 0\n[[mailbox]]\naddress = "{SUPPORT}"\n'
        f'playbook = "{HERE / "playbook"}"\n'
    )
    return path


async def _person(config: Config, raw: bytes) -> None:
    """Run the service until this mail is a person's."""
    await lay_for(config)
    async with opened(config) as database:
        parts = build(config, database=database, resolver=StaticZone({}))
        service = assemble(parts, open_courier(config.courier))
        async with running(service), asyncio.timeout(30):
            envelope = Envelope(
                door="smtp", mail_from="a@b.example", rcpt_to=(SUPPORT,), peer="127.0.0.1", helo="x", received_at=START
            )
            mail_id = (await service.intake.accept(raw, envelope)).mail_id
            status = None
            while status is not MailStatus.PERSON:
                async with database.read() as tx:
                    mail = await mails.get(tx, mail_id)
                status = mail.status if mail else None
                await asyncio.sleep(0.02)
            assert isinstance(parts.model, OpenAIModel)
            client = parts.model._client
        assert client is not None
        assert client.is_closed()


@both
async def test_a_service_asks_the_server_that_its_configuration_names(tmp_path: Path, dialect: Dialect) -> None:
    """With the key of the environment; its client is closed when the service ends."""
    async with model_server(dialect, in_turn(text("A person is needed."))) as server:
        model = f'[model]\nname = "own"\nbase_url = "http://127.0.0.1:{server.port}/v1"\ndialect = "{dialect}"'
        config = load(written(tmp_path, model), {"OPENAI_API_KEY": "sk-environment"})
        await _person(config, f"From: a@b.example\r\nTo: {SUPPORT}\r\nSubject: x\r\n\r\n{HOURS}\r\n".encode())
        assert [body["model"] for body in server.requests] == ["own", "own"]
        assert set(server.keys) == {"Bearer sk-environment"}


@pytest.mark.parametrize(
    ("model", "environ", "said"),
    [
        ("", {}, "the model is the playbook"),
        ("", {"OPENAI_API_KEY": ""}, "the model is the playbook"),
        ("", {"OPENAI_API_KEY": "sk-x"}, "the model is gpt-5-mini at OpenAI (responses)"),
        ('[model]\nkind = "playbook"', {"OPENAI_API_KEY": "sk-x"}, "the model is the playbook"),
        (
            '[model]\nbase_url = "http://localhost:11434/v1"\nname = "q"\ndialect = "chat"',
            {},
            "the model is q at http://localhost:11434/v1 (chat)",
        ),
    ],
)
def test_the_choice_is_told(tmp_path: Path, model: str, environ: dict[str, str], said: str) -> None:
    """`auto` takes a server where a key or a base_url is set; `check` says which, and where mail travels."""
    config = load(written(tmp_path, model), environ)
    assert any(note.startswith(said) for note in notes(config, {}, environ))
    assert ("the text of each mail is sent there" in "\n".join(notes(config, {}, environ))) is ("playbook" not in said)


def test_the_demo_takes_the_playbook_whatever_is_set() -> None:
    """Not even a key in the environment makes it call anybody."""
    assert load(HOUSE / "fixtures" / "demo.toml", {"OPENAI_API_KEY": "sk-x"}).model.chosen == "playbook"


def test_a_key_in_a_file_is_read_and_never_told(tmp_path: Path) -> None:
    """`api_key_file`, as with other secrets; it stands in no printed configuration."""
    (tmp_path / "key").write_text("sk-from-file\n")
    config = load(written(tmp_path, '[model]\napi_key_file = "key"'), {})
    assert config.model.api_key.get_secret_value() == "sk-from-file"
    assert "sk-from-file" not in str(config) + repr(config.model)


@pytest.mark.parametrize("command", ["--help", "check"])
def test_looking_loads_no_client(tmp_path: Path, command: str) -> None:
    """The SDK is half a second of imports, which only who asks a model pays."""
    path = written(tmp_path, '[model]\nbase_url = "http://127.0.0.1:9/v1"')
    script = (
        f"import json, sys\nfrom agent.cli import main\nsys.argv = ['postroom', {command!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    print('\\n' + json.dumps(sorted(sys.modules)))\n"
    )
    environ = {"POSTROOM_CONFIG": str(path), "OPENAI_API_KEY": "sk-x"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=HOUSE, env=environ
    )
    assert set(json.loads(done.stdout.splitlines()[-1])).isdisjoint({"openai", "httpx2"})


@both
async def test_a_service_is_up_when_it_can_ask(tmp_path: Path, dialect: Dialect) -> None:
    """What the SDK imports takes a second: before the doors open, not while the first mail holds them up."""
    config = load(written(tmp_path, f'[model]\nbase_url = "http://127.0.0.1:9/v1"\ndialect = "{dialect}"'), {})
    await lay_for(config)
    async with opened(config) as database:
        service = assemble(build(config, database=database, resolver=StaticZone({})), open_courier(config.courier))
        async with running(service):
            model = service.parts.model
            assert isinstance(model, OpenAIModel)
            assert ("chat" if dialect == "chat" else "responses") in vars(model._client)


async def test_parts_that_ask_nobody_open_nothing(tmp_path: Path) -> None:
    """Every command that looks at drafts builds the parts, and leaves them without closing."""
    config = load(written(tmp_path, '[model]\nbase_url = "http://127.0.0.1:9/v1"'), {})
    await lay_for(config)
    async with opened(config) as database:
        model = build(config, database=database).model
        assert isinstance(model, OpenAIModel)
        assert model._client is None
        await model.close()
