"""Views of the queue: narrowed by what was found in a mail, and kept by a person under a name."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from agent import views
from agent.audit import SYSTEM
from agent.forgetting import forget
from agent.store import marks, queue, trail
from agent.store.people import PersonRole
from agent.web.counted import SECONDS
from agent.web.narrowing import FILTERS, SURE, narrowed
from inbound.contracts import InboundEmailIntent
from tests.agent.desk_visitor import Visitor, visiting
from tests.agent.newcomers import browser_of, form_token, person
from tests.agent.postroom import CUSTOMER, HOURS, SALES, SUPPORT

ELSEWHERE = {"Reply-To": "somebody@else.example"}
NOBODY = "My aunt sends her greetings to your cat and to all of you."


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(tmp_path) as one:
        yield one


def found(risks: tuple[str, ...] = (), confidence: float = 0.9) -> InboundEmailIntent:
    return InboundEmailIntent(
        message_id="<a@b>",
        mailbox="m",
        sender="s",
        intent="hours",
        confidence=confidence,
        risks=risks,
        requested_action="reply",
        review_required=False,
    )


async def listed(at: Visitor, **asked: str) -> list[str]:
    answer = await at.client.get("/", params=asked)
    assert answer.status_code == 200, answer.text
    return sorted(re.findall(r'href="/mail/([^"]+)"', answer.text))


def test_a_mail_is_marked_once_for_each() -> None:
    """Its intent, its band, each risk of ours, and any and the model's as one."""
    told = marks.marks(found(("hidden_text", "model:odd", "model:odder"), 0.899))
    assert told == ["intent:hours", "sure:80", "risk:hidden_text", "risk:model", "risk:any"]
    assert marks.marks(found(confidence=1.0)) == ["intent:hours", "sure:95"]


@pytest.mark.parametrize(("asked", "below"), [(one, int(one.partition("-")[2])) for one in SURE])
def test_a_part_of_the_scale_is_whole_bands(asked: str, below: int) -> None:
    """Every confidence, edges included, is in exactly the parts that its words name."""
    ((*group,),) = narrowed({"sure": asked})["marks"]
    for confidence in (0.0, 0.3, 0.59, 0.6, 0.79, 0.8, 0.9, 0.949, 0.95, 1.0):
        under = 100 * confidence < below
        assert (confidence, marks.sure(100 * confidence) in group) == (confidence, under is asked.startswith("under"))


@pytest.mark.usefixtures("both_databases")
async def test_a_list_is_narrowed_by_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By intent, risk and confidence, together and alone, wherever the database begins; forgotten with the mail."""
    async with visiting(tmp_path) as visitor:
        plain, risky = await visitor.drafted(), await visitor.home.receive(HOURS, headers=ELSEWHERE)
        unknown, sent = await visitor.home.receive(NOBODY), await visitor.home.receive(HOURS)
        await visitor.home.settle()
        text = (await visitor.client.get("/?view=all")).text
        for wanted in ('value="opening_hours"', 'value="instructions_to_machine"', 'value="under-60"'):
            assert wanted in text
        cases = {
            ("all", "intent=opening_hours"): {plain, risky, sent},
            ("all", "risk=any"): {risky},
            ("all", "risk=reply_to_differs&intent=opening_hours"): {risky},
            ("all", "risk=hidden_text"): set(),
            ("all", "sure=under-90&intent=opening_hours"): set(),
            ("all", "sure=from-90&intent=opening_hours"): {plain, risky, sent},
            ("unseen", "intent=opening_hours"): {sent},
            ("person", "intent=none"): {unknown},
            ("all", "intent=nonsense&sure=nonsense"): set(),
        }
        for few, ((view, asked), wanted_ids) in product((1, queue.FEW), cases.items()):
            monkeypatch.setattr(queue, "FEW", few)
            given = {name: value for name, (value,) in parse_qs(asked).items()}
            assert (view, asked, await listed(visitor, view=view, **given)) == (view, asked, sorted(wanted_ids))
        await forget(visitor.home.parts, CUSTOMER, by="ruth")
        assert await listed(visitor, view="all", intent="opening_hours") == []


async def test_a_narrowed_list_is_counted_by_its_page(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly where one page holds it, else as more than a page; the other views are not counted for it."""
    for _ in range(3):
        await visitor.drafted()
    for page, told in ((3, "3"), (2, "2+")):
        monkeypatch.setattr("agent.web.queue.PAGE", page)
        text = (await visitor.client.get("/", params={"view": "waiting", "intent": "opening_hours"})).text
        assert re.findall(r'class="count">([^<]+)<', text) == [told]


