"""What the doctor makes of this machine and the servers that it reaches."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agent.doctor import machine
from agent.doctor.examine import doctor, examine, secrets
from agent.doctor.finding import Finding, Health
from agent.models.settings import ModelSettings
from agent.web.server import bind, serving
from inbound.resolver import StaticZone
from inbound.spam_settings import SpamSettings
from outbound.settings import CourierSettings
from tests.agent.postroom import configuration, free_port
from tests.inbound.test_rspamd import GOOD, Filter, filtering

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def about(found: list[Finding], name: str) -> Finding:
    (one,) = [one for one in found if one.about == name]
    return one


def test_a_disk_is_written_to_and_left_as_it_was(tmp_path: Path) -> None:
    """How long a write takes, and how much room there is; nothing stays behind."""
    found = machine.disk(tmp_path / "data")
    assert {one.about for one in found} == {"disk", "fsync", "room"}
    assert list((tmp_path / "data").iterdir()) == []


def test_a_folder_in_memory_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is acknowledged there is lost when the machine starts anew."""
    monkeypatch.setattr(machine, "_kind", lambda _folder: "tmpfs")
    assert about(machine.disk(tmp_path), "disk").health is Health.FAIL


def test_a_folder_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (found,) = machine.disk(tmp_path / "file")
    assert found.health is Health.FAIL


def test_a_slow_disk_and_little_room_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mail waits for the one, and is refused for the other."""
    monkeypatch.setattr(machine, "_sync_seconds", lambda _folder: 0.2)
    monkeypatch.setattr(machine, "LITTLE", 10**18)
    found = machine.disk(tmp_path)
    assert about(found, "fsync").health is Health.WARN
    assert about(found, "room").health is Health.FAIL


@pytest.mark.parametrize(("off", "health"), [(59, Health.OK), (61, Health.FAIL), (-61, Health.FAIL)])
def test_the_clock(off: int, health: Health) -> None:
    """A minute either way."""
    assert machine.clock(NOW + timedelta(seconds=off), NOW, "them").health is health


async def test_a_port_is_free_taken_or_served() -> None:
    """Free and served are both well; what cannot be bound is not."""
    number = free_port()
    assert "is free" in (await machine.port("127.0.0.1", number, "x")).said
    with socket.socket() as one:
        one.bind(("127.0.0.1", number))
        assert (await machine.port("127.0.0.1", number, "x")).health is Health.FAIL
        one.listen()
        assert "something listens" in (await machine.port("127.0.0.1", number, "x")).said
    assert (await machine.port("127.0.0.1", 0, "x")).health is Health.SKIPPED


async def test_a_smarthost_that_is_not_there_is_a_failure() -> None:
    settings = CourierSettings(kind="smtp", host="127.0.0.1", port=free_port(), tls="none")
    (found,) = await machine.courier(settings)
    assert (found.health, found.set_) == (Health.FAIL, "courier.host, courier.port, courier.tls")


@pytest.mark.parametrize(
    ("status", "data", "health"),
    [
        (200, {"data": [{"id": "small"}]}, Health.OK),
        (200, {"data": [{"id": "other"}]}, Health.FAIL),
        (200, ["odd"], Health.WARN),
        (401, {}, Health.FAIL),
        (500, {}, Health.WARN),
    ],
)
async def test_a_model_server_is_asked_for_its_models(status: int, data: Any, health: Health) -> None:
    """And for nothing that costs; its time is compared too."""
    asked: list[str] = []

    async def models(request: Request) -> JSONResponse:
        asked.append(f"{request.method} {request.url.path}")
        return JSONResponse(data, status)

    listening = bind("127.0.0.1", 0)
    async with serving(Starlette(routes=[Route("/v1/models", models)]), listening):
        base = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        settings = ModelSettings.model_validate({"base_url": base, "name": "small"})
        found = await machine.model(settings)
    assert asked == ["GET /v1/models"]
    assert about(found, "model").health is health
    assert about(found, "clock").health is Health.OK


def test_secrets_that_are_short_or_shared_are_told(tmp_path: Path) -> None:
    """Never with the secret itself."""
    webhooks = [
        {"provider": "postmark", "secret": "short-one"},
        {"provider": "mailgun", "secret": "a secret of some length"},
        {"provider": "cloudmailin", "secret": "a secret of some length"},
    ]
    found = secrets(configuration(tmp_path, webhook=webhooks))
    assert [one.health for one in found] == [Health.WARN, Health.OK, Health.FAIL]
    assert not any("short-one" in one.said or "some length" in one.said for one in found)


async def test_everything_is_looked_at_and_scripts_can_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 where something fails; JSON with the same findings; nothing secret in it."""
    config = configuration(tmp_path)
    found = await examine(config, ["larkspur.example"], StaticZone({}))
    assert about(found, "larkspur.example MX").health is Health.FAIL
    assert about(found, "larkspur.example DKIM").set_ == "postroom dkim new larkspur.example"
    assert about(found, "store").health is Health.OK
    assert about(found, "courier").health is Health.WARN
    offline = config.model_copy(update={"identity": config.identity.model_copy(update={"dns_timeout_seconds": 0.01})})
    code = await doctor(offline, "larkspur.invalid", as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert code == int(any(row["health"] == "fail" for row in rows))
    assert {row["about"] for row in rows} >= {"larkspur.invalid MX", "store", "disk"}


async def test_who_signs_in_our_place_is_named(tmp_path: Path) -> None:
    """A key of ours would sign nothing that leaves by a provider that builds the mail anew."""
    courier = {"kind": "resend", "api_key": "k", "base_url": "http://127.0.0.1:1"}
    found = await examine(configuration(tmp_path, courier=courier), ["larkspur.example"], StaticZone({}))
    dkim = about(found, "larkspur.example DKIM")
    assert dkim.health is Health.SKIPPED
    assert "resend signs with a key of its own" in dkim.said


@pytest.mark.parametrize(("answer", "health"), [(GOOD, Health.OK), ('{"error": "no"}', Health.FAIL)])
async def test_rspamd_is_asked_about_an_empty_mail(answer: str, health: Health) -> None:
    """In its own protocol: a server that only answers is not enough."""
    async with filtering(Filter(answer)) as one:
        settings = SpamSettings(rspamd_url=f"http://127.0.0.1:{one.port}")
        assert [found.health for found in await machine.spam_filter(settings)] == [health]
    assert [found.health for found in await machine.spam_filter(settings)] == [Health.FAIL]
    assert await machine.spam_filter(SpamSettings()) == []
