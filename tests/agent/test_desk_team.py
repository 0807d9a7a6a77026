"""What a team does at the desk beside deciding: take, rest, tag, note, undo; over real HTTP, on both databases."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent import undo
from agent.approval import Decided, NotDecided
from agent.handling import mentioned
from agent.states import DraftState, MailStatus, OutboxState
from agent.store import deliveries, trail
from agent.web.difference import MOST_LINES, difference
from tests.agent.desk_visitor import Form, Visitor, visiting
from tests.agent.postroom import HOURS, configuration

pytestmark = pytest.mark.usefixtures("both_databases")


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(tmp_path) as one:
        yield one


@pytest.fixture
async def careful(tmp_path: Path) -> AsyncIterator[Visitor]:
    """A desk where an approval is held for ten seconds."""
    config = configuration(tmp_path, desk={"port": 0, "undo_seconds": 10})
    async with visiting(tmp_path, config=config) as one:
        yield one


def forms(visitor_page: list[Form], verb: str) -> list[Form]:
    return [form for form in visitor_page if form.action.endswith(f"/{verb}")]


async def listed(visitor: Visitor, **asked: str) -> list[str]:
    answer = await visitor.client.get("/", params=asked)
    assert answer.status_code == 200, answer.text
    return re.findall(r'href="/mail/([^"]+)"', answer.text)


async def events(visitor: Visitor, mail_id: str) -> list[str]:
    async with visitor.home.parts.database.read() as tx:
        return [entry.event for entry in await trail.of_mail(tx, mail_id)]


async def test_a_mail_is_taken_once(visitor: Visitor) -> None:
    """Who takes it sees it under Mine; who looked before that is told that somebody was faster."""
    mail_id = await visitor.drafted()
    (take, _) = forms((await visitor.page(f"/mail/{mail_id}")).forms, "assign")
    assert (await visitor.post(take)).status_code == 303
    assert await listed(visitor, view="mine") == [mail_id]
    assert await listed(visitor, view="waiting", assignee="ruth") == []
    late = await visitor.post(take, word="ruth")
    assert (late.status_code, "a colleague changed it" in late.text) == (409, True)
    assert (await events(visitor, mail_id)).count("assigned") == 1


async def test_what_rests_is_not_in_the_way(visitor: Visitor) -> None:
    """It leaves the list of what waits until its time has come, and is found under Resting meanwhile."""
    mail_id = await visitor.drafted()
    form = (await visitor.page(f"/mail/{mail_id}")).form("snooze")
    assert (await visitor.post(form, word="2y")).status_code == 409
    assert (await visitor.post(form, word="4h")).status_code == 303
    assert (await listed(visitor, view="waiting"), await listed(visitor, view="snoozed")) == ([], [mail_id])
    visitor.home.clock.advance(hours=5)
    assert (await listed(visitor, view="waiting"), await listed(visitor, view="snoozed")) == ([mail_id], [])


async def test_a_tag_is_found_by_its_filter(visitor: Visitor) -> None:
    """Put on and taken off again; the audit says that, and never the word."""
    mail_id = await visitor.drafted()
    form = (await visitor.page(f"/mail/{mail_id}")).form("tag")
    assert (await visitor.post(form, word="<b>")).status_code == 409
    assert (await visitor.post(form, word="  Big  Customer ")).status_code == 303
    assert await listed(visitor, view="waiting", tag="big customer") == [mail_id]
    assert (await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("untag"))).status_code == 303
    assert await listed(visitor, view="waiting", tag="big customer") == []
    async with visitor.home.parts.database.read() as tx:
        rows = await trail.of_mail(tx, mail_id)
    assert [row.event for row in rows][-2:] == ["tagged", "untagged"]
    assert "customer" not in repr([row.data for row in rows[-2:]])


async def test_a_note_stays_inside(visitor: Visitor) -> None:
    """Colleagues read it as text; the reply that leaves knows nothing of it."""
    mail_id = await visitor.drafted()
    words = "@ben: he called <script>alert(1)</script>"
    assert (await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("note"), text=words)).status_code == 303
    page = await visitor.page(f"/mail/{mail_id}")
    assert words in page.text
    await visitor.post(page.form("approve"))
    await visitor.home.settle()
    (reply,) = visitor.home.replies()
    assert b"called" not in reply


def test_who_is_mentioned() -> None:
    """Names after an @ that stands alone, each once; an address names nobody."""
    assert mentioned("@ben and @ann.b. ask @ben; ann@customer.example, @@x") == ["ben", "ann.b"]


async def test_spam_is_closed_and_found(visitor: Visitor) -> None:
    """No reply leaves, and the view of spam has it."""
    mail_id = await visitor.drafted()
    assert (await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("spam"))).status_code == 303
    assert (await visitor.home.mail(mail_id)).status is MailStatus.CLOSED
    assert await listed(visitor, view="spam") == [mail_id]


async def test_an_approval_is_taken_back_before_it_leaves(careful: Visitor) -> None:
    """Within the ten seconds nothing leaves; the same words wait again, and approved again they leave once."""
    mail_id = await careful.drafted()
    await careful.post((await careful.page(f"/mail/{mail_id}")).form("approve"))
    await careful.home.settle()
    assert careful.home.replies() == []
    back = (await careful.page(f"/mail/{mail_id}")).form("undo")
    assert (await careful.post(back)).status_code == 303
    assert (await careful.post(back)).status_code == 409
    careful.home.clock.advance(seconds=11)
    await careful.home.settle()
    assert careful.home.replies() == []
    page = await careful.page(f"/mail/{mail_id}")
    assert "took the approval back" in page.text
    await careful.post(page.form("approve"))
    careful.home.clock.advance(seconds=11)
    await careful.home.settle()
    assert len(careful.home.replies()) == 1
    assert (await careful.home.mail(mail_id)).status is MailStatus.ANSWERED


async def test_what_left_is_not_taken_back(careful: Visitor) -> None:
    """After the first attempt undo says so, and the page does not offer it."""
    mail_id = await careful.drafted()
    draft = await careful.home.waiting(mail_id)
    await careful.post((await careful.page(f"/mail/{mail_id}")).form("approve"))
    careful.home.clock.advance(seconds=10)
    await careful.home.settle()
    assert len(careful.home.replies()) == 1
    done = await undo.undo(careful.home.parts, draft.id, by="ruth")
    assert isinstance(done, NotDecided)
    assert forms((await careful.page(f"/mail/{mail_id}")).forms, "undo") == []


async def test_undo_and_the_sender_do_not_both_win(careful: Visitor) -> None:
    """At the moment that it falls due: either it leaves, or it is taken back; never both."""
    mail_id = await careful.drafted()
    draft = await careful.home.waiting(mail_id)
    await careful.post((await careful.page(f"/mail/{mail_id}")).form("approve"))
    careful.home.clock.advance(seconds=10)
    outbox, parts = careful.home.service.outbox, careful.home.parts
    claim = await outbox.claim(careful.home.clock())
    assert claim is not None
    assert isinstance(await undo.undo(parts, draft.id, by="ruth"), Decided)
    begun = await outbox.begin_attempt(claim, careful.home.clock())
    assert type(begun).__name__ == "Held"
    async with parts.database.read() as tx:
        (sent,) = await deliveries.of_mail(tx, mail_id)
    assert (sent.state, sent.attempts) == (OutboxState.REFUSED, 0)
    assert (await careful.home.waiting(mail_id)).parent_id == draft.id


async def test_pages_follow_each_other_without_gaps(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oldest first where people wait, newest first elsewhere, the same instant in between included."""
    monkeypatch.setattr("agent.web.queue.PAGE", 2)
    sent = []
    for n in range(5):
        sent.append(await visitor.home.receive(f"{HOURS} {n}", signed=False))
        visitor.home.clock.advance(seconds=n % 2)
    await visitor.home.settle()
    for view, ways in (("waiting", False), ("all", True)):
        found: list[str] = []
        link = f"/?view={view}"
        while link:
            text = (await visitor.client.get(link)).text
            found += re.findall(r'href="/mail/([^"]+)"', text)
            more = re.search(r'href="(/\?view=\w+&amp;after=[^"]+)"', text)
            link = more[1].replace("&amp;", "&") if more else ""
        at = {mail_id: ((await visitor.home.mail(mail_id)).received_at, mail_id) for mail_id in sent}
        assert found == sorted(sent, key=lambda one: at[one], reverse=ways)


async def test_the_page_shows_what_was_changed(visitor: Visitor) -> None:
    """A person's version beside the model's: what went out and what came in."""
    mail_id = await visitor.drafted()
    await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("edit"), body="We open at nine.\n")
    assert "What was changed" in (await visitor.page(f"/mail/{mail_id}")).text
    states = {one.state for one in await visitor.home.drafts(mail_id)}
    assert states == {DraftState.EDITED, DraftState.WAITING}


def test_a_difference_by_lines() -> None:
    """Kept, out and in; texts beyond the bound are not compared."""
    assert difference("a\nb\n", "a\nc\n") == [("kept", "a"), ("out", "b"), ("in", "c")]
    assert difference("x\n" * (MOST_LINES + 1), "y") is None
