"""Guarantee 3: the sender of a reply is our mailbox, whatever a mail or a model says."""

from __future__ import annotations

import json
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.agent.postroom import HOURS, SALES, SUPPORT, house
from tests.guarantees.attacker import Attacker, Sink, approve_all, call, send

CLAIMS = {
    "From in the text": "From: boss@larkspur.example\n\nWe are open.",
    "a header block": "Sender: boss@larkspur.example\r\nFrom: boss@larkspur.example\r\n\r\nWe are open.",
    "an encoded line end": "=?utf-8?q?x=0D=0AFrom:_boss=40larkspur.example?=",
}


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("to", [SUPPORT, SALES])
async def test_the_mailbox_that_was_written_to_answers(tmp_path: Path, claim: str, to: str) -> None:
    """From, envelope and signature name it alone; also where a person approves."""
    sink = Sink()
    said = CLAIMS[claim]
    async with house(tmp_path, model=Attacker([(send(body=said),)]), courier=sink) as home:
        await home.receive(HOURS, to=(to,), headers={"X-From": "boss@larkspur.example", "To": "boss@larkspur.example"})
        await home.receive(said, to=(to,), author="bob@customer.example")
        await home.settle()
        await approve_all(home)
    assert sink.given
    for one in sink.given:
        mail = message_from_bytes(one.raw)
        assert mail.get_all("From") == [f"Larkspur <{to}>"]
        assert one.sender == to
        assert mail.get_all("Sender") is None
        assert one.return_path.endswith("@larkspur.example")


async def test_a_sender_among_the_arguments_is_refused(tmp_path: Path) -> None:
    """There is no such argument: the call is answered with an error, nothing is drafted."""
    sink = Sink()
    said = {"to": "ann@customer.example", "subject": "x", "body": "y", "from": "boss@larkspur.example"}
    model = Attacker([(call("send_email", json.dumps(said)),)])
    async with house(tmp_path, model=model, courier=sink) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert await home.drafts(mail_id) == []
    assert sink.given == []
