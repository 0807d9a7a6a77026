"""A real browser at a served desk: Debian's chromium, driven by Playwright, and everything it does written down.

Rules:
- Every request goes through one place: the desk's own go on, all others are noted and never leave.
- What a hostile mail could do is seen from outside: its canary, dialogs, the console, titles, windows, downloads.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, Route, async_playwright

from tests.agent.desk_visitor import Visitor
from tests.peers_node import PEERS

MISSING = "chromium is not installed: `apt-get install chromium` (.ci/run does)"
AXE_MISSING = "axe-core is not installed: run `npm ci` in tests/peers (needs npm)"
PLAIN = ["--disable-gpu", "--disable-site-isolation-trials"]
"""One process for what would be many, and so no help of the browser's own: what holds is ours."""
ALLOWED_SCHEMES = ("data:", "about:", "blob:")


@dataclass
class Watched:
    """One browser context and all that happened in it."""

    context: BrowserContext
    origin: str
    elsewhere: list[str] = field(default_factory=list)
    """Addresses beyond the desk that requests went out for."""
    tried: list[str] = field(default_factory=list)
    """The same, and what the page's policy stopped before it went out."""
    ran: list[str] = field(default_factory=list)
    """What only script can do: canaries, dialogs, windows."""
    console: list[str] = field(default_factory=list)

    async def begin(self) -> None:
        # Not the desk's own, fifteen for a page: they would all be asked about here, and go on.
        await self.context.route(re.compile(f"^(?!{re.escape(self.origin)}/)"), self._route)
        await self.context.expose_function("canary", lambda *_: self.ran.append("canary"))
        self.context.on("console", self._on_console)
        self.context.on("dialog", self._on_dialog)
        self.context.on("request", self._on_request)

    async def open(self, path: str = "/") -> Page:
        page = await self.context.new_page()
        await page.goto(self.origin + path)
        return page

    def events(self) -> list[str]:
        """All that should not have happened, and forget it."""
        found = [*self.harm(), *(f"tried {one}" for one in self.tried), *(f"console {one}" for one in self.console)]
        self.ran.clear()
        self.tried.clear()
        self.elsewhere.clear()
        self.console.clear()
        return found

    def harm(self) -> list[str]:
        """Script that ran, requests that went out."""
        return [*self.ran, *(f"asked {one}" for one in self.elsewhere)]

    async def _route(self, route: Route) -> None:
        self.elsewhere.append(route.request.url)
        await route.abort()

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", *ALLOWED_SCHEMES)):
            self.tried.append(request.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        self.console.append(message.text[:300])

    async def _on_dialog(self, dialog: Dialog) -> None:
        self.ran.append(f"dialog {dialog.message}")
        await dialog.dismiss()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The machine's own browser; skips where there is none, which CI does not allow."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip(MISSING)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=PLAIN)
        try:
            yield browser
        finally:
            await browser.close()


Scheme = Literal["light", "dark"]


@asynccontextmanager
async def watching(
    browser: Browser, origin: str, *, width: int = 1280, scheme: Scheme = "light"
) -> AsyncIterator[Watched]:
    """A context of its own, as another person's browser is."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", accept_downloads=True
    )
    context.set_default_timeout(10_000)
    watched = Watched(context, origin)
    await watched.begin()
    try:
        yield watched
    finally:
        await context.close()


@asynccontextmanager
async def at_desk(
    browser: Browser, visitor: Visitor, *, width: int = 1280, scheme: Scheme = "light"
) -> AsyncIterator[Watched]:
    """Somebody who opened the desk by the printed link."""
    async with watching(browser, f"http://127.0.0.1:{visitor.port}", width=width, scheme=scheme) as watched:
        page = await watched.open(f"/?token={visitor.home.service.sessions.token}")
        await page.close()
        yield watched


async def barriers(page: Page) -> list[str]:
    """What axe-core finds on a page: its rules for WCAG 2.2 A and AA and for good practice."""
    source = PEERS / "node_modules/axe-core/axe.min.js"
    if not source.exists():
        pytest.skip(AXE_MISSING)
    await page.evaluate(source.read_text())
    found: dict[str, Any] = await page.evaluate("axe.run(document, {iframes: false})")
    return [
        f"{one['id']}: {one['help']} at {', '.join(' '.join(map(str, node['target'])) for node in one['nodes'][:4])}"
        for one in found["violations"]
    ]
