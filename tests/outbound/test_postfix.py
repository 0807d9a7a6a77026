"""Debian's Postfix as the smarthost: TLS, log-in, and what it says of each mail, as real servers say it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outbound.contracts import DeliveryResult
from outbound.couriers.smtp import SmtpCourier
from outbound.settings import CourierSettings
from tests.outbound.mails import approved
from tests.outbound.postfix import PASSWORD, SIZE_LIMIT, USER, Postfix, missing, smarthost
from tests.outbound.smtp_peers import Sink, certificate, sink


@asynccontextmanager
async def onward(folder: Path) -> AsyncIterator[tuple[Postfix, Sink]]:
    """Postfix, and behind it a server that takes what it hands on."""
    if why := missing():
        pytest.skip(why)
    authority, _ = certificate(folder, "localhost")
    async with sink() as taken:
        with smarthost(taken.port, authority, folder / "localhost.key") as made:
            yield made, taken


def courier(made: Postfix, **changes: Any) -> SmtpCourier:
    fields: dict[str, Any] = {
        "kind": "smtp",
        "host": "localhost",
        "port": made.starttls,
        "tls": "starttls",
        "ca_file": made.authority,
        "username": USER,
        "password": PASSWORD,
    }
    return SmtpCourier(CourierSettings.model_validate(fields | changes))


async def deliver(made: Postfix, mail: dict[str, Any] | None = None, **changes: Any) -> DeliveryResult:
    one = courier(made, **changes)
    found = await one.deliver(approved(**(mail or {})))
    await one.close()
    return found


def to(name: str) -> dict[str, Any]:
    return {"to_address": f"{name}@customer.example"}


async def test_postfix_takes_what_was_approved_and_refuses_as_servers_do(tmp_path: Path) -> None:
    """One Postfix for all of it: to start one costs more than everything else here."""
    async with onward(tmp_path) as (made, taken):
        doors: tuple[dict[str, Any], ...] = ({}, {"port": made.tls, "tls": "tls"})
        for door in doors:
            found = await deliver(made, None, **door)
            assert found.kind == "sent", found
            assert "queued as" in found.model_dump()["detail"]
        words = {"subject": "Re: Öffnungszeiten", "body": "Grüße\n.\n..\nFrom us\n"}
        one = courier(made)
        found_all = [await one.deliver(approved(**words)) for _ in range(3)]
        await one.close()
        assert [one.kind for one in found_all] == ["sent"] * 3, "over one kept connection"
        ends = {
            "nobody": "never",
            "later": "again",
            "blocked": "never",
            "closing": "again",
            "ann": "sent",
        }
        assert {name: (await deliver(made, to(name))).kind for name in ends} == ends
        assert (await deliver(made, password="wrong")).kind == "again"
        assert (await deliver(made, username="", password="")).kind in {"again", "never"}
        assert (await deliver(made, {"body": "a line\n" * SIZE_LIMIT})).kind == "never"
        assert (await deliver(made, ca_file=None)).kind == "again", "an authority that nobody named"
        assert (await deliver(made, host="127.0.0.1")).kind == "sent", "the certificate has this name too"
        await taken.wait_for(7)
    given = {approved().raw, approved(**words).raw}
    handed_on = {one.content[one.content.index(b"From: ") :] for one in taken.accepted}
    assert handed_on == given, "not a byte of what was approved is another, but the Received before it"
    assert {tuple(one.rcpt_to) for one in taken.accepted} == {("ann@customer.example",)}
    assert {one.mail_from for one in taken.accepted} == {"bounces+p1abc@acme.example"}
