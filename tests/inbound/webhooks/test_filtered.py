"""What providers' own filters say of spam: read where it stands, believed from trusted ones alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from inbound import spam
from inbound.spam_settings import SpamSettings
from inbound.webhooks import filtered
from inbound.webhooks.registry import provider
from tests.inbound.webhooks import posted

Change = Callable[[Any], Any]


def form(**fields: str) -> Change:
    return lambda data: {**data, "form": {**data["form"], **fields}}


def headed(*more: tuple[str, str]) -> Change:
    return lambda data: {
        **data,
        "Headers": [*data["Headers"], *({"Name": name, "Value": value} for name, value in more)],
    }


def verdict(what: str, status: str) -> Change:
    return lambda data: {**data, "receipt": {**data["receipt"], what: {"status": status}}}


def mandrill(points: object) -> Change:
    def changed(data: Any) -> Any:
        events = json.loads(data["form"]["mandrill_events"])
        events[0]["msg"]["spam_report"] = {"score": points, "matched_rules": []}
        return {**data, "form": {**data["form"], "mandrill_events": json.dumps(events)}}

    return changed


def mime(line: str) -> Change:
    return lambda data: {**data, "form": {**data["form"], "body-mime": f"{line}\r\n{data['form']['body-mime']}"}}


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("sendgrid/parsed", form(spam_score="7.1", spam_report="..."), "spam"),
        ("sendgrid/parsed", form(spam_score="0.012"), "clean"),
        ("sendgrid/inbound", form(spam_score="much"), "unknown"),
        ("mailgun/parsed", form(**{"X-Mailgun-Sflag": "Yes", "X-Mailgun-Sscore": "6.2"}), "spam"),
        ("mailgun/parsed", form(**{"X-Mailgun-Sflag": "No", "X-Mailgun-Sscore": "-0.1"}), "clean"),
        ("mailgun/inbound", mime("X-Mailgun-Sflag: Yes"), "spam"),
        ("mailgun/inbound", mime("X-Mailgun-Sscore: 9.5"), "spam"),
        ("postmark/inbound", headed(("X-Spam-Status", "Yes"), ("X-Spam-Score", "5.2")), "spam"),
        ("postmark/parsed", headed(("X-Spam-Status", "No"), ("X-Spam-Score", "-0.1")), "clean"),
        ("ses/inbound", verdict("spamVerdict", "FAIL"), "spam"),
        ("ses/inbound", verdict("virusVerdict", "FAIL"), "spam"),
        ("ses/inbound", verdict("spamVerdict", "GRAY"), "doubtful"),
        ("ses/inbound", verdict("spamVerdict", "PROCESSING_FAILED"), "doubtful"),
        ("mandrill/inbound", mandrill(8), "spam"),
        ("mandrill/inbound", mandrill(-0.8), "clean"),
        ("mandrill/inbound", mandrill("?"), "unknown"),
        ("mailjet/inbound", lambda data: {**data, "SpamAssassinScore": "6.0"}, "spam"),
        ("mailjet/inbound", lambda data: {**data, "SpamAssassinScore": 0.5}, "clean"),
    ],
)
def test_a_providers_word_is_read(monkeypatch: pytest.MonkeyPatch, name: str, change: Change, expected: str) -> None:
    """Points, a flag or a verdict; one that cannot be read says nothing, and the mail is taken all the same."""
    read = json.loads
    path = posted.FOLDER / f"{name}.json"
    changed = json.dumps(change(read(path.read_text("utf-8"))))
    monkeypatch.setattr(type(path), "read_text", lambda *_args, **_more: changed)
    request = posted.request(name)
    monkeypatch.undo()
    (mail,) = provider(name.partition("/")[0]).parse(request).mails
    assert spam.verdict(mail.spam, SpamSettings()).level == expected


def test_a_forged_no_takes_no_yes_back() -> None:
    """A sender may write the provider's field too."""
    given = [("X-Spam-Status", "No"), ("X-Spam-Status", "Yes")]
    for order in (given, given[::-1]):
        words = filtered.fields("postmark", order, flag="x-spam-status", score="x-spam-score")
        assert spam.verdict(words, SpamSettings()).level == "spam"
