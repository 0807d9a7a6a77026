"""The desk over real HTTP: who gets in, what every answer carries, and that nothing is decided by a link."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent import approval
from agent.approval import Decided
from agent.states import DraftState, MailStatus
from agent.store import pauses
from agent.web.server import DeskPortBusyError, bind
from agent.web.session import COOKIE
from tests.agent.desk_visitor import Form, Page, Visitor, hosted, plain_client, served, strict, visiting
from tests.agent.postroom import CUSTOMER, HOURS, ORDER, configuration, house

pytestmark = pytest.mark.usefixtures("both_databases")

HOSTILE = """</pre></textarea><script>alert(1)</script><img src=x onerror=alert(1)> {{ 7*7 }} Order LG-48213?"""


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(tmp_path) as one:
        yield one


@pytest.fixture
async def stranger(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(tmp_path, inside=False) as one:
        yield one


async def test_every_answer_carries_the_strict_headers(visitor: Visitor) -> None:
    """Each header once and exactly, on pages, errors, redirects, files and refusals; nothing says what serves them."""
    mail_id = await visitor.drafted()
    asked = [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/?view=all", 200),
        ("GET", "/?view=nothing", 404),
        ("GET", f"/mail/{mail_id}", 200),
        ("GET", "/mail/m-unknown", 404),
        ("GET", f"/mail/{mail_id}%00", 404),
        ("GET", f"/mail/{mail_id}{'x' * 500}", 404),
        ("GET", "/mail/%ed%a0%80", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/static/desk.css", 200),
        ("GET", "/static/icon.svg", 200),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("POST", "/", 405),
        ("POST", "/pause", 403),
        ("PUT", "/drafts/d1/approve", 405),
        ("GET", "/?token=wrong", 403),
        ("GET", f"/?token={visitor.home.service.sessions.token}", 303),
        ("GET", "/health", 200),
    ]
    for method, path, status in asked:
        answer = await visitor.client.request(method, path)
        assert (method, path, answer.status_code) == (method, path, status)
        assert (path, list(strict(answer))) == (path, [])


async def test_a_fault_inside_tells_nothing(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ours is a plain 500 under the same headers, without a traceback."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a-secret-of-ours")

    monkeypatch.setattr("agent.web.conversation.tell", broken)
    answer = await visitor.client.get("/mail/m1")
    assert (answer.status_code, list(strict(answer))) == (500, [])
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


async def test_nobody_gets_in_without_the_link(stranger: Visitor) -> None:
    """Pages and decisions ask for the link; no mail is shown and nothing is decided."""
    mail_id = await stranger.drafted()
    draft = await stranger.home.waiting(mail_id)
    for method, path in (
        ("GET", "/"),
        ("GET", f"/mail/{mail_id}"),
        ("POST", f"/drafts/{draft.id}/approve"),
        ("POST", "/pause"),
        ("POST", "/resume"),
    ):
        answer = await stranger.client.request(method, path)
        assert (path, answer.status_code) == (path, 401)
        assert CUSTOMER not in answer.text
        assert Page(answer.text).wrong == []
    assert (await stranger.home.waiting(mail_id)).state is DraftState.WAITING


async def test_a_wrong_token_opens_nothing(stranger: Visitor) -> None:
    """Neither a guess, nor an empty one, nor the beginning of the right one."""
    right = stranger.home.service.sessions.token
    for wrong in ("x", right[:-1], right + "x", right.swapcase(), "\u00e9"):
        answer = await stranger.client.get("/", params={"token": wrong})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    assert (await stranger.client.get("/", params={"token": ""})).status_code == 401


async def test_the_cookie_is_kept_from_scripts_and_other_sites(stranger: Visitor) -> None:
    """HttpOnly and SameSite=Strict; the link's token does not stand in it."""
    sessions = stranger.home.service.sessions
    answer = await stranger.client.get("/", params={"token": sessions.token})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert re.search(r"; HttpOnly\b", cookie, re.IGNORECASE)
    assert re.search(r"; SameSite=strict\b", cookie, re.IGNORECASE)
    assert re.search(r"; Path=/(;|$)", cookie)
    assert "Domain" not in cookie
    assert sessions.token not in cookie


