"""What is forgotten, when, and what never is."""

from __future__ import annotations

from pathlib import Path

from agent.retention import prune
from agent.states import MailStatus
from agent.store import mails, runs
from agent.story import tell
from tests.agent.postroom import HOURS, House, configuration, house


async def kept(home: House, mail_id: str) -> tuple[bool, int]:
    """Whether the bytes are there, and how many exchanges with models."""
    async with home.parts.database.read() as tx:
        return await mails.raw(tx, mail_id) is not None, len(await runs.exchanges(tx, mail_id))


async def test_what_is_past_its_time_goes_and_the_story_stays(tmp_path: Path) -> None:
    """Bytes of answered mail and what the model said; the audit still verifies."""
    config = configuration(tmp_path, retention={"model_calls_days": 30, "raw_mail_days": 10})
    async with house(tmp_path, config=config) as home:
        answered = await home.receive(HOURS)
        waiting = await home.receive(HOURS, signed=False)
        await home.settle()
        assert await prune(home.parts) == 0
        home.clock.advance(days=11)
        assert await prune(home.parts) == 6, "the bytes, and five buckets that are full again"
        assert await kept(home, answered) == (False, 4)
        assert (await kept(home, waiting))[0], "a person may still want to see it"
        home.clock.advance(days=20)
        await prune(home.parts)
        assert await kept(home, answered) == (False, 0)
        assert (await kept(home, waiting))[1] > 0, "its run is open"
        async with home.parts.database.read() as tx:
            story = await tell(tx, home.parts.audit, answered)
        assert story is not None
        assert (story.mail.status, story.broken) == (MailStatus.ANSWERED, "")


async def test_by_default_bytes_are_kept_for_ever(tmp_path: Path) -> None:
    """Who wants them gone says so."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        home.clock.advance(days=10_000)
        await prune(home.parts)
        assert await kept(home, mail_id) == (True, 0)
