"""Search at the desk, over real HTTP: the same answers on both databases, and nothing of who was forgotten."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.forgetting import forget
from agent.store import searching
from tests.agent.desk_visitor import Visitor, visiting
from tests.agent.postroom import CUSTOMER, ORDER

pytestmark = pytest.mark.usefixtures("both_databases")


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(tmp_path) as one:
        yield one


async def found(visitor: Visitor, asked: str) -> list[str]:
    answer = await visitor.client.get("/search", params={"q": asked})
    assert answer.status_code == 200, answer.text
    await visitor.page(str(answer.request.url).removeprefix(str(visitor.client.base_url)))
    return re.findall(r'href="/mail/([^"]+)"', answer.text)


async def received(visitor: Visitor, text: str) -> str:
    mail_id = await visitor.home.receive(text, signed=False)
    await visitor.home.settle()
    return mail_id


@pytest.mark.parametrize(
    "asked", ["wheelbarrow", "WHEELB", "barrel cafe", "Café", "crème ann@customer.example", "LG-48213", "example order"]
)
async def test_a_mail_is_found_by_its_words(visitor: Visitor, asked: str) -> None:
    """Without case and accents, by the beginning of the last word, by address and number; all of the words."""
    mail_id = await received(visitor, "The wheelbarrow and the barrel of the Café Crème, order LG-48213?")
    assert await found(visitor, asked) == [mail_id]
    assert await found(visitor, f"unheard {asked}") == []


@pytest.mark.parametrize("asked", ["", " ", "'", '"', "' | ''", '" OR "', "* -", "NEAR(", ":*", "&", "\\", "%00", "\0"])
async def test_nobody_writes_a_query_of_their_own(visitor: Visitor, asked: str) -> None:
    """What the databases' own languages mean by signs is nothing here."""
    await visitor.drafted()
    assert await found(visitor, asked) == []
    assert (await visitor.client.get("/search", params={"q": "order", "below": asked or "x"})).status_code == 404


async def test_a_draft_is_found_too(visitor: Visitor) -> None:
    """By what a person wrote into it."""
    mail_id = await visitor.drafted(ORDER)
    form = (await visitor.page(f"/mail/{mail_id}")).form("edit")
    await visitor.post(form, body="The heron stands in the pond.\n")
    assert await found(visitor, "heron pond") == [mail_id]


async def test_pages_of_hits(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest first, each once, until there is no more."""
    monkeypatch.setattr("agent.web.finding.PAGE", 2)
    given = [await visitor.home.receive("A heron!", headers={"Auto-Submitted": "auto-replied"}) for _ in range(5)]
    await visitor.home.settle()
    link, seen = "/search?q=heron", list[str]()
    while link:
        text = (await visitor.client.get(link)).text
        seen += re.findall(r'href="/mail/([^"]+)"', text)
        more = re.search(r'href="(/search\?[^"]+below=\d+)"', text)
        link = more[1].replace("&amp;", "&") if more else ""
    assert (len(seen), set(seen)) == (5, set(given))


async def test_who_is_forgotten_is_not_found(visitor: Visitor) -> None:
    """Neither their mail nor the draft that answered it."""
    mail_id = await received(visitor, "The heron of LG-48213")
    assert await found(visitor, "heron") == [mail_id]
    await forget(visitor.home.parts, CUSTOMER, by="ruth")
    assert await found(visitor, "heron") == []
    async with visitor.home.parts.database.read() as tx:
        assert await searching.find(tx, "customer", limit=10) == []


async def test_a_mail_begun_again_is_there_once(visitor: Visitor) -> None:
    """Read anew, its words take the place of the old ones."""
    mail_id = await received(visitor, "A heron?")
    await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("close"), reason="by mistake")
    await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("retry"))
    await visitor.home.settle()
    assert await found(visitor, "heron") == [mail_id]


def test_words_are_bounded() -> None:
    """Each once, cut, and not more than are kept."""
    assert searching.words("Ä a_b A \u0000 ﬁne") == ["a", "b", "fine"]
    assert searching.words("x" * 100) == ["x" * searching.LONGEST_WORD]
    assert len(searching.words(" ".join(map(str, range(20_000))))) <= searching.MOST_WORDS


async def test_whole_words_come_before_those_that_only_begin_so(visitor: Visitor) -> None:
    """A page full of the word itself is not made longer by gathering all words that begin with it."""
    whole = await visitor.home.receive("A zebra in your shop?")
    await visitor.home.settle()
    begun = await visitor.home.receive("Two zebras in your shop?")
    await visitor.home.settle()
    async with visitor.home.parts.database.read() as tx:
        assert [hit.mail_id for hit in await searching.find(tx, "shop zebra", limit=1)] == [whole]
        assert {hit.mail_id for hit in await searching.find(tx, "shop zebra", limit=5)} == {whole, begun}
