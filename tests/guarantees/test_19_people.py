"""Guarantee 19: who may come in, and that on every route everybody sees and decides what they were given."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.routing import Mount, Route

from agent import people
from agent.states import DraftState, MailStatus
from agent.store import pauses
from agent.store import people as store
from agent.store.people import PersonRole
from agent.web.app import Desk
from agent.web.guard import Rule
from agent.web.session import COOKIE
from tests.agent.desk_visitor import Form, Visitor, strict, visiting
from tests.agent.newcomers import PASSWORD, browser_of, cheaply, form_of, form_token, log_in, person, read
from tests.agent.postroom import CUSTOMER, HOURS, SALES, SUPPORT

MAY = {
    "nobody": {"GET /login", "POST /login", "GET /link/{token}", "POST /link/{token}", "GET /health", "GET /metrics"},
    "viewer": {
        *("GET /", "GET /events", "GET /search", "GET /numbers", "GET /numbers.csv", "POST /logout", "GET /me"),
        *("GET /mail/{id}", "GET /mail/{id}/news", "GET /mail/{id}/raw", "GET /mail/{id}/html"),
        *(
            "GET /drafts/{id}/file/{number:int}",
            "GET /mail/{id}/file/{number:int}",
            "POST /me/password",
            "POST /me/codes",
            "POST /me/codes/confirm",
        ),
        *("POST /me/codes/off", "POST /views/keep", "POST /views/drop"),
    },
    "reviewer": {
        *("POST /mail/{id}/{verb}", "POST /drafts/{id}/{verb}", "POST /bulk", "POST /breaker/close"),
        *("POST /pause", "POST /pause/mailbox", "POST /resume", "POST /resume/mailbox"),
    },
    "admin": {"GET /people", "POST /people/invite", "POST /people/{verb}"},
}
"""All there is to ask for, by the least that may."""
ELSEWHERE = {
    **dict.fromkeys(("POST /pause", "POST /pause/mailbox", "POST /resume", "POST /resume/mailbox"), 403),
    "POST /breaker/close": 403,
    **{one: 404 for one in MAY["viewer"] | MAY["reviewer"] if "{id}" in one},
    "POST /bulk": 404,
}
"""What who has another mailbox is told."""
HEIGHTS = ("nobody", "viewer", "reviewer", "admin")


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    with cheaply():
        async with visiting(tmp_path) as one:
            yield one


def ways(visitor: Visitor) -> list[str]:
    """Every route of the desk but its own static files, as the desk has them."""
    found = Desk(visitor.home.parts, visitor.home.service.sessions).routes()
    assert [one.path for one in found if isinstance(one, Mount)] == ["/static"]
    assert all(isinstance(one, Route | Mount) for one in found)
    return [
        f"{method} {one.path}"
        for one in found
        if isinstance(one, Route)
        for method in sorted((one.methods or set()) - {"HEAD"})
    ]


async def asked(at: Visitor, way: str, mail_id: str, draft_id: str, token: str) -> tuple[int, str]:
    """The answer to one request, of a stream its beginning; its headers are looked at."""
    method, path = way.split(" ")
    real = path.replace("{id}", draft_id if path.startswith("/drafts") else mail_id).replace("{number:int}", "0")
    verb = {"/drafts/": "approve", "/people/": "disable"}.get(path[:8], "close")
    real = real.replace("{verb}", verb).replace("{token}", "no-such-token")
    query = "?view=all" if path == "/" else "?q=hours" if path == "/search" else "?seen=0" if "news" in path else ""
    data = {"form_token": token, "id": mail_id, "verb": "close", "word": "x", "reason": "x", "name": "desk"}
    data |= {"mailbox": SUPPORT if path.endswith("/mailbox") else ""}
    given = data if method == "POST" else None
    async with at.client.stream(method, real + query, data=given) as answer:
        own = {"/events": {"x-accel-buffering", "transfer-encoding"}, "/numbers.csv": {"content-disposition"}}
        assert (way, [one for one in strict(answer) if one not in own.get(path, ())]) == (way, [])
        text = "" if path == "/events" and answer.status_code == 200 else (await answer.aread()).decode()
        return answer.status_code, text


async def test_every_route_is_for_whom_the_table_says(visitor: Visitor) -> None:
    """A route that this table does not know, or that lets others in, is a finding; nothing was decided."""
    assert sorted(ways(visitor)) == sorted(one for found in MAY.values() for one in found)
    mail_id = await visitor.drafted()
    draft = await visitor.home.waiting(mail_id)
    for height, who in enumerate(HEIGHTS[:-1]):
        one = await person(visitor, who, PersonRole(who)) if height else None
        async with browser_of(visitor, one) as at:
            token = await form_token(at) if one else ""
            for least, name in enumerate(HEIGHTS[height + 1 :], start=height + 1):
                for way in sorted(MAY[name]):
                    status, text = await asked(at, way, mail_id, draft.id, token)
                    assert (who, way, status) == (who, way, 403 if height else 401), least
                    assert CUSTOMER not in text
    assert (await visitor.home.waiting(mail_id)).state is DraftState.WAITING
    async with visitor.home.parts.database.read() as tx:
        assert await pauses.all_(tx) == []
        assert len(await store.owners(tx)) == 1


async def test_what_is_open_to_strangers_is_strict_too(visitor: Visitor) -> None:
    """Log-in, links, health and figures, asked and posted to: the exact headers, and no word of a mail."""
    mail_id = await visitor.drafted()
    found = {}
    async with browser_of(visitor) as at:
        for way in sorted(MAY["nobody"]):
            found[way], text = await asked(at, way, mail_id, "", "")
            assert (way, [word for word in (CUSTOMER, mail_id) if word in text]) == (way, [])
        link = await people.invite(visitor.home.parts, "ida", PersonRole.VIEWER, ["*"], by="desk")
        assert isinstance(link, people.Link)
        good = await at.client.get(f"/link/{link.token}")
        assert (good.status_code, list(strict(good))) == (200, [])
    pages = {"GET /login": 200, "GET /health": 200, "GET /metrics": 200, "GET /link/{token}": 404}
    assert found == {**pages, "POST /login": 403, "POST /link/{token}": 403}


async def test_nobody_is_offered_what_they_may_not(visitor: Visitor) -> None:
    """Every form of every page is one that who sees it may send; a viewer reads the draft where others edit it."""
    waiting, answered = await visitor.drafted(), await visitor.home.receive(HOURS)
    nobody = await visitor.home.receive("My aunt sends her greetings to your cat and to all of you.")
    await visitor.home.settle()
    text = (await visitor.home.waiting(waiting)).proposal.plain_text
    routes = [one for one in Desk(visitor.home.parts, visitor.home.service.sessions).routes() if isinstance(one, Route)]
    paths = (
        "/",
        "/?view=all",
        "/search?q=hours",
        "/numbers",
        "/me",
        *(f"/mail/{x}" for x in (waiting, answered, nobody)),
    )
    for role in (PersonRole.VIEWER, PersonRole.REVIEWER):
        one = await person(visitor, role.value, role)
        async with browser_of(visitor, one) as at:
            offered = {}
            for path in paths:
                page = await at.page(path)
                for form in page.forms:
                    offered[form.action, form.method] = [
                        rule.role
                        for route in routes
                        if form.method.upper() in (route.methods or ())
                        and route.path_regex.match(form.action.partition("?")[0])
                        and isinstance(rule := getattr(route.endpoint, "rule", None), Rule)
                    ]
                if path == f"/mail/{waiting}":
                    assert text.split("\n")[0] in page.text
            assert {form for form, least in offered.items() if not least} == set()
            assert {form for form, (least, *_) in offered.items() if least and not one.may(least)} == set()
            assert (role, any(action.endswith("/approve") for action, _ in offered)) == (
                role,
                one.may(PersonRole.REVIEWER),
            )
            assert ("/bulk", "post") in offered or role is PersonRole.VIEWER


async def test_who_has_another_mailbox_finds_nothing_of_this_one(visitor: Visitor) -> None:
    """On every route, for every role: no word of the mail, no decision on it, and no sign that it exists."""
    mail_id = await visitor.drafted()
    draft = await visitor.home.waiting(mail_id)
    for role in PersonRole:
        async with browser_of(visitor, await person(visitor, role.value, role, SALES)) as at:
            token = await form_token(at)
            allowed = [one for name in HEIGHTS[1 : HEIGHTS.index(role.value) + 1] for one in MAY[name]]
            for way in sorted(allowed):
                if way.startswith("POST /me") or way == "POST /logout":
                    continue  # these are about oneself
                status, text = await asked(at, way, mail_id, draft.id, token)
                if way in ELSEWHERE:
                    assert (role, way, status) == (role, way, ELSEWHERE[way])
                assert (way, [word for word in (CUSTOMER, "A question", mail_id) if word in text]) == (way, [])
            unknown = await at.client.get("/mail/m-unknown")
            other = await at.client.get(f"/mail/{mail_id}")
            assert (unknown.status_code, unknown.text) == (other.status_code, other.text)
    assert (await visitor.home.waiting(mail_id)).id == draft.id
    assert (await visitor.home.mail(mail_id)).status is MailStatus.WAITING
    async with visitor.home.parts.database.read() as tx:
        assert await pauses.all_(tx) == []
        assert len(await store.owners(tx)) == 1


async def test_a_reviewer_works_in_their_own_mailbox(visitor: Visitor) -> None:
    """They see, find, pause and decide on it, under their name; the other mailbox stays away."""
    theirs = await visitor.home.receive(HOURS, subject="For sales", to=(SALES,), signed=False)
    other = await visitor.drafted()
    await visitor.home.settle()
    draft = await visitor.home.waiting(theirs)
    async with browser_of(visitor, await person(visitor, "rita", PersonRole.REVIEWER, SALES)) as at:
        for path in ("/", "/?view=all", "/search?q=hours"):
            text = (await at.client.get(path)).text
            assert (path, f"/mail/{theirs}" in text, f"/mail/{other}" in text) == (path, True, False)
        page = await at.page(f"/mail/{theirs}")
        assert (await at.post(page.form("approve"), reason="seen")).status_code == 303
        pause = (await at.page("/")).form("mailbox")
        assert (await at.post(pause, mailbox=SALES)).status_code == 303
        assert (await at.post(pause, mailbox=SUPPORT)).status_code == 403
    async with visitor.home.parts.database.read() as tx:
        assert [(one.scope, one.by) for one in await pauses.all_(tx)] == [(SALES, "rita")]
    (decided,) = [one for one in await visitor.home.drafts(theirs) if one.id == draft.id]
    assert (decided.state, decided.decided_by) == (DraftState.APPROVED, "rita")


async def test_the_owners_link_is_good_once(tmp_path: Path) -> None:
    """It is printed until somebody owns the desk; looking spends nothing; who has it twice gets nothing."""
    with cheaply():
        async with visiting(tmp_path, inside=False, opener=False) as visitor:
            (line,) = await visitor.home.service.desk_lines()
            (old,) = re.findall(r"http://[^/]+(/link/\S+)", line)
            (line,) = await visitor.home.service.desk_lines()
            (path,) = re.findall(r"http://[^/]+(/link/\S+)", line)
            assert (await visitor.client.get(old)).status_code == 404
            await visitor.page(path)
            form = (await visitor.page(path)).forms[-1]
            short = await visitor.post(form, name="olga", password="short", again="short")
            assert "too short" in short.text
            given = {"name": "olga", "password": PASSWORD, "again": PASSWORD}
            assert (await visitor.post(form, **{**given, "form_token": "x"})).status_code == 403
            assert (await visitor.post(form, **given)).status_code == 303
            await visitor.page("/people")
            async with browser_of(visitor) as other:
                assert (await other.client.get(path)).status_code == 404
                answer = await log_in(other, "olga", there="/people")
                assert (answer.status_code, answer.headers["location"]) == (303, "/people")
            (line,) = await visitor.home.service.desk_lines()
            assert "/link/" not in line


async def test_an_admin_invites_and_ends(visitor: Visitor) -> None:
    """The link is shown once; a changed or disabled person is out at once; the last owner stays."""
    page = await visitor.page("/people")
    answer = await visitor.post(page.form("invite"), name="rita", role="reviewer", mailbox=SALES)
    (path,) = re.findall(r"http://[^/]+(/link/[\w-]+)", read(answer).text)
    assert path not in (await visitor.client.get("/people")).text
    async with browser_of(visitor) as rita:
        form = (await rita.page(path)).forms[-1]
        assert (await rita.post(form, password=PASSWORD, again=PASSWORD)).status_code == 303
        await rita.page("/me")
        token = await form_token(visitor)
        change = Form("/people/role", "post", {"form_token": token, "name": "rita", "role": "admin", "mailbox": SALES})
        assert (await visitor.post(change)).status_code == 200
        assert (await rita.client.get("/me")).status_code == 401
        await log_in(rita, "rita")
        mine = await form_token(rita)
        for verb, name, status in (("reset", "desk", 403), ("disable", "desk", 403), ("role", "rita", 403)):
            beyond = Form(
                f"/people/{verb}", "post", {"form_token": mine, "name": name, "role": "admin", "mailbox": "*"}
            )
            assert (verb, (await rita.post(beyond)).status_code) == (verb, status)
        invited = Form("/people/invite", "post", {"form_token": mine, "name": "x", "mailbox": SUPPORT})
        assert (await rita.post(invited)).status_code == 403
        ended = Form("/people/disable", "post", {"form_token": token, "name": "rita"})
        assert (await visitor.post(ended)).status_code == 200
        assert (await rita.client.get("/me")).status_code == 401
        assert (await log_in(rita, "rita")).status_code == 403
    last = Form("/people/disable", "post", {"form_token": token, "name": "desk"})
    assert (await visitor.post(last)).status_code == 409


async def test_a_route_without_a_rule_does_not_start(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds one has to say who may."""

    async def bare(*_: object) -> None:
        """No rule."""

    desk = Desk(visitor.home.parts, visitor.home.service.sessions)
    monkeypatch.setattr(desk, "routes", lambda: [Route("/new", bare)])
    with pytest.raises(TypeError, match="/new has no rule"):
        desk.app()
    assert Rule(None).role is None


async def test_cookies_are_strict_and_secure_by_setting(visitor: Visitor) -> None:
    """HttpOnly, SameSite=Strict, for this host alone; Secure where the desk is served by HTTPS."""
    await person(visitor, "rita", PersonRole.REVIEWER)
    visitor.home.service.sessions.secure = True
    async with browser_of(visitor) as at:
        shown = await at.client.get("/login")
        door = shown.headers["set-cookie"]
        at.client.cookies.set("postroom_door", re.findall("postroom_door=([^;]+)", door)[0], domain="127.0.0.1")
        answer = await at.post(form_of(shown, "/login"), name="rita", password=PASSWORD)
        for cookie in (door, *answer.headers.get_list("set-cookie")):
            flags = {one.strip().lower() for one in cookie.split(";")[1:]}
            assert {"httponly", "samesite=strict", "secure", "path=/"} <= flags
            assert "domain" not in cookie.lower()
        assert COOKIE in answer.headers["set-cookie"]
