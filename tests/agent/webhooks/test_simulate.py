"""What an operator or a developer does by hand: `postroom simulate`, and the programs in docs/webhooks.md."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from agent.config import Config
from agent.parts import Parts
from agent.serve import assemble, build, opened, running
from agent.simulate import simulate
from agent.store import mails
from inbound.webhooks.registry import NAMES, clothes
from outbound.couriers.registry import open_courier
from tests.agent.postroom import CUSTOMER, HOURS, SUPPORT, configuration
from tests.agent.stores import lay_for
from tests.inbound.webhooks import dressed
from tests.peers_node import node

DOCS = Path(__file__).parents[3] / "docs" / "webhooks.md"
MAIL = f"From: {CUSTOMER}\r\nTo: {SUPPORT}\r\nSubject: x\r\nMessage-ID: <%s@x>\r\n\r\n{HOURS}\r\n"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass
class Running:
    config: Config
    parts: Parts
    url: str

    async def stored(self) -> list[str]:
        async with self.parts.database.read() as tx:
            return [one.id for one in await mails.listing(tx, limit=100)]


@asynccontextmanager
async def started(folder: Path, *sections: dict[str, Any]) -> AsyncIterator[Running]:
    """A whole service by the machine's own clock: what is signed now is of now."""
    port = free_port()
    config = configuration(folder, webhook=list(sections), webhooks={"port": port})
    await lay_for(config)
    async with opened(config) as database:
        parts = build(config, database=database)
        async with running(assemble(parts, open_courier(config.courier))):
            yield Running(config, parts, f"http://127.0.0.1:{port}")


def trial(name: str) -> dict[str, Any]:
    """As an operator configures it to try it."""
    found = dressed.section(name)
    match name:
        case "ses":
            found["public_key"] = dressed.public(dressed.key("rsa"))
        case "resend":
            found["api_url"] = f"http://127.0.0.1:{free_port()}"
    return found


def key_file(folder: Path, kind: str) -> Path:
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = folder / f"{kind}.pem"
    file.write_bytes(dressed.key(kind).private_bytes(serialization.Encoding.PEM, form, none))
    return file


async def test_a_mail_is_posted_in_the_clothes_of_every_provider(tmp_path: Path) -> None:
    """Rightly signed: each is taken by a service as it is configured, and stored."""
    async with started(tmp_path, *map(trial, NAMES)) as it:
        for n, name in enumerate(clothes(), 1):
            kind = dressed.about(name).key
            key = key_file(tmp_path, kind) if kind else None
            assert await simulate(it.config, name, (MAIL % n).encode(), "", key) == 0, name
            assert len(await it.stored()) == n, name


@pytest.mark.parametrize(
    ("name", "section", "why"),
    [
        ("pigeon", "postmark", "cannot be simulated; there are"),
        ("mailgun", "postmark", "mailgun is not configured"),
        ("postal", "postal", "name its PEM file by --key"),
        ("ses", "ses", "set its public half"),
        ("resend", "resend", "api_url"),
        ("postmark", "postmark", "does not answer"),
    ],
)
async def test_what_cannot_be_posted_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, section: str, why: str
) -> None:
    """And what to do about it."""
    config = configuration(tmp_path, webhook=[dressed.section(section)], webhooks={"port": free_port()})
    assert await simulate(config, name, (MAIL % 1).encode(), "", None) == 1
    said = capsys.readouterr()
    assert why in " ".join((said.out + said.err).split())


def block(after: str) -> str:
    """The first program in docs/webhooks.md that holds these words."""
    blocks = re.findall(r"(?:^ {4}.*\n|^\n)+", DOCS.read_text("utf-8"), re.MULTILINE)
    found = next(one for one in blocks if after in one)
    return "\n".join(line.removeprefix("    ") for line in found.splitlines()).strip() + "\n"


async def ran(*command: str, stdin: bytes = b"") -> tuple[int, str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    out, _ = await process.communicate(stdin)
    return process.returncode or 0, out.decode()


async def test_the_script_of_the_docs_works(tmp_path: Path) -> None:
    """Ten lines, as they stand there but for the host: taken once, and again without a second mail."""
    text = block("urllib.request")
    assert len([line for line in text.splitlines() if line.strip()]) <= 10
    async with started(tmp_path, dressed.section("raw")) as it:
        script = tmp_path / "post.py"
        script.write_text(text.replace("https://mail.example.com", it.url))
        for _ in range(2):
            command = (sys.executable, str(script), dressed.STANDARD, CUSTOMER, SUPPORT)
            assert await ran(*command, stdin=(MAIL % "s").encode()) == (0, "")
        assert len(await it.stored()) == 1
        code, said = await ran(
            sys.executable, str(script), dressed.OTHER, CUSTOMER, SUPPORT, stdin=b"Subject: x\r\n\r\n"
        )
        assert code != 0
        assert "401" in said


async def test_the_script_takes_any_envelope(tmp_path: Path) -> None:
    """Each recipient is a call of its own with an id of its own; a plus or an umlaut in an address is itself."""
    async with started(tmp_path, dressed.section("raw")) as it:
        script = tmp_path / "post.py"
        script.write_text(block("urllib.request").replace("https://mail.example.com", it.url))
        paths = [CUSTOMER, "bounces+ann=x@customer.example", "jürgen@customer.example"]
        for path in paths:
            command = (sys.executable, str(script), dressed.STANDARD, path, SUPPORT)
            assert await ran(*command, stdin=(MAIL % "s").encode()) == (0, "")
        async with it.parts.database.read() as tx:
            kept = [await mails.get(tx, one) for one in await it.stored()]
        assert sorted(one.envelope["mail_from"] for one in kept if one) == sorted(paths)


HARNESS = """
import worker from "./worker.mjs";
const [url, secret, from, to] = process.argv.slice(2);
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const raw = new Blob(chunks).stream();
const message = { raw, from, to, setReject: (why) => console.log("rejected: " + why) };
await worker.email(message, { URL: url, SECRET: secret });
"""


async def test_the_worker_of_the_docs_works(tmp_path: Path) -> None:
    """As it stands there, in Node: taken; another address is rejected for good, another secret or URL tried again."""
    if not node():
        pytest.skip("no Node of 20.18 or newer: `apt-get install nodejs`, or `npm ci` in tests/peers")
    async with started(tmp_path, dressed.section("raw")) as it:
        (tmp_path / "worker.mjs").write_text(block("async email("))
        (tmp_path / "run.mjs").write_text(HARNESS)
        mail = (MAIL % "w").encode()

        async def worked(secret: str, to: str, path: str = CUSTOMER, name: str = "raw") -> tuple[int, str]:
            url = f"{it.url}/inbound/{name}"
            return await ran(node(), str(tmp_path / "run.mjs"), url, secret, path, to, stdin=mail)

        assert await worked(dressed.STANDARD, SUPPORT) == (0, "")
        assert len(await it.stored()) == 1
        assert await worked(dressed.STANDARD, SUPPORT, "bounces+ann=x@customer.example") == (0, "")
        assert len(await it.stored()) == 2
        mail = mail.replace(b"<w@x>", b"<w2@x>")
        assert await worked(dressed.STANDARD, "nobody@larkspur.example") == (0, "rejected: no such mailbox\n")
        for secret, name, status in ((dressed.OTHER, "raw", 401), (dressed.STANDARD, "other", 404)):
            code, said = await worked(secret, SUPPORT, name=name)
            assert code != 0
            assert f"Postroom answered {status}" in said
        assert len(await it.stored()) == 2
