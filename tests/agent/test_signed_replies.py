"""Replies are signed with the configured keys; a receiver that asks DNS finds them aligned and whole."""

from __future__ import annotations

import json
import subprocess
import threading
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from agent.parts import Parts
from inbound.authentication import check
from inbound.contracts import Envelope, NormalizedEmail
from inbound.mime import normalize
from inbound.resolver import StaticZone
from inbound.settings import IdentitySettings
from outbound.dkim import DkimKey, sign
from tests.agent.postroom import HOURS, SUPPORT, house
from tests.peers_node import PEERS, node

RSA = rsa.generate_private_key(65537, 2048)


def keys(domain: str) -> tuple[DkimKey, ...]:
    return DkimKey(domain, "r1", RSA), DkimKey(domain, "e1", ed25519.Ed25519PrivateKey.generate())


async def proven(raw: bytes, given: tuple[DkimKey, ...]) -> str | None:
    """The author that a receiver holds for proven."""
    zone = {f"{key.selector}._domainkey.{key.domain}": {"TXT": [key.record()]} for key in given}
    email = normalize(raw)
    assert isinstance(email, NormalizedEmail)
    envelope = Envelope(
        door="smtp",
        mail_from="",
        rcpt_to=("ann@customer.example",),
        peer="192.0.2.1",
        helo="x",
        received_at=datetime.now(UTC),
    )
    found = await check(
        raw,
        email,
        envelope,
        resolver=StaticZone(zone),
        settings=IdentitySettings(),
        forwarders=(),
        now=datetime.now(UTC),
    )
    return found.author


def by_mailauth(raw: bytes, given: tuple[DkimKey, ...]) -> list[list[str]]:
    """What npm's mailauth says of each signature."""
    zone = {f"{key.selector}._domainkey.{key.domain}": {"TXT": [key.record()]} for key in given}
    case = {"raw": b64encode(raw).decode(), "zone": zone, "ip": "192.0.2.1", "helo": "x", "mail_from": SUPPORT}
    command = [node(), "verdicts.mjs"]
    done = subprocess.run(command, input=json.dumps([case]), cwd=PEERS, capture_output=True, text=True, check=True)
    return [one for one in json.loads(done.stdout)[0]["dkim"] if one[0]]


@pytest.mark.parametrize(
    ("domain", "signatures"), [("larkspur.example", 2), ("mail.larkspur.example", 2), ("other.example", 0)]
)
async def test_what_leaves_carries_both_signatures(tmp_path: Path, domain: str, signatures: int) -> None:
    """With a key of our domain or one below it; a key of somebody else's signs nothing of ours."""
    given = keys(domain)

    def change(parts: Parts) -> Parts:
        return replace(parts, dkim_keys=given)

    async with house(tmp_path, change=change) as home:
        await home.receive(HOURS)
        await home.settle()
        (raw,) = home.replies()
    assert raw.count(b"DKIM-Signature: ") == signatures
    assert by_mailauth(raw, given) == [[domain, "pass"]] * signatures
    assert await proven(raw, given) == (SUPPORT if signatures else None)
    assert await proven(raw.replace(b"from 9 to 18", b"from 8 to 18"), given) is None


async def test_signing_does_not_hold_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done in another thread."""
    seen = []

    def noted(raw: bytes, given: tuple[DkimKey, ...]) -> bytes:
        seen.append(threading.get_ident())
        return sign(raw, given)

    monkeypatch.setattr("agent.dispatch.sign", noted)
    async with house(tmp_path, change=lambda parts: replace(parts, dkim_keys=keys("larkspur.example"))) as home:
        await home.receive(HOURS)
        await home.settle()
        assert len(home.replies()) == 1
    assert seen
    assert threading.get_ident() not in seen