async def test_a_forged_cookie_is_none(stranger: Visitor) -> None:
    """A session is what we signed with today's key."""
    for value in ("", "abc", "abc.def.ghi", "a" * 4000):
        stranger.client.cookies.set(COOKIE, value, domain="127.0.0.1")
        assert (await stranger.client.get("/")).status_code == 401


async def test_another_host_name_is_refused(visitor: Visitor) -> None:
    """A page elsewhere whose name resolves to us gets nothing: no page, no session, no decision."""
    token = visitor.home.service.sessions.token
    for host in ("evil.example", f"evil.example:{visitor.port}", "127.0.0.1", f"127.0.0.1.:{visitor.port}", ""):
        for method, path in (("GET", "/"), ("GET", f"/?token={token}"), ("POST", "/pause")):
            answer = await visitor.client.request(method, path, headers={"Host": host})
            assert (host, answer.status_code) == (host, 421)
            assert "set-cookie" not in answer.headers
    for host in (f"localhost:{visitor.port}", f"LOCALHOST:{visitor.port}", f"[::1]:{visitor.port}"):
        assert (await visitor.client.get("/", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::", "127.0.0.2"])  # noqa: S104 (asked by loopback)
async def test_the_printed_link_opens_the_desk(tmp_path: Path, host: str) -> None:
    """Wherever the desk listens: the link is one that a browser on this machine can follow."""
    config = configuration(tmp_path, desk={"host": host, "port": 0})
    async with house(tmp_path, config=config) as home, served(home), plain_client() as client:
        assert "token" not in home.service.desk_link
        await hosted(home)
        answer = await client.get(home.service.desk_link, follow_redirects=True)
        assert (answer.status_code, Page(answer.text).wrong) == (200, [])
        assert home.service.sessions.token not in str(answer.url)


async def test_a_busy_port_names_port_and_setting(stranger: Visitor) -> None:
    """Before anything is served, and also where the other one has not begun to answer."""
    with pytest.raises(DeskPortBusyError, match=rf"127\.0\.0\.1:{stranger.port}.*\[desk\] port"):
        bind("127.0.0.1", stranger.port)
    with bind("127.0.0.1", 0) as silent, pytest.raises(DeskPortBusyError):
        bind("127.0.0.1", silent.getsockname()[1])


async def test_get_never_decides(visitor: Visitor) -> None:
    """Mail scanners and previews follow links: every decision is a POST."""
    mail_id = await visitor.drafted()
    draft = await visitor.home.waiting(mail_id)
    token = (await visitor.page(f"/mail/{mail_id}")).form("approve").fields["form_token"]
    for path in (f"/drafts/{draft.id}/{verb}" for verb in ("approve", "edit", "reject")):
        for method in ("GET", "HEAD"):
            answer = await visitor.client.request(method, path, params={"form_token": token, "reason": "x"})
            assert answer.status_code == 405
    for path in ("/pause", "/resume"):
        assert (await visitor.client.get(path)).status_code == 405
    assert (await visitor.home.waiting(mail_id)).id == draft.id


async def test_a_decision_needs_the_forms_own_token(visitor: Visitor) -> None:
    """None, an empty one, and that of another session: 403, and nothing is decided."""
    mail_id = await visitor.drafted()
    form = (await visitor.page(f"/mail/{mail_id}")).form("approve")
    async with plain_client(visitor.client.base_url) as other:
        await other.get("/", params={"token": visitor.home.service.sessions.token})
        elsewhere = Page((await other.get(f"/mail/{mail_id}")).text).form("approve").fields["form_token"]
    assert elsewhere != form.fields["form_token"]
    for wrong in ("", elsewhere, "\u00e9", form.fields["form_token"].upper() + " "):
        assert (await visitor.post(form, form_token=wrong)).status_code == 403
    del form.fields["form_token"]
    assert (await visitor.post(form)).status_code == 403
    in_json = await visitor.client.post(form.action, json=form.fields)
    assert in_json.status_code == 403
    await visitor.home.waiting(mail_id)
    assert visitor.home.replies() == []


async def test_approve_sends_what_was_shown(visitor: Visitor) -> None:
    """The redirect leads to the mail, and one reply leaves."""
    mail_id = await visitor.drafted()
    answer = await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("approve"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/mail/{mail_id}")
    await visitor.home.settle()
    assert len(visitor.home.replies()) == 1
    assert "answered" in (await visitor.page(f"/mail/{mail_id}")).text


async def test_an_edit_waits_until_it_is_approved(visitor: Visitor) -> None:
    """A browser's line ends become ours; the text in the field is the text of the draft, to the byte."""
    mail_id = await visitor.drafted()
    page = await visitor.page(f"/mail/{mail_id}")
    stored = await visitor.home.waiting(mail_id)
    assert page.form("edit").fields["body"] == stored.proposal.plain_text
    answer = await visitor.post(page.form("edit"), body="We open at nine.\r\n\r\nYours\r\n")
    assert answer.status_code == 303
    assert (await visitor.home.waiting(mail_id)).proposal.plain_text == "We open at nine.\n\nYours\n"
    await visitor.home.settle()
    assert visitor.home.replies() == []
    await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("approve"))
    await visitor.home.settle()
    (reply,) = visitor.home.replies()
    assert b"We open at nine." in reply


async def test_a_text_that_begins_with_an_empty_line_is_shown_whole(visitor: Visitor) -> None:
    """A browser drops the first line feed of a field: ours stands in front of the text's own."""
    mail_id = await visitor.drafted()
    await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("edit"), body="\n\nWe open at nine.\n")
    assert (await visitor.page(f"/mail/{mail_id}")).form("edit").fields["body"] == "\n\nWe open at nine.\n"


async def test_what_stands_in_no_source_is_marked_and_goes_with_a_reason_alone(visitor: Visitor) -> None:
    """The words are marked where they stand; without a reason nothing is decided."""
    mail_id = await visitor.drafted()
    assert "<mark>" not in (await visitor.client.get(f"/mail/{mail_id}")).text
    await visitor.post(
        (await visitor.page(f"/mail/{mail_id}")).form("edit"), body="See https://a.example: 25 % off by <Bob>.\n"
    )
    page, text = await visitor.page(f"/mail/{mail_id}"), (await visitor.client.get(f"/mail/{mail_id}")).text
    assert "See <mark>https://a.example</mark>: <mark>25 %</mark> off by &lt;<mark>Bob</mark>&gt;." in text
    assert 'name="reason" maxlength="500"' in text
    assert "(facts)" in page.text
    silent = await visitor.post(page.form("approve"))
    assert (silent.status_code, "say why" in silent.text) == (409, True)
    assert (await visitor.post(page.form("approve"), reason="asked the shop")).status_code == 303


async def test_what_policy_refuses_cannot_be_approved_here(visitor: Visitor) -> None:
    """The page offers no approval and says why; a request that is made all the same changes nothing."""
    mail_id = await visitor.drafted()
    await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("edit"), body="Yes\u202e no\n")
    page = await visitor.page(f"/mail/{mail_id}")
    assert not [form for form in page.forms if form.action.endswith("/approve")]
    edit = page.form("edit")
    answer = await visitor.post(Form(edit.action.replace("/edit", "/approve"), "post", edit.fields))
    assert answer.status_code == 409
    assert "policy refuses" in answer.text
    await visitor.home.waiting(mail_id)


