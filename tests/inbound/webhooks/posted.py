"""The fixtures of fixtures/webhooks as requests, signed by each provider's own file with keys of the tests' own.

A request is `NAME.json` (`form` and `files` in it make a form) or `NAME.eml`; `NAME.request.json` beside it has its
`headers` and the `query`, where there are any.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from inbound.webhooks.contract import Request
from inbound.webhooks.dressing import form
from inbound.webhooks.registry import provider
from tests.inbound.webhooks import dressed

FOLDER = Path(__file__).parents[3] / "fixtures" / "webhooks"


def fixtures() -> list[str]:
    """`provider/name` of each request of a mail."""
    found = (path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*.expected.json"))
    return sorted(one.removesuffix(".expected.json") for one in found)


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = _json(FOLDER / f"{name}.expected.json")
    return found


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def request(name: str) -> Request:
    """The request of one fixture, proven."""
    source = name.partition("/")[0]
    beside = FOLDER / f"{name}.request.json"
    about = _json(beside) if beside.exists() else {}
    raw = FOLDER / f"{name}.eml"
    made = (
        Request(raw.read_bytes(), (("content-type", "message/rfc822"),))
        if raw.exists()
        else _formed(_json(FOLDER / f"{name}.json"))
    )
    headers = (*made.headers, *about.get("headers", {}).items())
    made = replace(made, headers=headers, query=tuple((one, other) for one, other in about.get("query", [])))
    return _signed(source, made)


def _formed(data: Any) -> Request:
    if not isinstance(data, dict) or "form" not in data:
        return Request(json.dumps(data, ensure_ascii=False).encode(), (("content-type", "application/json"),))
    fields: dict[str, Any] = dict(data["form"])
    for name, (filename, kind, content) in data["files"].items():
        fields[name] = (filename, kind, base64.b64decode(content))
    if data.get("urlencoded"):
        return Request(urlencode(fields).encode(), (("content-type", "application/x-www-form-urlencoded"),))
    body, kind = form(fields)
    return Request(body, (("content-type", kind),))


def signed(source: str, data: Any) -> Request:
    """What a fixture's file says, as this provider sends and proves it."""
    return _signed(source, _formed(data))


def _signed(source: str, made: Request) -> Request:
    if source == "ses":
        return dressed.sns("Notification", made.body.decode())
    return provider(source).sign(made, dressed.signing(source))
