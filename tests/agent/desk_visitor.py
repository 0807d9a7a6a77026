"""Somebody at the desk: real HTTP, pages read as a browser reads them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import httpx2

from agent.config import Config
from agent.people import stand_in
from agent.web.app import Desk
from agent.web.server import serving
from tests.agent.postroom import HOURS, House, house

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
OTHERS = {"date", "content-length", "content-type", "etag", "last-modified", "accept-ranges", "allow", "location"}
"""What else an answer may carry; a cookie is looked at by its own test."""

VOID = {"meta", "link", "input", "br", "img", "hr"}
TAGS = {
    *("html", "head", "meta", "link", "title", "body", "header", "main", "nav", "section", "div", "span"),
    *("a", "button", "form", "input", "label", "textarea", "details", "summary", "time"),
    *("h1", "h2", "p", "pre", "strong", "ol", "ul", "li", "dl", "dt", "dd"),
    *("script", "footer", "select", "option", "iframe", "svg", "g", "rect", "path"),
    *("table", "tbody", "thead", "tr", "td", "th"),
    *("nav", "fieldset", "legend", "meter", "small", "mark", "kbd", "h3", "text", "line", "datalist"),
}
"""All elements that the desk's pages use."""


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A page read as a browser reads it; what should not be in it is noted in `wrong`."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.forms: list[Form] = []
        self.text = ""
        self._open: list[str] = []
        self._area = ""
        self.feed(text)
        self.close()
        self.wrong += [f"<{tag}> is not closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag not in TAGS:
            self.wrong.append(f"element {tag}")
        self.wrong += [f"attribute {name}" for name in values if name.startswith("on") or name == "style"]
        for name in ("href", "src", "action"):
            if name in values and not re.match(r"/(?!/)|#", values[name]):
                self.wrong.append(f"{name}={values[name]}")
        if tag == "form":
            self.forms.append(Form(values["action"], values["method"]))
        if "formaction" in values:  # another way to send the same fields
            self.forms.append(Form(values["formaction"], "post", self.forms[-1].fields))
        if tag == "input" and values.get("type") not in {"checkbox", "file"}:
            self.forms[-1].fields[values["name"]] = values.get("value", "")
        if tag == "textarea":
            self._area = values["name"]
            self.forms[-1].fields[self._area] = ""
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")
        if tag == "textarea":
            # A browser drops one line feed right after the tag.
            self.forms[-1].fields[self._area] = self.forms[-1].fields[self._area].removeprefix("\n")
            self._area = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._area:
            self.forms[-1].fields[self._area] += data

    def form(self, verb: str) -> Form:
        (found,) = [one for one in self.forms if one.action.endswith(f"/{verb}")]
        return found


@dataclass
class Visitor:
    home: House
    client: httpx2.AsyncClient
    port: int

    async def enter(self) -> None:
        """As the owner, by the demo's link."""
        await hosted(self.home)
        answer = await self.client.get("/", params={"token": self.home.service.sessions.token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")

    async def page(self, path: str, status: int = 200) -> Page:
        answer = await self.client.get(path)
        assert answer.status_code == status, answer.text
        page = Page(answer.text)
        assert page.wrong == []
        return page

    async def post(self, form: Form, **changes: str) -> httpx2.Response:
        return await self.client.post(form.action, data={**form.fields, **changes})

    async def drafted(self, text: str = HOURS) -> str:
        """The id of a mail whose draft waits."""
        mail_id = await self.home.receive(text, signed=False)
        await self.home.settle()
        await self.home.waiting(mail_id)
        return mail_id


async def hosted(home: House) -> None:
    """Let the link with the sessions' token in, as the demo does."""
    if not home.service.sessions.opener:
        home.service.sessions.opener = await stand_in(home.parts, "desk")


def plain_client(base: httpx2.URL | str = "") -> httpx2.AsyncClient:
    """A client without TLS: to read the authorities of the machine takes 50 ms each time."""
    return httpx2.AsyncClient(base_url=base, trust_env=False, verify=False)


def served(home: House) -> AbstractAsyncContextManager[None]:
    """The desk of a house, answering on its port."""
    assert home.service.desk is not None
    return serving(Desk(home.parts, home.service.sessions).app(), home.service.desk)


@asynccontextmanager
async def visiting(
    folder: Path, *, inside: bool = True, opener: bool = True, config: Config | None = None
) -> AsyncIterator[Visitor]:
    """A visitor of a served desk, let in by the printed link or not."""
    async with house(folder, config=config) as home, visited(home, inside=inside, opener=opener) as visitor:
        yield visitor


@asynccontextmanager
async def visited(home: House, *, inside: bool = True, opener: bool = True) -> AsyncIterator[Visitor]:
    """The same at the desk of a house that is there."""
    async with served(home):
        assert home.service.desk is not None
        port = home.service.desk.getsockname()[1]
        async with plain_client(f"http://127.0.0.1:{port}") as client:
            visitor = Visitor(home, client, port)
            if opener:
                await hosted(home)
            if inside:
                await visitor.enter()
            yield visitor


def strict(answer: httpx2.Response) -> Iterator[str]:
    """What is wrong with an answer's headers."""
    names = [name.lower() for name, _ in answer.headers.multi_items()]
    for name, value in HEADERS.items():
        if answer.headers.get_list(name) != [value]:
            yield f"{name}: {answer.headers.get_list(name)}"
    yield from (name for name in names if name not in HEADERS.keys() | OTHERS | {"set-cookie"})
