"""The dry run: everything is written down, nothing leaves, nothing is hidden."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from outbound.contracts import ApprovedEmail
from outbound.couriers.registry import open_courier
from outbound.settings import CourierSettings
from tests.outbound.mails import composed, policy, try_authorize


async def test_what_would_be_sent_is_written_down(tmp_path: Path) -> None:
    """A line each time, and the very bytes, for their owner alone."""
    courier = open_courier(CourierSettings(kind="log", path=tmp_path / "out"))
    email = try_authorize(composed(), policy())
    assert isinstance(email, ApprovedEmail)
    assert [(await courier.deliver(email)).kind for _ in range(2)] == ["sent", "sent"]
    await courier.close()
    lines = [json.loads(line) for line in (tmp_path / "out" / "would-send.jsonl").read_text().splitlines()]
    assert len(lines) == 2
    assert (lines[0]["to"], lines[0]["subject"], lines[0]["sha256"]) == (
        "ann@customer.example",
        "Re: Opening hours",
        email.sha256,
    )
    kept = tmp_path / "out" / f"{email.sha256}.eml"
    assert kept.read_bytes() == email.raw
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


async def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    """Nothing is called sent that was not written."""
    (tmp_path / "out").write_text("a file")
    courier = open_courier(CourierSettings(kind="log", path=tmp_path / "out"))
    email = try_authorize(composed(), policy())
    assert isinstance(email, ApprovedEmail)
    assert (await courier.deliver(email)).kind == "again"