async def test_views_are_counted_when_something_changed(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each page; after a change, after a while, and for who sees other mailboxes, at once."""
    asked, real = [], queue.counts

    async def counts(*given: Any, **named: Any) -> dict[str, int]:
        asked.append(1)
        return await real(*given, **named)

    async def counted(at: Visitor) -> tuple[str, int]:
        text = (await at.client.get("/")).text
        asked_now = len(asked)
        asked.clear()
        return re.findall(r'class="count">([^<]+)<', text)[0], asked_now

    monkeypatch.setattr(queue, "counts", counts)
    mail_id = await visitor.drafted()
    assert [await counted(visitor), await counted(visitor)] == [("1", 1), ("1", 0)]
    form = (await visitor.page(f"/mail/{mail_id}")).form("close")
    await visitor.post(form, reason="by phone")
    assert [await counted(visitor), await counted(visitor)] == [("0", 1), ("0", 0)]
    visitor.home.clock.advance(seconds=SECONDS)
    assert await counted(visitor) == ("0", 1)
    async with browser_of(visitor, await person(visitor, "vera", PersonRole.VIEWER, SALES)) as at:
        assert await counted(at) == ("0", 1)


async def test_what_a_view_asks_for_and_what_narrows_it_both_hold(visitor: Visitor) -> None:
    """Somebody else's mails are none of mine; a tag does not take the place of the view's own."""
    mail_id = await visitor.drafted()
    form = (await visitor.page(f"/mail/{mail_id}")).form("tag")
    await visitor.client.post(f"/mail/{mail_id}/assign", data={**form.fields, "word": "desk", "seen": ""})
    await visitor.client.post(f"/mail/{mail_id}/tag", data={**form.fields, "word": "vip"})
    assert await listed(visitor, view="mine") == await listed(visitor, view="mine", assignee="desk") == [mail_id]
    assert await listed(visitor, view="mine", assignee="ruth") == []
    await visitor.client.post(f"/mail/{mail_id}/spam", data=form.fields)
    assert await listed(visitor, view="spam", tag="vip") == [mail_id]
    assert await listed(visitor, view="spam", tag="other") == []


@pytest.mark.usefixtures("both_databases")
async def test_who_has_several_mailboxes_sees_them_in_one_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read one by one or together, page by page: each mail of theirs once, in the view's order."""
    async with visiting(tmp_path) as visitor:
        given = []
        for n in range(5):
            given.append(await visitor.home.receive(HOURS, to=((SUPPORT, SALES)[n % 2],), signed=False))
            visitor.home.clock.advance(seconds=1)
        await visitor.home.settle()
        monkeypatch.setattr("agent.web.queue.PAGE", 2)
        one = await person(visitor, "vera", PersonRole.VIEWER, SUPPORT, SALES)
        async with browser_of(visitor, one) as at:
            for apart, view in product((0, 8), ("waiting", "all")):
                monkeypatch.setattr(queue, "MOST_APART", apart)
                link, seen = f"/?view={view}", list[str]()
                while link:
                    text = (await at.client.get(link)).text
                    seen += re.findall(r'href="/mail/([^"]+)"', text)
                    more = re.search(r'href="(/\?[^"]+after=[^"]+)"', text)
                    link = more[1].replace("&amp;", "&") if more else ""
                assert (apart, view, seen) == (apart, view, given if view == "waiting" else given[::-1])


@pytest.mark.usefixtures("both_databases")
async def test_a_mail_read_anew_has_its_new_marks_alone(tmp_path: Path) -> None:
    """What was found before is gone."""
    async with visiting(tmp_path) as visitor:
        mail_id = await visitor.drafted()
        async with visitor.home.parts.database.write() as tx:
            await marks.put(tx, mail_id, found(("hidden_text",)))
        assert await listed(visitor, view="all", risk="hidden_text") == [mail_id]
        assert await listed(visitor, view="all", intent="opening_hours") == []


async def keep(at: Visitor, name: str, here: str) -> int:
    given = {"form_token": await form_token(at), "name": name, "here": here}
    return (await at.client.post("/views/keep", data=given)).status_code


@pytest.mark.usefixtures("both_databases")
async def test_a_view_is_kept_under_a_name(tmp_path: Path) -> None:
    """From the page it was made on; it opens, is named there, gives way to one of the same name, and is dropped."""
    async with visiting(tmp_path) as visitor:
        mail_id = await visitor.drafted()
        page = await visitor.page("/?view=waiting&intent=opening_hours&sure=from-90&evil=1")
        answer = await visitor.post(page.form("keep"), name="  Hours, \t sure ")
        assert (answer.status_code, answer.headers["location"][:15]) == (303, "/?view=waiting&")
        assert "evil" not in answer.headers["location"]
        assert await listed(visitor, **{k: v for k, (v,) in parse_qs(answer.headers["location"][2:]).items()}) == [
            mail_id
        ]
        page = await visitor.page(answer.headers["location"])
        assert "Hours, sure · Postroom" in " ".join(page.text.split())
        assert await keep(visitor, "Hours, sure", "view=person&tag=<b>") == 303
        text = (await visitor.client.get("/")).text
        assert (text.count("Hours, sure"), "tag=%3Cb%3E" in text) == (1, True)
        drop = (await visitor.page("/?" + urlencode({"view": "person", "tag": "<b>"}))).form("drop")
        assert (await visitor.post(drop)).status_code == 303
        assert "Hours, sure" not in (await visitor.client.get("/")).text
        async with visitor.home.parts.database.read() as tx:
            kept = [entry for entry in await trail.chain_of(tx, SYSTEM) if entry.event.startswith("view_")]
        assert [(one.event, one.actor) for one in kept] == [("view_kept", "desk")] * 2 + [("view_dropped", "desk")]


async def test_a_view_is_its_persons_alone(visitor: Visitor) -> None:
    """A viewer keeps one too; nobody else sees it or drops it, and it shows no mailbox that is not theirs."""
    mail_id = await visitor.drafted()
    one = await person(visitor, "vera", PersonRole.VIEWER, SALES)
    async with browser_of(visitor, one) as at:
        assert await keep(at, "All there is", "view=all&intent=opening_hours") == 303
        assert mail_id not in (await at.client.get("/?view=all&intent=opening_hours")).text
        assert "All there is" not in (await visitor.client.get("/")).text
        await visitor.client.post("/views/drop", data={"form_token": await form_token(visitor), "name": "All there is"})
        assert "All there is" in (await at.client.get("/")).text


@pytest.mark.parametrize(
    ("name", "here"),
    [("", "view=all"), (" \t", "view=all"), ("x" * 61, "view=all"), ("a\u202eb", "view=all"), ("a", "")],
)
async def test_what_is_no_view_is_not_kept(visitor: Visitor, name: str, here: str) -> None:
    """A name that cannot be read, a view that does not exist: nothing is kept, and it is said."""
    assert await keep(visitor, name, here) == 400
    assert "Saved by me" not in (await visitor.client.get("/")).text


async def test_views_of_a_person_are_bounded(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is refused; one of a name that is there takes its place all the same."""
    monkeypatch.setattr(views, "MOST", 2)
    assert [await keep(visitor, name, "view=all") for name in ("a", "b", "c", "a")] == [303, 303, 409, 303]


def test_every_filter_is_a_field_of_a_view() -> None:
    """A name in an address that narrows nothing would be shown as if it did."""
    for name in FILTERS:
        assert narrowed({name: "x"}), name
    assert narrowed(dict.fromkeys(FILTERS, " ")) == {}
