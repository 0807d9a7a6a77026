"""Hidden text, with a real browser as the judge: what it hides is never read, whatever selectors say so."""

from __future__ import annotations

import re

from inbound.text import read_html
from tests.agent.web.browser import chromium
from tests.inbound.style_cases import EVIL, SEEN
from tests.inbound.style_pages import Pages

PAGES = 60
SHOWN = """() => {
    const found = [], walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const holder = walker.currentNode.parentElement;
        if (!holder || ['STYLE', 'TITLE'].includes(holder.tagName)) continue;
        const look = {visibilityProperty: true, opacityProperty: true};
        const seen = holder.checkVisibility(look) && parseFloat(getComputedStyle(holder).fontSize) > 2.5;
        for (const word of walker.currentNode.data.matchAll(/w\\d+z|evil words/g)) found.push([word[0], seen]);
    }
    return found;
}"""
"""Every word of the page, and whether the browser shows it."""


async def test_what_a_browser_hides_is_never_read() -> None:
    """Sixty pages by chance; and what is read too little is what only a browser can say."""
    drawn = Pages(seed=1)
    shown = read = 0
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1200, "height": 900})
        for source in [drawn.page() for _ in range(PAGES)]:
            await page.set_content(source)
            words = dict(await page.evaluate(SHOWN))
            text = set(re.findall(r"w\d+z", read_html(source).text))
            assert [word for word, seen in words.items() if word in text and not seen] == [], source
            shown += sum(words.values())
            read += len(text)
        for source in SEEN.values():
            await page.set_content(source)
            assert await page.evaluate(SHOWN) == [[EVIL, True]], source
    assert read > shown * 0.8
