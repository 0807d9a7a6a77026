"""Guarantee 24: logs are one structured line an event; nothing of a mail, and no secret, stands in them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from agent import approval, closing, events, switch
from outbound.contracts import Never
from tests.agent.postroom import HOURS, ORDER, configuration, house
from tests.agent.test_delivery import Told
from tests.guarantees.attacker import CANARY, Attacker, Sink, approve_all, send

SECRET = "s3cret-bearer-token"
FORGED = f"{CANARY}\nlevel=error event=forged\r\n\x1b[2J"


@pytest.fixture(autouse=True)
def _logged() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    events.configure("debug", "json")
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


async def test_a_mails_whole_life_leaves_no_word_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text, subject, name, draft, edit and reasons hold a canary; every line is one event of its own."""
    lookup = {
        "name": "order_status",
        "question": "x",
        "url": "http://127.0.0.1:9/{order}",
        "variables": {"order": r"LG-\d{5}"},
        "fields": ["status"],
        "owner": "email",
        "token": SECRET,
    }
    config = configuration(tmp_path, lookup=[lookup])
    async with house(tmp_path, config=config, courier=Told(Never(reason=f"550 {CANARY}"))) as home:
        for text in (HOURS, ORDER, f"{CANARY} {HOURS}"):
            await home.receive(f"{text}\n\n{CANARY}", subject=f"Hours {CANARY}", headers={"X-Name": CANARY})
        plain = await home.receive(HOURS)
        waits = await home.receive(HOURS, signed=False)
        await home.receive_raw(
            b"From: a@b.example\r\n" + b"X: y\r\n" * 60_000 + CANARY.encode(), mail_from="a@b.example"
        )
        kinds = f"--b\r\nContent-Type: image/{CANARY}\r\nContent-Transfer-Encoding: {CANARY}\r\n\r\nx\r\n--b--\r\n"
        head = f"From: a@b.example\r\nX-{CANARY}: y\r\nContent-Type: multipart/mixed; boundary=b; charset={CANARY}"
        await home.receive_raw(f"{head}\r\n\r\n{kinds}".encode(), mail_from=f"{CANARY}@b.example")
        await home.settle()
        draft = await home.waiting(waits)
        seen = draft.approval_hash
        await approval.edit(home.parts, draft.id, by="ruth", subject="Re: x", plain_text=CANARY, seen_hash=seen)
        await approval.reject(home.parts, (await home.waiting(waits)).id, by="ruth", reason=CANARY)
        await closing.close(home.parts, plain, by="ruth", reason=CANARY)
        await switch.pause(home.parts, "", by="ruth")
        await home.settle()
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) > 10
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert CANARY not in said.err
    assert SECRET not in said.err


async def test_a_model_cannot_write_to_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor start a line of its own: what it says is in the store, and codes are in the log."""
    model = Attacker([(send(body=FORGED, subject=FORGED),)], risks=[FORGED], intent=FORGED)
    async with house(tmp_path, model=model, courier=Sink()) as home:
        await home.receive(FORGED.replace("\r", " "))
        await home.settle()
        await approve_all(home)
    err = capsys.readouterr().err
    assert all(isinstance(json.loads(line), dict) for line in err.splitlines())
    assert CANARY not in err
    assert "forged" not in err
