"""The queue: what a line shows, views and filters, many mails at once, and news without loading a page again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import pytest

from agent.states import MailStatus
from agent.store import queue
from agent.web import live
from agent.web.app import Desk
from agent.web.page import HERE
from agent.web.server import serving
from tests.agent.desk_visitor import Visitor, hosted, plain_client, visiting
from tests.agent.postroom import HOURS, ORDER, SUPPORT, house


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(tmp_path) as one:
        yield one


async def listed(visitor: Visitor, **asked: str) -> list[str]:
    answer = await visitor.client.get("/", params=asked)
    assert answer.status_code == 200, answer.text
    return sorted(re.findall(r'href="/mail/([^"]+)"', answer.text))


async def done(visitor: Visitor, mail_id: str, verb: str, word: str) -> None:
    form = (await visitor.page(f"/mail/{mail_id}")).form("tag")
    answer = await visitor.client.post(f"/mail/{mail_id}/{verb}", data={**form.fields, "word": word, "seen": ""})
    assert answer.status_code == 303, answer.text


async def ticked(visitor: Visitor, ids: list[str], verb: str, word: str = "", back: str = "view=waiting") -> int:
    token = (await visitor.page("/?view=all")).form("bulk").fields["form_token"]
    data = {"form_token": token, "back": back, "verb": verb, "word": word, "id": ids}
    answer = await visitor.client.post("/bulk", data=data)
    if answer.status_code == 303:
        assert answer.headers["location"] == f"/?{back}"
    return answer.status_code


async def test_a_line_tells_what_a_person_needs(visitor: Visitor) -> None:
    """Intent, confidence, why it waits, tags, team, priority, who has it, mailbox, proof and age."""
    mail_id = await visitor.drafted()
    visitor.home.clock.advance(hours=3)
    for verb, word in (("tag", "vip"), ("team", "shop"), ("rank", "urgent"), ("assign", "ruth")):
        await done(visitor, mail_id, verb, word)
    text = " ".join((await visitor.page("/?view=waiting")).text.split())
    for wanted in ("opening hours", "96 %", "nothing proves who wrote the mail", "not proven", "3 h"):
        assert wanted in text
    for wanted in ("vip", "shop", "urgent", "ruth", SUPPORT):
        assert wanted in text


@pytest.mark.usefixtures("both_databases")
async def test_filters_narrow_every_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By team, priority, assignee and tag, in lists read by mail and by draft alike, wherever the database begins."""
    async with visiting(tmp_path) as visitor:
        waiting, other = await visitor.drafted(), await visitor.drafted(ORDER)
        sent = await visitor.home.receive(HOURS)
        await visitor.home.settle()
        for mail_id in (waiting, sent):
            for verb, word in (("tag", "vip"), ("team", "shop"), ("rank", "high"), ("assign", "ruth")):
                await done(visitor, mail_id, verb, word)
        assert await listed(visitor, view="waiting") == sorted([waiting, other])
        pairs = [("tag", "vip"), ("team", "shop"), ("priority", "high"), ("assignee", "ruth")]
        for few, (name, word) in product((1, 2_000), pairs):
            monkeypatch.setattr(queue, "FEW", few)
            assert await listed(visitor, view="waiting", **{name: word}) == [waiting]
            assert await listed(visitor, view="unseen", **{name: word}) == [sent]
            assert await listed(visitor, view="unseen", **{name: "nobody"}) == []


async def test_a_mail_has_one_priority(visitor: Visitor) -> None:
    """A new one takes the place of the old; an unknown one is refused, an empty one takes it away."""
    mail_id = await visitor.drafted()
    await done(visitor, mail_id, "rank", "low")
    await done(visitor, mail_id, "rank", "urgent")
    assert await listed(visitor, view="waiting", priority="low") == []
    assert await listed(visitor, view="waiting", priority="urgent") == [mail_id]
    form = (await visitor.page(f"/mail/{mail_id}")).form("tag")
    refused = await visitor.client.post(f"/mail/{mail_id}/rank", data={**form.fields, "word": "top"})
    assert refused.status_code == 409
    await done(visitor, mail_id, "rank", "")
    assert await listed(visitor, view="waiting", priority="urgent") == []


async def test_what_waits_too_long_is_escalated(visitor: Visitor) -> None:
    """After `[notices] escalate_after_hours`, drafts and mails for a person alike."""
    mail_id = await visitor.drafted()
    visitor.home.clock.advance(hours=23)
    await visitor.enter()
    assert await listed(visitor, view="escalated") == []
    visitor.home.clock.advance(hours=2)
    assert await listed(visitor, view="escalated") == [mail_id]


