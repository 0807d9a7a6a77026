"""Guarantee 20: nothing is fetched that a mail names; connections go to the hosts of the configuration alone.

A whole run over mail that is full of addresses, with every connection and every name that is looked up written down by
the interpreter itself, in its child processes too. One of the addresses is a server that really listens.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from agent import noticing
from agent.demo_world import finish, static_zone
from agent.forgetting import export
from agent.models.base import FunctionCall
from agent.models.openai import OpenAIModel
from agent.web.server import bind, serving
from inbound import containment
from inbound.resolver import StaticZone
from tests.agent.desk_visitor import hosted, served
from tests.agent.models.model_server import Says, model_server
from tests.agent.models.scripts import call, extraction, is_extraction, text
from tests.agent.postroom import CUSTOMER, SIGNED, SUPPORT, House, configuration, house, keys
from tests.agent.test_notices import LEASE
from tests.guarantees.attacker import approve_all
from tests.outbound.smtp_peers import Accepted, sink

EVIL = "evil.example"
EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "subprocess.Popen")
CHILD = """
import os, sys
where = os.open({path!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def hook(event, arguments):
    if event in {events!r}:
        os.write(where, (event + " " + repr(arguments[-1 if event == "socket.connect" else 0]) + "\\n").encode())
sys.addaudithook(hook)
"""


@dataclass
class Recorder:
    """Connections of this process while it is on; (host, port) of each, and other events by name."""

    on: bool = False
    made: list[tuple[str, int]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or event not in EVENTS:
            return
        if event in {"socket.connect", "socket.sendto"}:
            where = arguments[-1]
            if isinstance(where, tuple):
                self.made.append((str(where[0]), int(where[1])))
        elif event == "subprocess.Popen":
            self.programs.append(str(arguments[0]))
        else:
            self.names.append(str(arguments[0]))


RECORDER = Recorder()
sys.addaudithook(RECORDER.hook)


@contextmanager
def recorded() -> Iterator[Recorder]:
    RECORDER.made.clear()
    RECORDER.names.clear()
    RECORDER.programs.clear()
    RECORDER.on = True
    try:
        yield RECORDER
    finally:
        RECORDER.on = False


def everywhere(url: str) -> dict[str, str]:
    """Headers that other programs fetch, resolve or answer."""
    return {
        "List-Unsubscribe": f"<{url}/unsubscribe>, <mailto:u@{EVIL}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Help": f"<{url}/help>",
        "Content-Location": f"{url}/location",
        "Content-Base": f"{url}/base",
        "X-Image-URL": f"{url}/face.png",
        "BIMI-Location": f"v=BIMI1; l={url}/bimi.svg",
        "Disposition-Notification-To": f"receipt@{EVIL}",
        "Return-Receipt-To": f"receipt@{EVIL}",
        "Errors-To": f"errors@{EVIL}",
        "Reply-To": f"reply@{EVIL}",
        "Autocrypt": f"addr=x@{EVIL}; keydata={url}/key",
        "OpenPGP": f"url={url}/pgp",
        "References": f"<1@{EVIL}>",
    }


def page(url: str) -> str:
    """HTML with every element that a browser or a mail program would fetch something for."""
    return "\n".join(
        (
            f'<html manifest="{url}/m"><head><base href="{url}/"><meta http-equiv="refresh" content="0;url={url}/r">',
            f'<link rel="stylesheet" href="{url}/s.css"><link rel="dns-prefetch" href="//{EVIL}">',
            f'<style>@import "{url}/i.css";body{{background:url({url}/b.png)}}</style></head>',
            f'<body background="{url}/g.png"><img src="{url}/p.png" srcset="{url}/2x.png 2x"><iframe src="{url}/f">',
            f'</iframe><script src="{url}/j.js"></script><object data="{url}/o"></object>',
            f'<video poster="{url}/v.png" src="{url}/v"></video><svg><image href="{url}/x.svg"/></svg>',
            f'<form action="{url}/a"><button>Go</button></form><link rel="prefetch" href="{url}/pre">',
            f'<a href="{url}/c" ping="{url}/ping">What are your opening hours?</a>',
        )
    )


def mails(url: str) -> list[bytes]:
    """Text, HTML, an external body, a related picture, and one that is so large that a process of its own reads it."""
    words = (
        f"What are your opening hours? See {url}/text and http://{EVIL}/x, //{EVIL}, {EVIL}. My order is LG-48213.\n"
    )
    external = (
        f'Content-Type: message/external-body; access-type=URL; URL="{url}/external"\n\nContent-Type: text/plain\n\n'
        f'--b\nContent-Type: image/svg+xml\n\n<!DOCTYPE s SYSTEM "{url}/d.dtd"><svg><image href="{url}/e.png"/></svg>\n'
    )
    forms = {
        "text/plain; charset=utf-8": words,
        "text/html; charset=utf-8": page(url),
        "multipart/mixed; boundary=b": f"--b\nContent-Type: text/plain\n\n{words}--b\n{external}--b--\n",
        "text/plain; charset=us-ascii": words * (containment.SMALL // len(words) + 10),
    }
    found = []
    for n, (kind, body) in enumerate(forms.items()):
        plain = {
            "From": f"Ann <{CUSTOMER}>",
            "To": SUPPORT,
            "Subject": f"Opening hours {url}/subject{n}",
            "Date": "@NOW@",
            "Message-ID": f"<n{n}@customer.example>",
            "MIME-Version": "1.0",
            "Content-Type": kind,
        }
        given = {**plain, **everywhere(url)} if n else plain
        block = "".join(f"{name}: {value}\n" for name, value in given.items())
        found.append(f"{block}\n{body}".encode())
    return found


@asynccontextmanager
async def answering(*routes: Route) -> AsyncIterator[int]:
    listening = bind("127.0.0.1", 0)
    async with serving(Starlette(routes=list(routes)), listening):
        yield listening.getsockname()[1]


def obeying(url: str) -> Any:
    """A model that tries to reach the address by every tool."""

    def look_up(call_id: str, value: str) -> FunctionCall:
        arguments = {"name": "order", "values": [{"name": "order", "value": value}]}
        return FunctionCall(call_id=call_id, name="look_up", arguments=json.dumps(arguments))

    turns = [
        Says((call("read_inbox", "c1", limit=20), call("search_knowledge", "c2", query=f"{url}/k"))),
        Says((look_up("c3", "LG-48213"),)),
        Says((look_up("c4", f"{url}/text"),)),
        Says((call("fetch", "c5", url=f"{url}/fetch"),)),
        Says((call("send_email", "c6", to=CUSTOMER, subject="Re: x", body=f"![x]({url}/img.png) {url}/sent"),)),
        text(f"See {url}/done"),
    ]

    def script(body: dict[str, Any], _n: int) -> Says:
        if is_extraction(body):
            return text(extraction(entities=[{"name": "order", "value": f"{url}/text"}]))
        said = sum(1 for item in body["input"] if item.get("type") == "function_call_output")
        return turns[max(said - 1, 0)]

    return script


@dataclass
class World:
    """A house whose services all stand on loopback, each on a port of its own."""

    home: House
    url: str
    """Of the server that mail names."""
    known: dict[str, int]
    """Ports of what the configuration names."""
    zone: StaticZone
    accepted: list[Accepted]
    hits: list[str]
    """What reached the server that mail names."""


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Lookup and chat send everybody on to the server that mail names."""
    hits: list[str] = []

    def hit(request: Request) -> Response:
        hits.append(str(request.url))
        return JSONResponse({"status": "x", "email": CUSTOMER})

    async with AsyncExitStack() as stack:
        evil = await stack.enter_async_context(answering(Route("/{path:path}", hit, methods=["GET", "POST"])))
        url = f"http://127.0.0.1:{evil}"

        def away(_request: Request) -> Response:
            return RedirectResponse(f"{url}/redirected", 302)

        service = await stack.enter_async_context(answering(Route("/orders/{order:path}", away)))
        chat = await stack.enter_async_context(answering(Route("/hook", away, methods=["POST"])))
        smarthost = await stack.enter_async_context(sink())
        server = await stack.enter_async_context(model_server("responses", obeying(url)))
        order = {
            "name": "order",
            "question": "Where an order is.",
            "url": f"http://127.0.0.1:{service}/orders/{{order}}?for={{author}}",
            "variables": {"order": "[^ ]{1,200}"},
            "fields": ["status"],
        }
        config = configuration(
            folder,
            courier={"kind": "smtp", "host": "127.0.0.1", "port": smarthost.port, "tls": "none"},
            notices={"slack_url": f"http://127.0.0.1:{chat}/hook", "tell": ["waiting"], "digest_hour": 0},
            lookup=[order],
        )
        zone = StaticZone(static_zone({"customer.example": "reject", "larkspur.example": "reject"}, SIGNED, keys()))
        model = OpenAIModel(server.settings(), concurrency=4)
        stack.push_async_callback(model.close)
        home = await stack.enter_async_context(house(folder, model=model, config=config, zone=zone))
        await stack.enter_async_context(served(home))
        assert home.service.desk is not None
        desk = home.service.desk.getsockname()[1]
        known = {"model": server.port, "lookup": service, "chat": chat, "smarthost": smarthost.port, "desk": desk}
        yield World(home, url, known, zone, smarthost.accepted, hits)


async def looked_at(home: House, ids: list[str]) -> None:
    """A person opens every page of every mail at the desk, and all that is attached."""
    assert home.service.desk is not None
    base = f"http://127.0.0.1:{home.service.desk.getsockname()[1]}"
    await hosted(home)
    async with httpx2.AsyncClient(base_url=base, trust_env=False) as client:
        await client.get("/", params={"token": home.service.sessions.token})
        for one in ids:
            for path in ("", "/html", "/raw", "/file/0", "/file/1"):
                answer = await client.get(f"/mail/{one}{path}")
                assert answer.status_code in {200, 404}


async def lived(there: World) -> None:
    """All that can happen to mail: read, understood, looked up, drafted, told, shown, approved, sent, given out."""
    home, ids = there.home, []
    for raw in mails(there.url):
        ids.append(await home.receive_raw(finish(raw, home.clock(), keys(), SIGNED), mail_from=CUSTOMER))
        await home.settle()
    unproven = finish(mails(there.url)[1].replace(b"n1@", b"n9@"), home.clock(), keys(), ())
    ids.append(await home.receive_raw(unproven, mail_from=f"bounce@{EVIL}"))
    await home.settle()
    await noticing.look(home.parts)
    await noticing.send(home.parts, home.service.courier, LEASE)
    await looked_at(home, ids)
    await approve_all(home)
    assert [one async for one in export(home.parts, CUSTOMER)]


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file in which processes that this one starts write what they connect to."""
    site, log = tmp_path / "site", tmp_path / "children"
    site.mkdir()
    (site / "sitecustomize.py").write_text(CHILD.format(path=str(log), events=EVENTS))
    monkeypatch.setenv("PYTHONPATH", str(site))
    containment.close()
    yield log
    containment.close()


def written(log: Path) -> str:
    return log.read_text()


async def test_a_whole_run_reaches_configured_hosts_and_no_other(tmp_path: Path, children: Path) -> None:
    """All of them are reached, or this would prove nothing; the server that mail names is not."""
    async with world(tmp_path / "house") as there:
        with recorded() as seen:
            await lived(there)
    assert there.hits == []
    assert {host for host, _ in seen.made} == {"127.0.0.1"}
    assert {port for _, port in seen.made} == set(there.known.values()), there.known
    assert {name.strip("b'") for name in seen.names} <= {"127.0.0.1"}
    assert there.accepted
    # The process that reads large mail, and what the openai package asks about this machine.
    assert {sys.executable} <= set(seen.programs) <= {sys.executable, "uname"}
    assert written(children) == "", "what that process connected to"
    # Of all the names in a mail DNS is asked about its author's domain alone.
    assert {name for name, _ in there.zone.asked if not name.endswith("customer.example")} == set()
    assert there.zone.asked


async def test_the_recorder_records(children: Path) -> None:
    """A connection of ours, and one of a child, are seen."""
    async with answering(Route("/", lambda _request: JSONResponse({}))) as port:
        with recorded() as seen:
            async with httpx2.AsyncClient(trust_env=False) as client:
                await client.get(f"http://127.0.0.1:{port}/")
            said = f"import socket; socket.create_connection(('127.0.0.1', {port})).close()"
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", said)
            assert await process.wait() == 0
    assert ("127.0.0.1", port) in seen.made
    assert f"socket.connect ('127.0.0.1', {port})" in written(children)
