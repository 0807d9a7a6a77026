"""Requests as the providers document them, field by field: proven, taken apart, and read to the same mail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inbound.contracts import NormalizedEmail
from inbound.mime import normalize
from inbound.webhooks.contract import Proven, Request, Secrets
from inbound.webhooks.door import secrets_of
from inbound.webhooks.registry import NAMES, provider
from tests.agent.postroom import START
from tests.inbound.webhooks import dressed, posted


def secrets(name: str) -> Secrets:
    found = secrets_of(dressed.settings(name))
    return Secrets(found.values, dressed.certificate(), found.topics, found.window) if name == "ses" else found


def proven(name: str, request: Request) -> bool:
    return isinstance(provider(name).verify(request, secrets(name), START), Proven)


def test_every_provider_has_a_folder() -> None:
    """With a request as its documentation has it, and what is to come of it."""
    assert {name.partition("/")[0] for name in posted.fixtures()} == set(NAMES)


@pytest.mark.parametrize("name", posted.fixtures())
def test_a_request_as_documented_is_read(name: str) -> None:
    """Envelope, the provider's name for the mail, and the mail itself."""
    source, wanted, request = name.partition("/")[0], posted.expected(name), posted.request(name)
    assert proven(source, request)
    (mail,) = provider(source).parse(request).mails
    assert list(mail.rcpt_to) == wanted["rcpt_to"]
    assert mail.mail_from == wanted["mail_from"]
    if wanted["provider_id"] != "TOKEN":
        assert mail.provider_id == wanted["provider_id"]
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
    headers = tuple((key, value) for key, value in request.headers if key == "content-type")
    assert not proven(source, Request(request.body, headers, url=request.url)) or source in {"mailgun", "ses"}
    if source in dressed.SIGNED_BODY:
        body = request.body.replace(b"e", b"3")
        assert not proven(source, Request(body, request.headers, url=request.url))


@pytest.mark.parametrize("folder", sorted(posted.FOLDER.glob("*/bounced.json")), ids=lambda path: path.parent.name)
def test_an_event_as_documented_is_read(folder: Any) -> None:
    """By our Message-ID, for good; what is no delivery is left out."""
    name = folder.parent.name
    request = posted.signed(name, json.loads(folder.read_text("utf-8")))
    assert proven(name, request)
    parsed = provider(name).parse(request)
    (event,) = parsed.events
    assert (event.kind, event.permanent, event.original_message_id) == ("bounced", True, "OURS")
    assert event.recipient == "ann@customer.example"
    assert parsed.mails == ()
