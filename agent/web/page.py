"""What every page of the desk has: templates, the form's token, who asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from agent import words
from agent.web.session import Sessions

HERE = Path(__file__).parent
ACTOR = "desk"
"""Who decides where nobody logs in by name."""


def actor(request: Request) -> str:
    """The name of who asks, as the audit shall show it."""
    person = getattr(request.state, "person", None)
    return str(getattr(person, "name", "") or ACTOR)


class Pages:
    """Puts values into templates; all of them escape what they are given."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._templates.filters.update(words.FILTERS)

    def show(self, name: str, request: Request, status: int = 200, **values: Any) -> Response:
        session = self._sessions.of(request) or ""
        values["form_token"] = self._sessions.form_token(session) if session else ""
        values["me"] = actor(request)
        values.setdefault("breaker", "")
        return HTMLResponse(self._templates.get_template(name).render(values), status_code=status)

    def note(self, request: Request, title: str, text: str, status: int, back: str = "/") -> Response:
        return self.show("note.html", request, status, title=title, text=text, back=back)
