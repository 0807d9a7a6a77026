"""What every page of the desk has: templates, the form's token, who asks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from agent import words
from agent.store.people import Person, PersonRole
from agent.web.session import Sessions

HERE = Path(__file__).parent
ACTOR = "desk"
"""Who decides where nobody is known by name."""


def person_of(request: Request) -> Person | None:
    """Who asks, as the guard found; None for a stranger."""
    found = getattr(request.state, "person", None)
    return found if isinstance(found, Person) else None


def within(request: Request) -> tuple[str, ...] | None:
    """The mailboxes that lists are narrowed to; None: all. A stranger has none."""
    one = person_of(request)
    return () if one is None else one.within


def sees(request: Request, mailbox: str) -> bool:
    one = person_of(request)
    return one is not None and one.sees(mailbox)


def somebody(request: Request) -> Person:
    """Who asks, where the guard lets no stranger in."""
    one = person_of(request)
    assert one is not None  # noqa: S101 (the guard let nobody else in)
    return one


def decides(request: Request) -> bool:
    """Whether who asks may do more than look."""
    one = person_of(request)
    return one is not None and one.may(PersonRole.REVIEWER)


def session_of(request: Request) -> str:
    """The token of the session that the guard found."""
    return str(getattr(request.state, "session", ""))


def actor(request: Request) -> str:
    """The name of who asks, as the audit shall show it."""
    one = person_of(request)
    return one.name if one else ACTOR


@cache
def _templates() -> Environment:
    """Compiled once in a process, however many desks it has."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    found.filters.update(words.FILTERS)
    return found


class Pages:
    """Puts values into templates; all of them escape what they are given."""

    def __init__(self, sessions: Sessions, mailboxes: Sequence[str] = ()) -> None:
        self._sessions = sessions
        self._mailboxes = tuple(mailboxes)

    def show(self, template: str, request: Request, status: int = 200, /, **values: Any) -> Response:
        session, one = session_of(request), person_of(request)
        values["form_token"] = self._sessions.form_token(session) if session else ""
        values["me"] = actor(request)
        values["person"] = one
        values["my_mailboxes"] = [mailbox for mailbox in self._mailboxes if one and one.sees(mailbox)]
        values["decides"] = decides(request)
        values["invites"] = one is not None and one.may(PersonRole.ADMIN)
        values.setdefault("breaker", "")
        return HTMLResponse(_templates().get_template(template).render(values), status_code=status)

    def note(self, request: Request, title: str, text: str, status: int, back: str = "/") -> Response:
        return self.show("note.html", request, status, title=title, text=text, back=back)
