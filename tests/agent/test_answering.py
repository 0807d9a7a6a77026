"""A colleague without a desk answers by mail: their words, proven, go to the author once; nobody else's do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent import answering, approval
from agent.additions import Brought, bring
from agent.config import Config
from agent.demo_world import Signature, finish, static_zone
from agent.states import MailStatus
from agent.store import drafts, trail
from inbound.contracts import Kind, NormalizedEmail, Recipient
from inbound.resolver import StaticZone
from outbound import tokens
from outbound.compose import Reply, compose
from outbound.contracts import Refused
from tests.agent.postroom import CUSTOMER, HOURS, ORDER, SIGNED, START, SUPPORT, House, configuration, house, keys
from tests.agent.test_notices import Kept, tell

RUTH = "ruth@people.example"
BEN = "ben@people.example"
OF_PEOPLE = (Signature(domain="people.example", algorithm="ed25519"),)
WORDS = "Dear Ann,\n\nyour parcel left us this morning.\n"


def answered_by(folder: Path, *people: str, **changes: Any) -> Config:
    return configuration(folder, answering={"people": list(people or (RUTH,))}, **changes)


@asynccontextmanager
async def homely(folder: Path, config: Config | None = None) -> AsyncIterator[House]:
    zone = static_zone(
        {"customer.example": "reject", "people.example": "reject", "larkspur.example": "reject"},
        (*SIGNED, *OF_PEOPLE),
        keys(),
    )
    async with house(folder, config=config or answered_by(folder), zone=StaticZone(zone)) as home:
        yield home


async def forwarded(home: House, text: str = ORDER, **more: Any) -> tuple[str, Message]:
    """A mail that waits, and its forward to the first of the people."""
    courier = Kept()
    mail_id = await home.receive(text, **more)
    await home.settle()
    await tell(home, courier)
    (first, *_) = courier.read()
    return mail_id, first


async def answer(
    home: House,
    to: str,
    words: str = WORDS,
    *,
    author: str = RUTH,
    signed: bool = True,
    also: tuple[str, ...] = (),
    **headers: str,
) -> str:
    given = {"From": f"Someone <{author}>", "To": to, "Subject": "Re: [Postroom] Fwd: A question", "Date": "@NOW@"}
    given |= {"Message-ID": f"<{home.sent}.{len(words)}@people.example>", "Content-Type": "text/plain", **headers}
    home.sent += 1
    block = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in given.items())
    raw = finish(f"{block}\n{words}".encode(), home.clock(), keys(), OF_PEOPLE if signed else ())
    mail_id = await home.receive_raw(raw, mail_from=author, to=(to, *also))
    await home.settle()
    return mail_id


async def test_their_words_go_to_the_author_as_the_mailboxs_reply(tmp_path: Path) -> None:
    """The forward names an address of its own; recipient, sender and subject are ours; that person approved it."""
    async with homely(tmp_path) as home:
        mail_id, notice = await forwarded(home)
        assert (notice["To"], notice["Auto-Submitted"]) == (RUTH, "auto-generated")
        assert notice["Reply-To"].startswith("answer+")
        quoted = WORDS + "\nOn Fri, 20 Nov 2026 at 12:00, Larkspur <support@larkspur.example> wrote:\n> A mail to us\n"
        own = await answer(home, notice["Reply-To"], quoted)
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
        (reply,) = [message_from_bytes(raw) for raw in home.replies()]
        assert (reply["To"], reply["From"]) == (f"Ann Example <{CUSTOMER}>", f"Larkspur <{SUPPORT}>")
        assert (reply["Subject"], reply["Reply-To"], reply["Auto-Submitted"]) == ("Re: A question", None, None)
        payload = reply.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert payload.decode().replace("\r\n", "\n") == WORDS
        filed = await home.mail(own)
        assert (filed.status, filed.status_reason) == (MailStatus.CLOSED, f"sent as the reply to {mail_id}")
        async with home.parts.database.read() as tx:
            events = {one.event: one for one in await trail.of_mail(tx, mail_id)}
            (row,) = [one for one in await trail.of_mail(tx, own) if one.event == "answer_by_mail"]
        assert events["approved"].actor == f"{RUTH} by mail"
        assert row.data["answers"] == mail_id


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"signed": False}, "nothing proves"),
        ({"author": BEN}, "nothing proves"),
        ({"author": "ruth@elsewhere.example", "signed": False}, "nothing proves"),
        ({"words": "> A mail to us\n"}, ""),
    ],
)
async def test_nobody_elses_words_go_out(tmp_path: Path, given: dict[str, Any], why: str) -> None:
    """Forged, another person's though signed, or nothing new: a person sees it, the customer's mail still waits."""
    async with homely(tmp_path) as home:
        mail_id, notice = await forwarded(home)
        own = await answer(home, notice["Reply-To"], **given)
        assert (await home.mail(mail_id)).status is MailStatus.WAITING
        filed = await home.mail(own)
        assert (filed.status, home.replies()) == (MailStatus.PERSON, [])
        assert why in filed.status_reason


async def test_who_is_not_listed_any_more_answers_nothing(tmp_path: Path) -> None:
    """The address that they once got is worth nothing then."""
    async with homely(tmp_path) as home:
        mail_id, notice = await forwarded(home)
        object.__setattr__(home.parts, "config", answered_by(tmp_path, BEN))
        own = await answer(home, notice["Reply-To"])
        assert "not listed" in (await home.mail(own)).status_reason
        assert ((await home.mail(mail_id)).status, home.replies()) == (MailStatus.WAITING, [])


async def test_an_absence_note_is_no_answer(tmp_path: Path) -> None:
    """What a machine of theirs writes is recorded."""
    async with homely(tmp_path) as home:
        mail_id, notice = await forwarded(home)
        own = await answer(home, notice["Reply-To"], "I am away.\n", Auto_Submitted="auto-replied")
        assert (await home.mail(own)).status is MailStatus.RECORDED
        assert ((await home.mail(mail_id)).status, home.replies()) == (MailStatus.WAITING, [])


async def test_the_first_answer_counts(tmp_path: Path) -> None:
    """Two people are asked; the second hears that somebody was first, and nothing leaves twice."""
    async with homely(tmp_path, answered_by(tmp_path, RUTH, BEN)) as home:
        courier = Kept()
        mail_id = await home.receive(ORDER)
        await home.settle()
        await tell(home, courier)
        to = {notice["To"]: notice["Reply-To"] for notice in courier.read()}
        await answer(home, to[BEN], "Dear Ann, it left today.\n", author=BEN)
        late = await answer(home, to[RUTH])
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
        assert len(home.replies()) == 1
        assert (await home.mail(late)).status is MailStatus.PERSON
        told = Kept()
        await tell(home, told)
        (word,) = [one for one in told.read() if "not sent" in one["Subject"]]
        assert (word["To"], word["Reply-To"]) == (RUTH, None)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("See https://other.example/track for it.\n", "links"),
        ("Your order is {{status}}.\n", "nobody filled in"),
        ("A mail to us from [Postroom] came.\n", "words of the forward"),
    ],
)
async def test_doubtful_words_wait_at_the_desk(tmp_path: Path, words: str, why: str) -> None:
    """Who writes by mail does not see what policy says; at the desk it can be approved, or edited."""
    async with homely(tmp_path) as home:
        mail_id, notice = await forwarded(home)
        own = await answer(home, notice["Reply-To"], words)
        assert (await home.mail(mail_id)).status is MailStatus.WAITING
        draft = await home.waiting(mail_id)
        assert (draft.origin, draft.proposal.plain_text, home.replies()) == ("person", words, [])
        assert why in (await home.mail(own)).status_reason


async def test_an_answer_that_is_read_twice_sends_once(tmp_path: Path) -> None:
    """A process that dies anywhere in between does the same again."""
    async with homely(tmp_path) as home:
        mail_id, notice = await forwarded(home)
        forward = tokens.read_answer(home.parts.keys.token, notice["Reply-To"])
        assert forward is not None
        own = await answer(home, notice["Reply-To"])
        stored = await home.mail(own)
        email = NormalizedEmail.model_validate(stored.normalized)
        again = answering.Answer(own, forward, RUTH, Kind.PERSONAL, email)
        assert (await answering.take(home.parts, again)).done
        await home.settle()
        async with home.parts.database.read() as tx:
            assert len([one for one in await drafts.of_mail(tx, mail_id) if one.origin == "person"]) == 1
        assert len(home.replies()) == 1


async def test_mail_that_is_answered_by_itself_is_not_forwarded(tmp_path: Path) -> None:
    """Only what waits for a person, once, and not before its time."""
    config = configuration(tmp_path, answering={"people": [RUTH], "after_minutes": 30})
    async with homely(tmp_path, config) as home:
        courier = Kept()
        await home.receive(HOURS)
        waits = await home.receive("Tell me about roses.", subject="Roses")
        await home.settle()
        await tell(home, courier)
        assert courier.mails == []
        home.clock.advance(minutes=31)
        await tell(home, courier)
        await tell(home, courier)
        (notice,) = courier.read()
        assert "Roses" in notice["Subject"]
        assert (await home.mail(waits)).status is MailStatus.PERSON
        await answer(home, notice["Reply-To"])
        assert (await home.mail(waits)).status is MailStatus.ANSWERED


async def test_a_rules_forward_to_them_is_answered_too(tmp_path: Path) -> None:
    """It stays open until they answer, whoever else got it; who is not listed gets no such address."""
    rule = {"name": "roses", "subjects": ["roses"], "action": "forward", "forward_to": [RUTH, BEN]}
    config = answered_by(tmp_path, triage=[rule])
    async with homely(tmp_path, config) as home:
        mail_id, courier = await home.receive("Which?", subject="Roses"), Kept()
        await home.settle()
        await tell(home, courier)
        to = {notice["To"]: notice["Reply-To"] for notice in courier.read()}
        assert to[BEN] is None
        await answer(home, to[RUTH])
        assert len(home.replies()) == 1
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED


async def test_the_door_takes_only_addresses_that_we_made(tmp_path: Path) -> None:
    """Others are unknown there; a return path is none for answers, nor the other way round."""
    async with homely(tmp_path) as home:
        key, known = home.parts.keys.token, home.service.intake.recipient
        mine = tokens.answer_to(key, "n-1", "larkspur.example")
        assert known(mine) is Recipient.ANSWER
        assert known(mine.upper().replace("LARKSPUR.EXAMPLE", "larkspur.example")) is Recipient.ANSWER
        for forged in (mine.replace("n-1", "n-2"), mine.replace("larkspur", "evil"), "answer+x@larkspur.example"):
            assert known(forged) is Recipient.UNKNOWN
        assert tokens.read_answer(key, tokens.verp(key, "n-1", "larkspur.example").replace("bounces", "answer")) is None
        assert tokens.read_verp(key, mine.replace("answer", "bounces")) is None


def test_only_a_notice_says_where_answers_go(tmp_path: Path) -> None:
    """A reply never has a Reply-To; and people are no mailboxes of ours."""
    reply = Reply(
        from_address=SUPPORT,
        to_address=CUSTOMER,
        subject="Re: x",
        body="Hello\n",
        message_id="1@larkspur.example",
        date=START,
        way="approved",
        reply_to="answer+1@larkspur.example",
    )
    assert isinstance(compose(reply), Refused)
    assert not isinstance(compose(reply.model_copy(update={"way": "notice"})), Refused)
    assert isinstance(
        compose(reply.model_copy(update={"way": "notice", "reply_to": "a@b.example, c@d.example"})), Refused
    )
    with pytest.raises(ValidationError, match="mailbox of ours"):
        answered_by(tmp_path, SUPPORT)


async def test_a_person_at_the_desk_may_be_first(tmp_path: Path) -> None:
    """Then the answer by mail comes too late and a person sees it."""
    async with homely(tmp_path) as home:
        mail_id, notice = await forwarded(home, HOURS, signed=False)
        draft = await home.waiting(mail_id)
        await approval.approve(home.parts, draft.id, by="ben", seen_hash=draft.approval_hash)
        await home.settle()
        own = await answer(home, notice["Reply-To"])
        assert ((await home.mail(own)).status, len(home.replies())) == (MailStatus.PERSON, 1)


async def test_what_a_colleague_put_to_the_draft_does_not_leave_by_mail(tmp_path: Path) -> None:
    """Who answers by mail saw neither the copies nor the files."""
    async with homely(tmp_path) as home:
        mail_id, notice = await forwarded(home, HOURS, signed=False)
        draft = await home.waiting(mail_id)
        put = bring("bo@partner.example", [("offer.pdf", b"%PDF")])
        assert isinstance(put, Brought)
        words = draft.proposal
        await approval.edit(
            home.parts, draft.id, by="ben", subject=words.subject, plain_text=words.plain_text,
            seen_hash=draft.approval_hash, brought=put,
        )  # fmt: skip
        await answer(home, notice["Reply-To"])
        (reply,) = home.replies()
        assert b"Cc:" not in reply
        assert b"offer.pdf" not in reply
