"""Rspamd's HTTP protocol: against a server that says what a test wants, and against Rspamd itself."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from inbound.contracts import SpamWord
from inbound.rspamd import MOST, Rspamd
from inbound.spam import Unasked
from inbound.spam_settings import SpamSettings
from tests.inbound.letters import envelope, letter

RSPAMD = shutil.which("rspamd") or "/usr/bin/rspamd"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n"
GOOD = json.dumps({"action": "no action", "score": 0.5, "symbols": {}})


class Filter:
    """A server on loopback that answers in its way and keeps what it was asked."""

    def __init__(self, answer: str = GOOD, status: str = "200 OK") -> None:
        self.answer, self.status = answer, status
        self.asked: list[tuple[bytes, bytes]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        self.asked.append((head, await reader.readexactly(length)))
        body = self.answer.encode()
        writer.write(
            f"HTTP/1.1 {self.status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def filtering(one: Filter) -> AsyncIterator[Filter]:
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    async with server:
        yield one


async def ask(port: int, raw: bytes, **settings: object) -> SpamWord | Unasked | None:
    given = {"rspamd_url": f"http://127.0.0.1:{port}", **settings}
    rspamd = Rspamd(SpamSettings.model_validate(given))
    where = envelope("bob@sender.example").model_copy(update={"rcpt_to": ("a@our.example", "b@our.example")})
    try:
        return await rspamd.ask(raw, where)
    finally:
        await rspamd.close()


async def test_the_mail_is_asked_about_as_it_came() -> None:
    """POST /checkv2 with the very bytes, and what the door saw."""
    raw = letter()
    async with filtering(Filter()) as one:
        found = await ask(one.port, raw, rspamd_password="hunter2hunter2")
    assert isinstance(found, SpamWord)
    ((head, body),) = one.asked
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /checkv2 HTTP/1.1"
    assert body == raw
    told = {line.lower() for line in lines[1:]}
    assert {"from: bob@sender.example", "rcpt: a@our.example", "rcpt: b@our.example"} <= told
    assert {"ip: 203.0.113.9", "helo: mx.elsewhere.example", "password: hunter2hunter2"} <= told


@pytest.mark.parametrize(
    ("answer", "status"),
    [("busy", "503 Service Unavailable"), ("", "302 Found"), ("no JSON", "200 OK"), ("x" * (MOST + 1), "200 OK")],
    ids=["503", "302", "no-json", "too-large"],
)
async def test_no_answer_is_said_so(answer: str, status: str) -> None:
    """Bounded and without following anything."""
    async with filtering(Filter(answer, status)) as one:
        assert isinstance(await ask(one.port, letter()), Unasked)


async def test_a_server_that_is_away_or_silent_is_no_verdict() -> None:
    """Nobody listens; or somebody does and says nothing."""
    with socket.socket() as quiet:
        quiet.bind(("127.0.0.1", 0))
        port = quiet.getsockname()[1]
        assert isinstance(await ask(port, letter()), Unasked)
        quiet.listen()
        assert isinstance(await ask(port, letter(), timeout_seconds=0.05), Unasked)


async def test_nobody_is_asked_where_none_is_configured() -> None:
    assert await Rspamd(SpamSettings()).ask(letter(), envelope()) is None


CONFIG = """
options {{ pidfile = "{0}/pid"; control_socket = "{0}/control mode=0600"; tempdir = "{0}"; filters = "";
  url_tld = "{0}/tld"; disable_hyperscan = true; enable_language_detector = false; gtube_patterns = "all";
  dns {{ nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }} }}
logging {{ type = "console"; level = "error"; }}
lua = "{0}/rules.lua";
worker "normal" {{ bind_socket = "127.0.0.1:{1}"; count = 1; }}
actions {{ reject = 15; "add header" = 6; greylist = 4; }}
"""
RULES = """
rspamd_config:register_symbol({ name = 'PHISHING', score = 5.0, callback = function(task)
  local from, rcpt = task:get_from('smtp') or {}, task:get_recipients('smtp') or {}
  local ip, helo, subject = tostring(task:get_ip()), task:get_helo(), task:get_header('Subject')
  return subject == 'Your bank' and from[1].addr == 'bob@sender.example' and rcpt[2].addr == 'b@our.example'
    and ip == '203.0.113.9' and helo == 'mx.elsewhere.example'
end })
"""


@pytest.fixture(scope="module")
def rspamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Rspamd on loopback with one rule of the test's, without network."""
    if not Path(RSPAMD).exists():
        pytest.skip("rspamd is not installed here (Debian's package rspamd)")
    folder = tmp_path_factory.mktemp("rspamd")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    (folder / "tld").write_text("com\nexample\n")
    (folder / "rules.lua").write_text(RULES)
    (folder / "conf").write_text(CONFIG.format(folder, port))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([RSPAMD, "-f", "-i", "-c", str(folder / "conf")], stdout=log, stderr=log)
    try:
        _until_it_answers(port, process, folder / "log")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    transport = httpx2.HTTPTransport(retries=0)
    with httpx2.Client(transport=transport, trust_env=False) as client:
        while process.poll() is None:
            try:
                if client.get(f"http://127.0.0.1:{port}/ping").status_code == 200:
                    return
            except httpx2.TransportError:
                continue
    raise AssertionError(log.read_text())


async def test_rspamd_itself_is_understood(rspamd: int) -> None:
    """Its test mail is spam, a plain one is not."""
    found = await ask(rspamd, letter(body=GTUBE))
    assert isinstance(found, SpamWord)
    assert (found.flagged, found.score) == (True, 15.0)
    plain = await ask(rspamd, letter())
    assert isinstance(plain, SpamWord)
    assert (plain.flagged, plain.doubtful, plain.score) == (False, False, 0.0)


async def test_rspamd_itself_understands_what_the_door_saw(rspamd: int) -> None:
    """Its rule looks at sender, recipients, address and HELO, and raises its symbol only where all are as they were."""
    found = await ask(rspamd, letter(subject="Your bank"))
    assert isinstance(found, SpamWord)
    assert (found.score, found.doubtful, found.phishing, found.detail) == (5.0, True, True, "greylist, PHISHING")
