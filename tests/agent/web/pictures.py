"""The README's pictures, from the demo as it runs: `python -m tests.agent.web.pictures` (`make screenshots`).

Starts `postroom demo`, opens its desk in Debian's chromium and writes docs/pictures. Pictures show the demo's invented
people only, and change with the day: they are made anew when the desk looks another way, not at each release.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "pictures"
DEMO = (sys.executable, "-c", "from agent.cli import main; main()", "demo")
LINK = re.compile(r"(http://[^\s/]+)/\S*token=\S+")
SECONDS = 180


@asynccontextmanager
async def demo() -> AsyncIterator[str]:
    """Run the demo until its desk can be opened; gives the desk's link."""
    process = await asyncio.create_subprocess_exec(*DEMO, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        said = ""
        async with asyncio.timeout(SECONDS):
            while "Decide on them" not in said:
                line = await process.stdout.readline()
                if not line:
                    raise SystemExit(f"the demo ended before its desk was up:\n{said}")
                said += line.decode()
        found = list(LINK.finditer(said))
        yield found[-1][0]
    finally:
        process.terminate()
        await process.wait()


async def opened(browser: Browser, link: str, *, width: int, height: int, dark: bool = False) -> Page:
    viewport: ViewportSize = {"width": width, "height": height}
    context = await browser.new_context(viewport=viewport, color_scheme="dark" if dark else "light")
    page = await context.new_page()
    await page.goto(link)
    return page


async def main() -> None:
    path = shutil.which("chromium")
    if path is None:
        raise SystemExit("chromium is not installed: `apt-get install chromium`")
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with demo() as link, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path)
        home = link.partition("/?")[0]
        page = await opened(browser, link, width=1240, height=760)
        await page.goto(f"{home}/?view=person")
        await page.screenshot(path=FOLDER / "queue.png")
        await page.goto(f"{home}/?view=waiting")
        await page.get_by_role("link", name="Delivery time").click()
        await page.wait_for_load_state()
        await page.screenshot(path=FOLDER / "conversation.png")
        page = await opened(browser, link, width=1240, height=760, dark=True)
        await page.goto(f"{home}/numbers?days=7")
        await page.screenshot(path=FOLDER / "numbers-dark.png")
        page = await opened(browser, link, width=390, height=760)
        await page.goto(f"{home}/?view=waiting")
        await page.screenshot(path=FOLDER / "phone.png")
        await browser.close()
    for picture in sorted(FOLDER.glob("*.png")):
        sys.stdout.write(f"{picture.relative_to(ROOT)}  {picture.stat().st_size // 1024} KB\n")


if __name__ == "__main__":
    asyncio.run(main())
