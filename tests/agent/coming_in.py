"""The way of the people: somebody owns the Postroom and invites a colleague, who comes in and goes; a mail waits."""

from __future__ import annotations

from starlette.requests import Request

from agent import entering, people, totp, views
from agent.entering import Entered
from agent.people import Link, NotChanged
from agent.store import people as stored
from agent.store import saved_views
from agent.store.people import EVERY, Person, PersonRole, PersonState
from agent.web.session import COOKIE, Sessions
from tests.agent.flows import Stage
from tests.agent.newcomers import cheaply

OWNER, NAME, STAND_IN = "olga", "ben", "demo"
PASSWORD, NEXT = "four words of mine", "four others of mine"
ADDRESS = "198.51.100.7"


async def _found(stage: Stage, name: str) -> Person | None:
    async with stage.home.parts.database.read() as tx:
        return await stored.by_login(tx, name)


async def _ben(stage: Stage) -> Person:
    one = await _found(stage, NAME)
    assert one is not None
    return one


async def _enter(stage: Stage, password: str, code: str = "") -> str:
    """A session's token; a person who is let in is let in wherever a process died."""
    found = await entering.enter(stage.home.parts, NAME, password, code, address=ADDRESS)
    assert isinstance(found, Entered), found
    return found.token


async def _person_by_session(stage: Stage, token: str) -> Person | None:
    """Who a browser with this session is, to the desk."""
    request = Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "server": ("localhost", 80),
            "headers": [(b"cookie", f"{COOKIE}={token}".encode())],
        }
    )
    await Sessions(stage.home.parts, ["localhost"], secure=False).load(request)
    person: Person | None = getattr(request.state, "person", None)
    return person


async def came_in(stage: Stage) -> str:
    """All that can be done about a person, from whatever a process left; what it ends with is always the same."""
    with cheaply():
        return await _came_in(stage)


async def _came_in(stage: Stage) -> str:
    parts = stage.home.parts
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if token := await people.owner_token(parts):
        assert isinstance(await people.settle(parts, token, OWNER, PASSWORD), Person)
    if await _found(stage, STAND_IN) is None:
        await people.stand_in(parts, STAND_IN)
    await people.invite(parts, NAME, PersonRole.VIEWER, [EVERY], by=OWNER)
    link = await people.reset(parts, NAME, by=OWNER)
    if isinstance(link, NotChanged):  # a process died when they were disabled
        link = await people.enable(parts, NAME, by=OWNER)
    assert isinstance(link, Link)
    assert isinstance(await people.settle(parts, link.token, NAME, PASSWORD), Person)
    assert isinstance(await people.settle(parts, link.token, NAME, NEXT), NotChanged), "a link is good once"
    await people.give(parts, NAME, PersonRole.ADMIN, [EVERY], by=OWNER)
    assert await people.set_password(parts, await _ben(stage), PASSWORD, NEXT) is None
    secret = await people.begin_codes(parts, await _ben(stage))
    assert secret is not None
    code = totp.code_of(secret, int(stage.home.clock().timestamp()) // totp.PERIOD)
    codes = await people.confirm_codes(parts, await _ben(stage), code)
    assert isinstance(codes, list)
    session = await _enter(stage, NEXT, codes[0])
    stage.home.clock.advance(minutes=5)
    assert await _person_by_session(stage, session) == await _ben(stage)
    assert await views.keep(parts, await _ben(stage), "Sure", "view=all&sure=from-95")
    await views.drop(parts, await _ben(stage), "Sure")
    await entering.leave(parts, await _ben(stage), session, everywhere=False)
    assert await _person_by_session(stage, session) is None
    assert await people.drop_codes(parts, await _ben(stage), NEXT) is None
    session = await _enter(stage, NEXT)
    assert isinstance(await people.disable(parts, NAME, by=OWNER), Person)
    assert await _person_by_session(stage, session) is None
    assert isinstance(await people.enable(parts, NAME, by=OWNER), Link)
    async with parts.database.read() as tx:
        known = {one.name: one.state for one in await stored.all_(tx)}
        assert await saved_views.of(tx, (await _ben(stage)).id) == []
    active = PersonState.ACTIVE
    assert known == {OWNER: active, STAND_IN: active, NAME: PersonState.INVITED}, known
    return mail_id
