"""Large mails are read where they can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from inbound import containment
from inbound.bounds import DEFAULT_BOUNDS
from inbound.containment import SMALL, close, in_child, normalize_bounded
from inbound.contracts import NormalizedEmail, Quarantined
from inbound.mime import normalize

LARGE = b"From: a@b.example\r\nSubject: x\r\n\r\n" + b"hello there\r\n" * (SMALL // 10)


@pytest.fixture(autouse=True)
def _no_reader_is_left() -> Iterator[None]:
    yield
    close()
    assert not containment._pool._all


def readers() -> list[int]:
    return [reader.process.pid for reader in containment._pool._all]


async def test_a_large_mail_is_read_as_a_small_one() -> None:
    """The child gives what this process would have given, and is kept for the next one."""
    assert await normalize_bounded(LARGE) == normalize(LARGE)
    first = readers()
    assert await normalize_bounded(LARGE) == normalize(LARGE)
    assert readers() == first
    assert len(first) == 1


async def test_a_small_mail_needs_no_child() -> None:
    """Most mail is small."""
    assert isinstance(await normalize_bounded(b"From: a@b.example\r\n\r\nhi"), NormalizedEmail)
    assert readers() == []


async def test_bounds_reach_the_child() -> None:
    """A caller's own bounds hold there too."""
    found = await in_child(LARGE, DEFAULT_BOUNDS.model_copy(update={"text": 100}), 15)
    assert isinstance(found, NormalizedEmail)
    assert len(found.text) <= 100


async def test_what_takes_too_long_is_killed_and_quarantined() -> None:
    """And the next mail proceeds."""
    found = await normalize_bounded(LARGE, seconds=0.0001)
    assert isinstance(found, Quarantined)
    assert "within 0.0001 s" in found.reason
    assert readers() == []
    assert isinstance(await normalize_bounded(LARGE), NormalizedEmail)


async def test_a_reader_that_died_is_replaced() -> None:
    """Somebody may have ended it for another reason than the mail: the mail gets its second try."""
    await normalize_bounded(LARGE)
    (pid,) = readers()
    os.kill(pid, signal.SIGKILL)
    assert isinstance(await normalize_bounded(LARGE), NormalizedEmail)
    assert pid not in readers()


async def test_a_cancelled_caller_leaves_no_reader_at_work() -> None:
    """The child is killed with its mail in hand."""
    await normalize_bounded(LARGE)
    (pid,) = readers()
    task = asyncio.create_task(normalize_bounded(LARGE * 100))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(await normalize_bounded(LARGE), NormalizedEmail)
    assert pid not in readers()


async def test_many_at_once_share_two_readers() -> None:
    """No more processes than READERS, whatever the load."""
    found = await asyncio.gather(*(normalize_bounded(LARGE) for _ in range(6)))
    assert all(isinstance(one, NormalizedEmail) for one in found)
    assert len(readers()) <= containment.READERS


async def test_a_reader_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """What parses strangers' mail sees neither keys nor passwords."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary-41")
    await normalize_bounded(LARGE)
    (pid,) = readers()
    environment = await asyncio.to_thread(Path(f"/proc/{pid}/environ").read_bytes)
    assert b"PATH" in environment
    assert b"canary-41" not in environment
