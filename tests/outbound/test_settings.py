"""Settings that could leak a password or send nowhere are refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from outbound.settings import CourierSettings, DkimSettings, LimitSettings

SMTP: dict[str, Any] = {"kind": "smtp", "host": "mail.acme.example"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_plain_text_log_in_is_for_this_machine_only(host: str) -> None:
    login = {"kind": "smtp", "tls": "none", "username": "u", "password": "p"}
    assert CourierSettings.model_validate(login | {"host": host}).username == "u"
    with pytest.raises(ValidationError, match="plain text"):
        CourierSettings.model_validate(login | {"host": "mail.acme.example"})
    with pytest.raises(ValidationError, match="plain text"):
        CourierSettings.model_validate(login | {"host": "localhost.acme.example"})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "smtp"}, "host is needed"),
        (SMTP | {"username": "u"}, "go together"),
        (SMTP | {"password": "p"}, "go together"),
        (SMTP | {"tls": "maybe"}, "starttls"),
        (SMTP | {"verify": False}, "Extra inputs"),
    ],
)
def test_a_courier_that_cannot_work_is_an_error_at_start(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        CourierSettings.model_validate(wrong)


def test_a_password_shows_in_no_print_of_the_settings() -> None:
    settings = CourierSettings.model_validate(SMTP | {"username": "u", "password": "hunter2"})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"domain": "acme.example"},
        {"selector": "s", "key_file": "k.pem"},
        {"domain": "acme.example", "selector": "s"},
        {"domain": "acme.example", "key_file": "k.pem"},
        {
            "domain": "acme.example",
            "selector": "s",
            "key_file": "k",
            "ed25519_selector": "s",
            "ed25519_key_file": "e",
        },
    ],
)
def test_half_a_signing_key_is_an_error_at_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DkimSettings.model_validate(wrong)


def test_the_caps_are_those_of_the_documentation() -> None:
    limits = LimitSettings()
    assert (limits.per_conversation, limits.per_sender, limits.per_mailbox) == (3, 10, 200)
