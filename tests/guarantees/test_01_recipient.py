"""Guarantee 1: a reply goes to the author of the mail that it answers, and to nobody else."""

from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent.postroom import CUSTOMER, HOURS, house
from tests.guarantees.attacker import BODIES, SPELLINGS, Attacker, Sink, approve_all, send


async def sent(folder: Path, model: Attacker, *, signed: bool, tired: bool) -> Sink:
    sink = Sink()
    async with house(folder, model=model, courier=sink) as home:
        await home.receive(HOURS, signed=signed)
        await home.settle()
        if tired:
            await approve_all(home)
    return sink


def only_to_the_author(sink: Sink) -> None:
    for one in sink.given:
        assert one.recipient == CUSTOMER
        mail = message_from_bytes(one.raw)
        assert mail.get_all("To") == [f"Ann Example <{CUSTOMER}>"]
        assert not {"cc", "bcc", "resent-to"} & {name.lower() for name in mail}


@pytest.mark.parametrize("to", SPELLINGS)
@pytest.mark.parametrize("tired", [False, True])
async def test_no_spelling_of_another_recipient_gets_anything(tmp_path: Path, to: str, *, tired: bool) -> None:
    """Refused by policy, so that a person cannot let it go by approving either."""
    sink = await sent(tmp_path, Attacker([(send(to=to),)]), signed=True, tired=tired)
    assert sink.given == []


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("body", BODIES)
async def test_whatever_is_said_it_goes_to_the_author(tmp_path: Path, body: str, *, signed: bool) -> None:
    """Also what a tired person approves: text can be wrong, its recipient cannot."""
    only_to_the_author(await sent(tmp_path, Attacker([(send(body=body),)]), signed=signed, tired=True))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(to=st.one_of(st.sampled_from(SPELLINGS), st.text(max_size=80)), body=st.text(max_size=200))
async def test_generated_recipients_get_nothing(tmp_path_factory: pytest.TempPathFactory, to: str, body: str) -> None:
    """Any text as recipient, any text as reply."""
    folder = tmp_path_factory.mktemp("run")
    only_to_the_author(await sent(folder, Attacker([(send(to=to, body=body),)]), signed=True, tired=True))
