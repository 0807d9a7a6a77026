"""Guarantee 19: hostile mails through the whole desk in a real browser run no script and ask nothing elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from playwright.async_api import Browser, Page, Route
from playwright.async_api import Error as PlaywrightError

from agent.web.frame import FRAME_HEADERS
from agent.web.sanitised import sanitise
from inbound.bounds import BoundBrokenError
from tests.agent.desk_visitor import visiting
from tests.agent.web.browser import Watched, at_desk, chromium, watching
from tests.agent.web.hostile import PAGES, mails

BARE = "http://127.0.0.1:1"
PRESS = """new Promise((done) => {
  document.querySelectorAll("a").forEach((one) => one.click());
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""
CLICKABLE = "a, area, button, input, summary, form, [tabindex], [onclick]"


async def test_no_mail_runs_script_or_asks_elsewhere(tmp_path: Path) -> None:
    """Its page with the frame unfolded, as text, in the lists and in the search, and its HTML opened by itself."""
    trouble: list[str] = []
    async with visiting(tmp_path) as visitor, chromium() as browser, at_desk(browser, visitor) as watched:
        ids = {
            name: await visitor.home.receive_raw(data, mail_from="ann@customer.example")
            for name, data in mails().items()
        }
        assert len(ids) >= 60
        await visitor.home.settle()
        page = await watched.open()
        for name, mail_id in ids.items():
            await shown(page, watched, mail_id)
            trouble += [f"{name}: {event}" for event in watched.events()]
            trouble += [
                f"{name}: {event}" for event in [await page.title()] if "Postroom" not in event or event == "owned"
            ]
        for path in ("/?view=all", "/?view=waiting", "/?view=automatic", "/search?q=canary", "/search?q=script"):
            await page.goto(watched.origin + path)
            while await page.get_by_role("link", name="Older").count():
                await page.get_by_role("link", name="Older").click()
            trouble += [f"{path}: {event}" for event in watched.events()]
        trouble += await saved(visitor.client, ids)
    assert trouble == []


async def shown(page: Page, watched: Watched, mail_id: str) -> None:
    """Unfold the frame, look into it, press whatever it offers."""
    await page.goto(f"{watched.origin}/mail/{mail_id}")
    fold = page.locator("details.frame > summary")
    if await fold.count():
        async with page.expect_response(f"**/mail/{mail_id}/html") as answered:
            await fold.click()
        await (await answered.value).finished()
        frame = page.frame_locator("details.frame iframe")
        await frame.locator("body").wait_for(state="attached")
        assert await frame.locator(CLICKABLE).count() == 0, "nothing in the frame can be pressed"
    assert page.url.endswith(mail_id)


async def saved(client: httpx2.AsyncClient, ids: dict[str, str]) -> list[str]:
    """What is wrong with the answers that bring attachments."""
    wrong = []
    for name in [one for one in ids if one.startswith(("attached", "name", "cid"))]:
        answer = await client.get(f"/mail/{ids[name]}/file/0")
        kind, how = answer.headers.get("content-type"), answer.headers.get("content-disposition", "")
        if answer.status_code != 200 or kind != "application/octet-stream" or not how.startswith("attachment; "):
            wrong.append(f"{name}: {answer.status_code} {kind} {how}")
    return wrong


@dataclass
class Tab:
    """A tab that shows one page after the other, bare or under headers, as an answer of its own."""

    watched: Watched
    page: Page
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def begin(self) -> None:
        await self.watched.context.route(f"{BARE}/**", self._serve)

    async def _serve(self, route: Route) -> None:
        headers = {"content-type": "text/html; charset=utf-8", **self.headers}
        own = route.request.url == f"{BARE}/"
        await route.fulfill(status=200 if own else 404, headers=headers, body=self.html if own else "")

    async def does(self, html: str, headers: Mapping[str, str]) -> list[str]:
        """What the page does by itself, and where script may run at all, when all its links were pressed."""
        self.html, self.headers = html, headers
        with suppress(PlaywrightError):  # some pages leave before they are loaded: that is noted already
            await self.page.goto(f"{BARE}/", timeout=5_000)
            if not headers:
                await self.page.evaluate(PRESS)
        with suppress(PlaywrightError):
            await self.page.goto("about:blank")
        found = self.watched.harm()
        self.watched.events()
        return found


@asynccontextmanager
async def opened_tab(browser: Browser) -> AsyncIterator[Tab]:
    """A tab in a context of its own: what comes late from a bare page is not laid to one under headers."""
    async with watching(browser, BARE) as watched:
        tab = Tab(watched, await watched.context.new_page())
        await tab.begin()
        yield tab


async def test_each_layer_holds_without_the_others() -> None:
    """The sanitiser without headers, and the headers without the sanitiser; bare, most of the corpus does harm."""
    small = {name: page for name, page in PAGES.items() if len(page) < 100_000}
    harmful, through_headers = set(), []
    async with (
        chromium() as browser,
        opened_tab(browser) as guarded,
        opened_tab(browser) as bare,
        opened_tab(browser) as washed,
    ):
        for name, page in small.items():
            through_headers += [f"{name}: {one}" for one in await guarded.does(page, FRAME_HEADERS)]
            if await bare.does(page, {}):
                harmful.add(name)
        clean = []
        for page in small.values():
            with suppress(BoundBrokenError):
                clean.append(sanitise(page, {}))
        through_sanitiser = await washed.does("".join(clean), {})
    assert through_sanitiser == []
    assert through_headers == []
    assert len(harmful) >= 60, sorted(small.keys() - harmful)
