"""People of a desk under test: made with cheap passwords, each with a browser of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from unittest.mock import patch

import httpx2
from argon2 import PasswordHasher

from agent import entering, people
from agent.entering import Entered
from agent.ids import new_id
from agent.passwords import Passwords
from agent.store import people as store
from agent.store.people import Person, PersonRole, PersonState
from agent.web.session import COOKIE
from tests.agent.desk_visitor import Form, Page, Visitor, plain_client

PASSWORD = "four plain words here"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@contextmanager
def cheaply() -> Iterator[Passwords]:
    """Passwords that cost next to nothing; the real cost has a test of its own."""
    found = Passwords(CHEAP)
    with patch.object(people, "PASSWORDS", found), patch.object(entering, "PASSWORDS", found):
        yield found


async def person(visitor: Visitor, name: str, role: PersonRole, *mailboxes: str, password: str = PASSWORD) -> Person:
    """Somebody who set a password."""
    parts = visitor.home.parts
    hashed = CHEAP.hash(password)
    one = Person(
        *(new_id("p", parts.now()), name, people.login_of(name), role, mailboxes or ("*",)),
        *(PersonState.ACTIVE, hashed, "", -1, parts.now()),
    )
    async with parts.database.write() as tx:
        await store.add(tx, one)
    return one


async def entered(visitor: Visitor, one: Person) -> Entered:
    """A session of theirs, without the form."""
    found = await entering.begin_for(visitor.home.parts, one.id)
    assert isinstance(found, Entered)
    return found


@asynccontextmanager
async def browser_of(visitor: Visitor, one: Person | None = None) -> AsyncIterator[Visitor]:
    """Another browser at the same desk: logged in as somebody, or as nobody."""
    async with plain_client(visitor.client.base_url) as client:
        if one is not None:
            client.cookies.set(COOKIE, (await entered(visitor, one)).token, domain="127.0.0.1")
        yield Visitor(visitor.home, client, visitor.port)


async def log_in(
    at: Visitor, name: str, password: str = PASSWORD, code: str = "", *, there: str = "/"
) -> httpx2.Response:
    form = (await at.page("/login")).form("login")
    return await at.post(form, name=name, password=password, code=code, there=there)


async def log_out(at: Visitor, *, everywhere: bool = False) -> httpx2.Response:
    forms = [one for one in (await at.page("/me")).forms if one.action == "/logout"]
    (form,) = [one for one in forms if ("everywhere" in one.fields) is everywhere]
    return await at.post(form)


async def form_token(at: Visitor) -> str:
    """The one of this browser's session."""
    return (await at.page("/me")).forms[-1].fields["form_token"]


def read(answer: httpx2.Response) -> Page:
    page = Page(answer.text)
    assert page.wrong == []
    return page


def form_of(answer: httpx2.Response, action: str) -> Form:
    return next(one for one in read(answer).forms if one.action == action)
