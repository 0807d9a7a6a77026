"""People in a real browser: the owner's link, a password, a code by time, out and in again, a colleague."""

from __future__ import annotations

import re
from base64 import b32decode
from pathlib import Path

from playwright.async_api import Page, expect

from agent import totp
from tests.agent.desk_visitor import Visitor, visiting
from tests.agent.newcomers import PASSWORD, cheaply
from tests.agent.postroom import SALES
from tests.agent.web.browser import barriers, chromium, watching

REFUSED = "Failed to load resource"
"""What the console says of each 401 and 403, which are meant."""


def code(visitor: Visitor, secret: bytes) -> str:
    return totp.code_of(secret, int(visitor.home.clock().timestamp()) // totp.PERIOD)


async def log_in(page: Page, name: str, given: str = "") -> None:
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("Code").fill(given)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_load_state()


async def settle(page: Page, name: str = "") -> None:
    """Spend the link of the page."""
    if name:
        await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("The same again").fill(PASSWORD)
    await page.get_by_role("button", name="Set it and go in").click()
    await page.wait_for_url("**/me")


async def codes_on(page: Page, visitor: Visitor) -> bytes:
    await page.get_by_role("button", name="Set codes up").click()
    secret = b32decode((await page.locator("#secret").inner_text()).replace(" ", ""))
    await page.get_by_label("Code").fill(code(visitor, secret))
    await page.get_by_role("button", name="Ask for codes from now on").click()
    await expect(page.get_by_text("Your recovery codes")).to_be_visible()
    return secret


async def test_from_the_owners_link_to_a_colleague(tmp_path: Path) -> None:
    """Link, password, code, out, in by the code; a colleague is invited to one mailbox and comes in; axe is content."""
    with cheaply():
        async with visiting(tmp_path, inside=False, opener=False) as visitor, chromium() as browser:
            await visitor.drafted()
            (line,) = await visitor.home.service.desk_lines()
            (path,) = re.findall(r"http://[^/]+(/link/\S+)", line)
            async with watching(browser, f"http://127.0.0.1:{visitor.port}") as watched:
                page = await watched.open(path)
                found = [await barriers(page)]
                await settle(page, "olga")
                secret = await codes_on(page, visitor)
                found.append(await barriers(page))
                await page.get_by_role("button", name="Log out", exact=True).click()
                await page.wait_for_url("**/login")
                found.append(await barriers(page))
                visitor.home.clock.advance(seconds=30)
                await log_in(page, "olga")
                await expect(page.get_by_role("alert")).to_contain_text("is not right")
                await log_in(page, "olga", code(visitor, secret))
                await expect(page.get_by_role("heading", name="Waiting")).to_be_visible()
                await page.get_by_role("link", name="People").click()
                await page.get_by_label("Name").fill("rita")
                await page.get_by_role("checkbox", name=SALES).last.check()
                await page.get_by_role("button", name="Make a link").click()
                link = await page.locator("#link").inner_text()
                found.append(await barriers(page))
                harm = watched.harm()
            async with watching(browser, f"http://127.0.0.1:{visitor.port}", width=360) as watched:
                page = await watched.open(link.partition(str(visitor.port))[2])
                await settle(page)
                await page.get_by_role("link", name="Mail", exact=True).click()
                await expect(page.get_by_text("Nothing here.")).to_be_visible()
                assert await page.get_by_role("link", name="People").count() == 0
                found.append(await barriers(page))
                harm += watched.harm()
                assert [one for one in watched.console if REFUSED not in one] == []
            assert (found, harm) == ([[]] * 5, [])
