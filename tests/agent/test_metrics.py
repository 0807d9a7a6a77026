"""Figures for a monitoring system, and what the desk and the command line say of the breaker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent import breaker, reputation_commands, suppress_commands, switch
from agent.states import MailStatus
from agent.web import metrics
from tests.agent.desk_visitor import strict, visiting
from tests.agent.postroom import CUSTOMER, HOURS, SUPPORT, configuration, house

LINE = re.compile(r'(?:# HELP postroom_\w+ \S.*|# TYPE postroom_\w+ gauge|postroom_\w+(?:\{\w+="[^"\n]*"\})? \d+)')


async def test_the_figures_say_how_it_stands(tmp_path: Path) -> None:
    """For whoever has no session, in Prometheus' form, without an address of a correspondent or a word of a mail."""
    async with visiting(tmp_path, inside=False) as visitor:
        home = visitor.home
        await visitor.drafted()
        await home.receive(HOURS, author="bob@customer.example")
        await home.settle()
        await suppress_commands.put(home.parts, [(CUSTOMER, "manual", "")], "ruth")
        for state, number in (("closed", 0), ("open", 2)):
            if state == "open":
                await breaker.trip(home.parts, by="ruth", reason="a blocklist names us")
                await switch.pause(home.parts, SUPPORT, by="ruth")
            answer = await visitor.client.get("/metrics")
            assert (answer.status_code, list(strict(answer))) == (200, [])
            assert answer.headers["content-type"] == metrics.MEDIA
            lines = answer.text.splitlines()
            assert [one for one in lines if not LINE.fullmatch(one)] == []
            assert f"postroom_breaker {number}" in lines
            assert (f'postroom_paused{{scope="{SUPPORT}"}} 1' in lines) is (state == "open")
        assert 'postroom_mails{status="waiting"} 1' in lines
        assert 'postroom_mails{status="answered"} 1' in lines
        assert sum(one.startswith("postroom_mails") for one in lines) == len(MailStatus)
        assert "postroom_suppressed 1" in lines
        assert "customer" not in answer.text
        assert "blocklist" not in answer.text
        refused = await visitor.client.get("/metrics", headers={"host": "evil.example"})
        assert refused.status_code == 421


def test_every_figure_is_documented() -> None:
    """In the module, with what it means."""
    assert metrics.__doc__ is not None
    named = set(re.findall(r"`(postroom_\w+)`", metrics.__doc__))
    made = {f"postroom_{one}" for one in re.findall(r'Figure\(\s*"(\w+)"', Path(metrics.__file__).read_text("utf-8"))}
    assert named == made


def test_a_label_breaks_no_line() -> None:
    """Whatever stands in it."""
    odd = metrics.Figure("odd", "x", "of", {'a"b\\c\nd': 1})
    assert "".join(metrics.written([odd])).splitlines()[-1] == r'postroom_odd{of="a\"b\\c\nd"} 1'


async def test_the_desk_says_that_it_is_open_and_closes_it(tmp_path: Path) -> None:
    """Its reason, on the first page, with the button; nothing is said while it is closed."""
    async with visiting(tmp_path) as visitor:
        assert "breaker" not in (await visitor.page("/")).text
        await breaker.trip(visitor.home.parts, by="ruth", reason="a <blocklist> names us")
        page = await visitor.page("/")
        assert "Nothing leaves unseen: the breaker is open since" in page.text
        assert "a <blocklist> names us" in page.text
        form = next(one for one in page.forms if one.action == "/breaker/close")
        assert (await visitor.client.post("/breaker/close")).status_code == 403
        assert (await visitor.post(form)).status_code == 303
        assert "breaker" not in (await visitor.page("/")).text


async def test_the_command_line_opens_closes_and_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes for scripts: 1 while something keeps replies back, or where nothing was changed."""
    config = configuration(tmp_path)
    async with house(tmp_path, config=config):
        pass
    assert await reputation_commands.status(config) == 0
    assert "the breaker is closed" in capsys.readouterr().out
    assert await reputation_commands.trip(config, "ruth", "a blocklist names us") == 0
    assert await reputation_commands.trip(config, "ruth", "again") == 1
    assert await reputation_commands.status(config) == 1
    said = capsys.readouterr().out
    assert "the breaker is open since" in said
    assert f"{SUPPORT}: the breaker is open" in said
    assert await reputation_commands.close(config, "ruth") == 0
    assert await reputation_commands.close(config, "ruth") == 1
