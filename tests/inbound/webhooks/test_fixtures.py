"""Requests as the providers document them, field by field: proven, taken apart, and read to the same mail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inbound.contracts import NormalizedEmail
from inbound.mime import normalize
from inbound.webhooks.contract import UnreadableError
from inbound.webhooks.registry import NAMES, provider
from tests.inbound.webhooks import posted
from tests.inbound.webhooks.dressed import SIGNED_BODY, about, verified

WORDS = ("bounced", "delivered", "complained", "delayed")
REPORTS = sorted(path for word in WORDS for path in posted.FOLDER.glob(f"*/{word}.json"))
BODIES = sorted(one for one in posted.FOLDER.glob("*/*.json") if "." not in one.stem)
ODD: tuple[Any, ...] = (None, 5, "x", [None], {})
OWN_NAMES = {path.parent.name for path in REPORTS if "OURS" not in path.read_text("utf-8")}
"""Whose reports name a mail by an id of their own alone."""


def test_every_provider_has_a_folder() -> None:
    """With a request as its documentation has it, and what is to come of it; and with a report, if it has any."""
    assert {name.partition("/")[0] for name in posted.fixtures()} == set(NAMES)
    assert {path.parent.name for path in REPORTS} == {name for name in NAMES if about(name).reports}


@pytest.mark.parametrize("name", posted.fixtures())
def test_a_request_as_documented_is_read(name: str) -> None:
    """Envelope, the provider's name for the mail, and the mail itself."""
    source, wanted, request = name.partition("/")[0], posted.expected(name), posted.request(name)
    assert verified(source, request)
    (mail,) = provider(source).parse(request).mails
    assert list(mail.rcpt_to) == wanted["rcpt_to"]
    assert mail.mail_from == wanted["mail_from"]
    assert mail.provider_id == wanted["provider_id"] or wanted["provider_id"] == "*"
    assert list(mail.vouched) == wanted.get("vouched", [])
    if wanted.get("fetched"):
        assert mail.fetch is not None
        assert (mail.fetch.url, mail.raw) == (wanted["fetched"], b"")
        return
    email = normalize(mail.raw)
    assert isinstance(email, NormalizedEmail)
    assert email.author is not None
    assert (email.author.email, email.author.name) == (wanted["from"], wanted["name"])
    assert (email.subject, email.message_id) == (wanted["subject"], wanted["message_id"])
    assert email.new_text.strip() == wanted["text"]
    assert [one.name for one in email.attachments] == wanted["attachments"]


@pytest.mark.parametrize("name", posted.fixtures())
def test_what_was_changed_on_the_way_is_not_proven(name: str) -> None:
    """Whoever signs their requests signs these too."""
    source, request = name.partition("/")[0], posted.request(name)
    bare = replace(request, headers=tuple(one for one in request.headers if one[0] == "content-type"))
    assert not verified(source, bare) or source in {"mailgun", "ses"}  # their proof stands in the body
    if source in SIGNED_BODY:
        assert not verified(source, replace(request, body=request.body.replace(b"e", b"3")))


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_report_as_documented_is_read(path: Path) -> None:
    """By our Message-ID, with what it means; what is no delivery is left out, and nothing in it is a mail."""
    name = path.parent.name
    request = posted.signed(name, json.loads(path.read_text("utf-8")))
    assert verified(name, request)
    parsed = provider(name).parse(request)
    (event,) = parsed.events
    assert (event.kind, event.permanent) == (path.stem, path.stem == "bounced" or event.permanent)
    assert event.original_message_id == ("" if name in OWN_NAMES else "OURS")
    told = "ann@customer.example" in path.read_text("utf-8").lower()  # mox names no recipient
    assert event.recipient == ("ann@customer.example" if told else "")
    assert parsed.mails == ()


def bent(data: Any) -> Iterator[Any]:
    """The same with one member of another kind at a time."""
    yield from ODD
    for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        for other in bent(data[key]):
            yield {**data, key: other} if isinstance(data, dict) else [*data[:key], other, *data[key + 1 :]]


@pytest.mark.parametrize("path", BODIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_member_of_another_kind_is_unreadable_at_most(path: Path) -> None:
    """Read without it, or refused with a reason: never a mistake of ours, which comes again and again."""
    name, tried = path.parent.name, 0
    for data in bent(json.loads(path.read_text("utf-8"))):
        try:
            request = posted.signed(name, data)
        except (AttributeError, TypeError, ValueError):  # no form, or nothing to sign
            continue
        tried += 1
        with suppress(UnreadableError):
            provider(name).parse(request)
    assert tried > 5
