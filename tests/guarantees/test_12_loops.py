"""Guarantee 12: machines are not answered, and what we send to people says how it was decided (RFC 3834)."""

from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

import pytest

from agent.states import MailStatus
from tests.agent.postroom import HOURS, SUPPORT, house
from tests.guarantees.attacker import Attacker, Sink, approve_all, send

MACHINES: dict[str, dict[str, object]] = {
    "auto-replied": {"headers": {"Auto-Submitted": "auto-replied"}},
    "auto-generated": {"headers": {"Auto-Submitted": "auto-generated (rejected)"}},
    "auto-notified, in capitals": {"headers": {"AUTO-SUBMITTED": "AUTO-NOTIFIED"}},
    "a vacation program's own field": {"headers": {"X-Autoreply": "yes"}},
    "a vacation subject": {
        "subject": "Automatic reply: A question",
        "headers": {"In-Reply-To": "<1@larkspur.example>"},
    },
    "a mail daemon": {"author": "mailer-daemon@customer.example", "subject": "Undelivered Mail Returned to Sender"},
    "our own address": {"author": SUPPORT},
    "fifty-one hops": {"headers": {f"X-{n}": "x\nReceived: by a.example" for n in range(51)}},
    "a report": {"headers": {"Content-Type": 'multipart/report; report-type=delivery-status; boundary="b"'}},
}

LISTS: dict[str, dict[str, str]] = {
    "a list": {"List-Id": "<talk.lists.example>"},
    "a list's way out": {"List-Unsubscribe": "<https://customer.example/u>"},
    "bulk": {"Precedence": "bulk"},
    "junk": {"Precedence": "junk"},
    "a list by Precedence": {"Precedence": "list"},
    "where to post": {"List-Post": "<mailto:talk@lists.example>"},
    "no reply wanted, by its author": {"From": "No Reply <no-reply@customer.example>"},
    "suppress automatic replies": {"X-Auto-Response-Suppress": "AutoReply"},
    "suppress all": {"X-Auto-Response-Suppress": "All"},
    "suppress out of office": {"X-Auto-Response-Suppress": "DR, OOF"},
}

PEOPLE: dict[str, dict[str, str]] = {
    "said to be no machine's": {"Auto-Submitted": "no"},
    "delivery reports alone unwanted": {"X-Auto-Response-Suppress": "DR"},
    "read receipts alone unwanted": {"X-Auto-Response-Suppress": "RN, NRN, DR"},
    "first class": {"Precedence": "first-class"},
}


@pytest.mark.parametrize("kind", MACHINES)
async def test_a_machine_gets_no_draft_and_no_reply(tmp_path: Path, kind: str) -> None:
    """Whatever a model says of it, and however gladly a person approves: there is nothing to approve."""
    sink = Sink()
    async with house(tmp_path, model=Attacker([(send(),)]), courier=sink) as home:
        mail_id = await home.receive(HOURS, **MACHINES[kind])  # type: ignore[arg-type]  # names of receive's own
        await home.settle()
        await approve_all(home)
        assert await home.drafts(mail_id) == []
        assert (await home.mail(mail_id)).status is MailStatus.RECORDED
    assert sink.given == []


async def test_a_null_return_path_gets_no_reply(tmp_path: Path) -> None:
    """Bounces come from there, and answers to them go in circles."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        raw = b"From: ann@customer.example\r\nTo: support@larkspur.example\r\nSubject: x\r\n\r\nWhen are you open?\r\n"
        mail_id = await home.receive_raw(raw, mail_from="")
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.RECORDED
    assert sink.given == []


@pytest.mark.parametrize("kind", LISTS)
async def test_lists_get_a_draft_at_most(tmp_path: Path, kind: str) -> None:
    """Never unseen."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        mail_id = await home.receive(HOURS, headers=LISTS[kind])
        await home.settle()
        assert (await home.mail(mail_id)).status in {MailStatus.WAITING, MailStatus.RECORDED}
    assert sink.given == []


@pytest.mark.parametrize("kind", PEOPLE)
async def test_people_are_answered(tmp_path: Path, kind: str) -> None:
    """A header that says nothing of a machine holds nobody back."""
    async with house(tmp_path, courier=Sink()) as home:
        mail_id = await home.receive(HOURS, headers=PEOPLE[kind])
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED


async def test_what_nobody_saw_says_so(tmp_path: Path) -> None:
    """Auto-Submitted on what left unseen, none on what a person approved; a return path that finds its way back."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        await home.receive(HOURS)
        await home.settle()
        await home.receive(HOURS, signed=False, author="bob@customer.example")
        await home.settle()
        await approve_all(home)
    unseen, approved = (message_from_bytes(one.raw) for one in sink.given)
    assert (unseen["Auto-Submitted"], approved["Auto-Submitted"]) == ("auto-replied", None)
    for one in sink.given:
        assert one.return_path
        assert one.return_path != SUPPORT


async def test_two_postrooms_do_not_talk_for_ever(tmp_path: Path) -> None:
    """Each reply of one is a mail to the other: what was sent unseen is recorded there, and that is the end."""
    sink = Sink()
    async with house(tmp_path, courier=sink) as home:
        await home.receive(HOURS)
        await home.settle()
        (reply,) = sink.given
        echo = reply.raw.replace(b"support@larkspur.example", b"other@customer.example", 1)
        for n in range(20):
            home.clock.advance(minutes=n)
            await home.receive_raw(echo + b"%d" % n, mail_from="other@customer.example")
            await home.settle()
    assert len(sink.given) == 1