async def test_many_are_handled_at_once(visitor: Visitor) -> None:
    """Each by the verb of its own page; the list comes back as it was narrowed."""
    first, second = await visitor.drafted(), await visitor.drafted(ORDER)
    both, back = sorted([first, second]), "view=waiting&tag=vip"
    assert await ticked(visitor, both, "tag", "vip") == 303
    assert await ticked(visitor, both, "take", back=back) == 303
    assert await listed(visitor, view="mine") == both
    assert await ticked(visitor, both, "assign", "ruth", back=back) == 303
    assert await listed(visitor, view="waiting", assignee="ruth", tag="vip") == both
    assert await ticked(visitor, both, "snooze", "1d") == 303
    assert await listed(visitor, view="snoozed") == both
    assert await ticked(visitor, both, "close", "answered by phone") == 303
    assert {(await visitor.home.mail(one)).status for one in both} == {MailStatus.CLOSED}


async def test_what_could_not_be_done_is_said(visitor: Visitor) -> None:
    """And the rest is done all the same."""
    waiting, sent = await visitor.drafted(), await visitor.home.receive(HOURS)
    await visitor.home.settle()
    assert await ticked(visitor, [waiting, sent], "spam") == 409
    assert (await visitor.home.mail(waiting)).status is MailStatus.CLOSED
    assert (await visitor.home.mail(sent)).status is MailStatus.ANSWERED
    assert await ticked(visitor, [], "take") == 400


@pytest.mark.parametrize("verb", ["approve", "reject", "", "retry", "__init__"])
async def test_nothing_is_approved_unread(visitor: Visitor, verb: str) -> None:
    """What needs a look at a text is no verb of a list; and a decision needs the form's token here too."""
    mail_id = await visitor.drafted()
    assert await ticked(visitor, [mail_id], verb) == 404
    assert (await visitor.client.post("/bulk", data={"verb": "spam", "id": [mail_id]})).status_code == 403
    assert (await visitor.home.mail(mail_id)).status is MailStatus.WAITING


async def test_a_bulk_action_leads_nowhere_else(visitor: Visitor) -> None:
    """Only the queue's own words come back into the address."""
    mail_id = await visitor.drafted()
    token = (await visitor.page("/")).form("bulk").fields["form_token"]
    data = {"form_token": token, "verb": "take", "id": [mail_id], "back": "//evil.example/?view=all&x=1&tag=a%0d%0ab"}
    answer = await visitor.client.post("/bulk", data=data)
    assert answer.headers["location"].startswith("/?")
    assert "evil" not in answer.headers["location"]


async def test_open_pages_hear_of_changes(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream says that something changed, and no word of any mail; strangers get none."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.01)
    async with visitor.client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == "retry: 3000"
        await visitor.drafted()
        heard = [await anext(lines) for _ in range(4)]
        assert [line for line in heard if line] == ["event: changed", "data: 1"]
    visitor.client.cookies.clear()
    assert (await visitor.client.get("/events")).status_code == 401


async def test_listeners_are_bounded_and_end_with_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is told so; closing ends the streams instead of waiting for them."""
    monkeypatch.setattr(live, "MOST_STREAMS", 1)
    async with house(tmp_path) as home:
        listening = home.service.desk
        assert listening is not None
        desk, port = Desk(home.parts, home.service.sessions), listening.getsockname()[1]
        async with (
            serving(desk.app(), listening),
            plain_client(f"http://127.0.0.1:{port}") as client,
        ):
            await hosted(home)
            await client.get("/", params={"token": home.service.sessions.token})
            async with client.stream("GET", "/events") as answer:
                lines = answer.aiter_lines()
                assert await anext(lines) == "retry: 3000"
                assert (await client.get("/events")).status_code == 503
                await desk.close()
                async with asyncio.timeout(10):
                    assert [line async for line in lines if line] in ([": still here"], [])


def test_what_is_vendored_has_its_licence() -> None:
    """One library, as its authors made it, with its licence beside it."""
    folder = HERE / "static" / "vendor"
    assert {path.name for path in folder.iterdir()} == {"htmx.min.js", "htmx.LICENSE"}
    assert "Zero-Clause BSD" in (folder / "htmx.LICENSE").read_text()