async def test_reject_needs_a_reason(visitor: Visitor) -> None:
    """Without one, or with blanks alone, nothing is decided; with one it is."""
    mail_id = await visitor.drafted()
    form = (await visitor.page(f"/mail/{mail_id}")).form("reject")
    assert (await visitor.post(form, reason="")).status_code == 400
    assert (await visitor.post(form, reason=" \t ")).status_code == 400
    await visitor.home.waiting(mail_id)
    assert (await visitor.post(form, reason="too curt")).status_code == 303
    assert (await visitor.home.mail(mail_id)).status is MailStatus.PERSON
    assert "too curt" in (await visitor.page(f"/mail/{mail_id}")).text


async def test_an_unknown_decision_is_none(visitor: Visitor) -> None:
    """Neither another verb nor a draft that is not there."""
    mail_id = await visitor.drafted()
    form = (await visitor.page(f"/mail/{mail_id}")).form("approve")
    assert (await visitor.post(Form(form.action.replace("approve", "send"), "post", form.fields))).status_code == 404
    assert (await visitor.post(Form("/drafts/d-unknown/approve", "post", form.fields))).status_code == 409
    await visitor.home.waiting(mail_id)


@pytest.mark.parametrize("verb", ["approve", "reject", "edit"])
async def test_the_second_decision_is_told_who_was_first(visitor: Visitor, verb: str) -> None:
    """409, with the first one's name and decision; nothing else changes."""
    mail_id = await visitor.drafted()
    form = (await visitor.page(f"/mail/{mail_id}")).form(verb)
    draft = await visitor.home.waiting(mail_id)
    first = await approval.approve(visitor.home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
    assert isinstance(first, Decided)
    answer = await visitor.post(form, reason="no", body="Other.\n")
    assert answer.status_code == 409
    assert "Somebody was first" in answer.text
    assert "approved by ruth" in answer.text
    (stored,) = await visitor.home.drafts(mail_id)
    assert (stored.state, stored.decided_by) == (DraftState.APPROVED, "ruth")


async def test_a_double_click_is_one_decision(visitor: Visitor) -> None:
    """Five posts at once: one redirect, four that come second, one mail."""
    form = (await visitor.page(f"/mail/{await visitor.drafted()}")).form("approve")
    answers = await asyncio.gather(*(visitor.post(form) for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [303, 409, 409, 409, 409]
    await visitor.home.settle()
    assert len(visitor.home.replies()) == 1


async def test_pause_and_resume(visitor: Visitor) -> None:
    """Twice is as good as once; the page says who paused since when."""
    pause = (await visitor.page("/")).form("pause")
    for _ in range(2):
        answer = await visitor.post(pause)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = await visitor.page("/")
    assert "Sending is paused" in page.text
    assert "by desk, 2026-11-20 12:00:00 UTC" in page.text
    await visitor.post(page.form("resume"))
    async with visitor.home.parts.database.read() as tx:
        assert await pauses.all_(tx) == []
    assert "Sending is paused" not in (await visitor.page("/")).text


async def test_what_a_stranger_wrote_is_text(visitor: Visitor) -> None:
    """Subject, text, name and attachment name are shown as they are: no element of theirs is on any page."""
    subject = "</title><script>alert(1)</script>\"'><b onmouseover=x>"
    raw = (
        b'From: "</td><script>alert(2)</script>" <ann@customer.example>\r\nTo: support@larkspur.example\r\n'
        b"Subject: "
        + subject.encode()
        + b'\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\n" + HOSTILE.encode() + b"\r\n> <svg onload=alert(1)>\r\n"
        b'--b\r\nContent-Type: text/plain; name="<img src=x onerror=y>.txt"\r\n'
        b"Content-Disposition: attachment\r\n\r\nx\r\n--b--\r\n"
    )
    mail_id = await visitor.home.receive_raw(raw, mail_from="ann@customer.example")
    await visitor.home.settle()
    queue, page = await visitor.page("/?view=all"), await visitor.page(f"/mail/{mail_id}")
    assert "<script>alert(1)</script>" in queue.text
    assert HOSTILE in page.text
    assert "<img" in page.text
    assert "49" not in re.sub(r"\d{4}-\d\d-\d\d.*", "", page.text)
    answer = await visitor.client.get("/", params={"view": "<script>alert(1)</script>"})
    assert "<script>" not in answer.text


async def test_a_hostile_draft_and_reason_are_text(visitor: Visitor) -> None:
    """What a model or a person wrote is escaped in fields and lists too."""
    mail_id = await visitor.drafted(ORDER)
    form = (await visitor.page(f"/mail/{mail_id}")).form("edit")
    await visitor.post(form, subject='"><script>x</script>', body=f"{HOSTILE}\n")
    page = await visitor.page(f"/mail/{mail_id}")
    assert page.form("edit").fields["subject"] == '"><script>x</script>'
    assert page.form("edit").fields["body"] == f"{HOSTILE}\n"
    await visitor.post(page.form("reject"), reason="</li><script>y</script>")
    assert "<script>y</script>" in (await visitor.page(f"/mail/{mail_id}")).text


async def test_every_view_shows_its_mail(visitor: Visitor) -> None:
    """The counts of the tabs are the rows of their tables; an empty view says so."""
    waiting = await visitor.drafted()
    answered = await visitor.home.receive(HOURS)
    await visitor.home.settle()
    for view, shown in (("waiting", [waiting]), ("answered", [answered]), ("all", [waiting, answered]), ("doubt", [])):
        text = (await visitor.client.get("/", params={"view": view})).text
        assert sorted(re.findall(r'href="/mail/([^"]+)"', text)) == sorted(shown)
        assert re.search(rf'href="/\?view={view}"[^>]*><span>[^<]*</span> <span class="count">{len(shown)}<', text)
        assert ("Nothing here." in text) == (not shown)


async def test_ids_of_a_draft_lead_to_its_mail(visitor: Visitor) -> None:
    """Whoever has any id finds the page."""
    mail_id = await visitor.drafted()
    draft = await visitor.home.waiting(mail_id)
    assert draft.approval_hash == (await visitor.page(f"/mail/{draft.id}")).form("approve").fields["seen"]


async def test_a_long_reply_of_wide_characters_can_be_saved(visitor: Visitor) -> None:
    """What the field lets a person type gets through: 100,000 characters of twelve bytes each in the form."""
    mail_id = await visitor.drafted()
    text = "\U0001f33f" * 100_000
    answer = await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("edit"), body=text)
    assert answer.status_code == 303
    assert (await visitor.home.waiting(mail_id)).proposal.plain_text == text


async def test_a_version_that_no_mail_can_carry_is_refused_in_words(visitor: Visitor) -> None:
    """Too long a text or subject: nothing is decided, and it is no fault of ours."""
    mail_id = await visitor.drafted()
    form = (await visitor.page(f"/mail/{mail_id}")).form("edit")
    for change in ({"body": "x" * 100_001}, {"subject": "x" * 999}):
        answer = await visitor.post(form, **change)
        assert answer.status_code == 409
        assert "at most" in answer.text
    await visitor.home.waiting(mail_id)


@pytest.mark.parametrize(
    "change",
    [{"subject": "Re: a\r\nBcc: eve@evil.example"}, {"subject": ""}, {"body": ""}, {"body": "a\x00b"}],
    ids=repr,
)
async def test_an_odd_version_is_never_sent_as_it_is(visitor: Visitor, change: dict[str, str]) -> None:
    """Line ends in a subject, nothing at all, a NUL: each is an answer in words, and no header of theirs leaves."""
    mail_id = await visitor.drafted()
    answer = await visitor.post((await visitor.page(f"/mail/{mail_id}")).form("edit"), **change)
    assert answer.status_code in {303, 409}
    page = await visitor.page(f"/mail/{mail_id}")
    for form in (one for one in page.forms if one.action.endswith("/approve")):
        assert (await visitor.post(form)).status_code in {303, 409}
    await visitor.home.settle()
    assert not any(b"evil" in reply or b"\0" in reply for reply in visitor.home.replies())


async def test_a_form_beyond_bounds_is_refused(visitor: Visitor) -> None:
    """Neither a large field, nor many fields, nor many files, nor a body without a length gets in."""
    mail_id = await visitor.drafted()
    form = (await visitor.page(f"/mail/{mail_id}")).form("edit")

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(140):
            yield b"x" * 100_000

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    large = await visitor.post(form, body="x" * 4_000_000)
    assert (large.status_code, list(strict(large))) == (400, [])
    endless_one = await visitor.client.post(form.action, content=endless(), headers=kind)
    assert endless_one.status_code in {400, 413}  # whichever bound is reached first
    assert (await visitor.post(form, **{f"f{n}": "x" for n in range(100)})).status_code == 400
    many = await visitor.client.post(form.action, data=form.fields, files=[("files", ("a", b"x"))] * 21)
    assert many.status_code == 400
    reject = (await visitor.page(f"/mail/{mail_id}")).form("reject")
    over = await visitor.client.post(reject.action, data={"reason": "x" * 12_000_000})
    assert (over.status_code, list(strict(over))) == (413, [])
    await visitor.home.waiting(mail_id)


async def test_health_tells_whether_the_database_answers(stranger: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a supervisor: without a session, 200 or 503, and no detail."""
    answer = await stranger.client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})

    async def broken() -> None:
        raise OSError("disk of ours")

    monkeypatch.setattr(stranger.home.parts.database, "ping", broken)
    answer = await stranger.client.get("/health")
    assert (answer.status_code, answer.json()) == (503, {"ok": False, "database": "does not answer"})


async def test_no_approval_is_offered_where_policy_refuses_it(visitor: Visitor) -> None:
    """A gap can only be filled: the page has a field for it and no button that sends it as it is."""
    mail_id = await visitor.home.receive(ORDER)
    await visitor.home.settle()
    page = await visitor.page(f"/mail/{mail_id}")
    assert [form.action.rpartition("/")[2] for form in page.forms if "/drafts/" in form.action] == ["edit", "reject"]


async def test_a_mail_is_closed_with_a_reason_and_begun_again(visitor: Visitor) -> None:
    """The buttons stand there only while they can do something."""
    mail_id = await visitor.drafted()
    form = (await visitor.page(f"/mail/{mail_id}")).form("close")
    assert (await visitor.post(form, reason="")).status_code == 400
    assert (await visitor.post(form, reason="by phone", form_token="x")).status_code == 403
    assert (await visitor.home.mail(mail_id)).status is MailStatus.WAITING
    assert (await visitor.post(form, reason="by phone")).status_code == 303
    assert (await visitor.home.mail(mail_id)).status is MailStatus.CLOSED
    page = await visitor.page(f"/mail/{mail_id}")
    assert not [one for one in page.forms if one.action.endswith("/close")]
    assert (await visitor.post(form, reason="twice")).status_code == 409
    assert (await visitor.post(page.form("retry"))).status_code == 303
    await visitor.home.settle()
    assert (await visitor.home.mail(mail_id)).status is MailStatus.WAITING
    assert "by phone" not in (await visitor.page("/?view=closed")).text


async def test_the_mail_as_it_came_is_a_download(visitor: Visitor) -> None:
    """Bytes that no browser opens, under a name of ours, for people who were let in."""
    mail_id = await visitor.home.receive("<script>alert(1)</script>", signed=False)
    await visitor.home.settle()
    answer = await visitor.client.get(f"/mail/{mail_id}/raw")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    assert answer.headers["content-disposition"] == f'attachment; filename="{mail_id}.eml"'
    assert b"<script>alert(1)</script>" in answer.content
    assert [one for one in strict(answer) if one != "content-disposition"] == []
    visitor.client.cookies.clear()
    assert (await visitor.client.get(f"/mail/{mail_id}/raw")).status_code == 401


async def test_every_mail_is_on_some_page(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older mail is a link away, page after page, each mail once."""
    monkeypatch.setattr("agent.web.queue.PAGE", 2)
    given = [await visitor.home.receive(HOURS, subject=f"Number {n}", signed=False) for n in range(5)]
    await visitor.home.settle()
    path, seen = "/?view=waiting", []
    for _ in range(3):
        answer = await visitor.client.get(path)
        seen += re.findall(r'href="/mail/([^"]+)"', answer.text)
        older = re.findall(r'href="(/[^"]+after=[^"]+)"', answer.text)
        path = older[0].replace("&amp;", "&") if older else ""
    assert sorted(seen) == sorted(given)
    assert path == ""
    await visitor.page("/?after=yesterday", status=404)
