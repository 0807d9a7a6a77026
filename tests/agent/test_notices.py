"""What the team is told: once, in plain words, nobody else, and never lost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from agent import approval, breaker, notices, noticing
from agent.config import Config
from agent.states import MailStatus, NoticeState
from agent.store import locks, mails
from agent.store import notices as store
from agent.store.notices import Waiting
from agent.web.server import bind, serving
from outbound.compose import Reply, compose
from outbound.contracts import Again, ApprovedEmail, DeliveryResult, InDoubt, Refused, Sent
from tests.agent.postroom import HOURS, ORDER, START, SUPPORT, House, configuration, house

TEAM = "team@people.example"
LEASE = timedelta(minutes=5)


class Kept:
    """A courier that keeps what it is given, and answers what a test wants."""

    name = "kept"

    def __init__(self, *answers: DeliveryResult) -> None:
        self.answers = list(answers)
        self.mails: list[ApprovedEmail] = []

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        self.mails.append(email)
        return self.answers.pop(0) if self.answers else Sent(detail="250 ok")

    async def close(self) -> None:
        """Nothing is open."""

    def read(self) -> list[Message]:
        return [message_from_bytes(one.raw) for one in self.mails]


def told(folder: Path, **changes: object) -> Config:
    return configuration(folder, notices={"team": [TEAM], "digest_hour": -1, **changes})


def text_of(mail: Message) -> str:
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


async def tell(home: House, courier: Kept) -> None:
    await noticing.look(home.parts)
    while await noticing.send(home.parts, courier, LEASE):
        pass


async def test_a_draft_that_waits_too_long_is_told_once(tmp_path: Path) -> None:
    """Not before its time, then one mail to the team, then no more."""
    courier = Kept()
    async with house(tmp_path, config=told(tmp_path)) as home:
        mail_id = await home.receive(ORDER, signed=False)
        await home.settle()
        await tell(home, courier)
        home.clock.advance(hours=23, minutes=59)
        await tell(home, courier)
        assert courier.mails == []
        home.clock.advance(minutes=1)
        for _ in range(3):
            await tell(home, courier)
            home.clock.advance(hours=24)
        (found,) = courier.read()
        assert (found["To"], found["Auto-Submitted"]) == (TEAM, "auto-generated")
        assert found["Subject"] == "[Postroom] 1 mail: nobody has answered for 1 day"
        assert f"postroom review show {mail_id}" in text_of(found)


async def test_what_was_decided_meanwhile_is_not_told(tmp_path: Path) -> None:
    """Noted, then answered before it was put into words: nobody is sent to look at what is done."""
    courier = Kept()
    async with house(tmp_path, config=told(tmp_path, tell=["waiting"])) as home:
        mail_id = await home.receive(ORDER, signed=False)
        await home.settle()
        await noticing.note(home.parts)
        draft = await home.waiting(mail_id)
        await approval.reject(home.parts, draft.id, by="ruth", reason="no")
        async with home.parts.database.write() as tx:
            await locks.mail(tx, mail_id)
            await mails.move(tx, mail_id, MailStatus.CLOSED, "done")
        await tell(home, courier)
        assert courier.mails == []


async def test_many_are_one_mail(tmp_path: Path) -> None:
    """A flood of mail makes no flood of notices."""
    courier = Kept()
    async with house(tmp_path, config=told(tmp_path, tell=["waiting"])) as home:
        for n in range(25):
            await home.receive(ORDER, signed=False, author=f"p{n}@other.example")
        await home.settle()
        await tell(home, courier)
        (found,) = courier.read()
        assert found["Subject"] == "[Postroom] 25 mails: a draft waits for a person"
        assert "and 5 more" in str(found.get_payload(decode=True))


async def test_one_that_does_not_leave_is_tried_again(tmp_path: Path) -> None:
    """With the same Message-ID, later each time; a doubt is no reason not to tell."""
    courier = Kept(Again(reason="busy"), InDoubt(reason="cut off"))
    async with house(tmp_path, config=told(tmp_path, tell=["waiting"])) as home:
        await home.receive(ORDER, signed=False)
        await home.settle()
        await tell(home, courier)
        assert len(courier.mails) == 1
        home.clock.advance(minutes=9)
        await tell(home, courier)
        home.clock.advance(minutes=20)
        await tell(home, courier)
        home.clock.advance(hours=20)
        await tell(home, courier)
        assert len(courier.mails) == 3
        assert len({one.message_id for one in courier.mails}) == 1


async def test_one_whose_process_died_is_sent_by_the_next(tmp_path: Path) -> None:
    """A claim that nobody ends passes on after its lease, not before; its first holder writes nothing then."""
    async with house(tmp_path, config=told(tmp_path, tell=["waiting"])) as home:
        await home.receive(ORDER, signed=False)
        await home.settle()
        await noticing.look(home.parts)
        database = home.parts.database
        (lost,) = await store.claim(database, now=home.clock(), lease=LEASE, limit=10)
        courier = Kept()
        await tell(home, courier)
        assert courier.mails == []
        home.clock.advance(minutes=5)
        await tell(home, courier)
        assert len(courier.mails) == 1
        async with database.write() as tx:
            assert not await store.end(tx, lost, NoticeState.FAILED, "late", now=home.clock())


async def test_the_words_are_gone_when_it_left(tmp_path: Path) -> None:
    """What others wrote is not kept a second time."""
    async with house(tmp_path, config=told(tmp_path, tell=["waiting"])) as home:
        await home.receive(ORDER, signed=False)
        await home.settle()
        await tell(home, Kept())
        async with home.parts.database.read() as tx:
            (found,) = await store.last(tx, "notice")
        assert (found.state, found.body) == (NoticeState.SENT, "")


async def test_nobody_but_the_configured_is_ever_told(tmp_path: Path) -> None:
    """A row that names somebody else has no bytes that could leave."""
    courier = Kept()
    async with house(tmp_path, config=told(tmp_path)) as home:
        async with home.parts.database.write() as tx:
            await store.put(
                home.parts.database, tx, key="x", kind="notice", mailbox=SUPPORT, recipient="eve@evil.example",
                subject="s", body="b", now=START,
            )  # fmt: skip
        await tell(home, courier)
        assert courier.mails == []
        async with home.parts.database.read() as tx:
            (found,) = await store.last(tx, "notice")
        assert found.state is NoticeState.FAILED
        assert "recipient" in found.detail


async def test_what_waits_is_told_every_day(tmp_path: Path) -> None:
    """Once a day from its hour on, and not where nothing waits."""
    courier = Kept()
    async with house(tmp_path, config=told(tmp_path, tell=[], digest_hour=13)) as home:
        home.clock.advance(hours=1)
        await tell(home, courier)
        assert courier.mails == []
        await home.receive(ORDER, signed=False)
        await home.receive(HOURS, signed=False)
        await home.settle()
        home.clock.advance(hours=23, minutes=30)
        await tell(home, courier)
        assert courier.mails == []
        home.clock.advance(minutes=30)
        for _ in range(4):
            await tell(home, courier)
            home.clock.advance(hours=1)
        (found,) = courier.read()
        assert found["Subject"] == "[Postroom] 2 mails waiting"
        assert "the oldest for 1 day" in text_of(found)


@asynccontextmanager
async def chat(status: int = 200) -> AsyncIterator[tuple[str, list[Any]]]:
    heard: list[Any] = []

    async def take(request: Request) -> PlainTextResponse:
        heard.append(await request.json())
        return PlainTextResponse("ok", status)

    listening = bind("127.0.0.1", 0)
    async with serving(Starlette(routes=[Route("/hook", take, methods=["POST"])]), listening):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook", heard


async def test_a_chat_is_told_and_obeys_nobody(tmp_path: Path) -> None:
    """`{"text": ...}`; a stranger's words are no mention, no link and no mark there."""
    async with chat() as (url, heard):
        config = configuration(tmp_path, notices={"slack_url": url, "tell": ["waiting"], "digest_hour": -1})
        async with house(tmp_path, config=config) as home:
            await home.receive(ORDER, signed=False, subject="<!channel> see https://evil.example/x & more")
            await home.settle()
            await tell(home, Kept())
    (said,) = heard
    assert set(said) == {"text"}
    assert "<" not in said["text"]
    assert "https://" not in said["text"].replace("https: ", "")
    assert "&lt;!channel&gt;" in said["text"]


@pytest.mark.parametrize(("status", "state"), [(500, NoticeState.QUEUED), (404, NoticeState.FAILED)])
async def test_a_chat_that_does_not_take_it(tmp_path: Path, status: int, state: NoticeState) -> None:
    """Its trouble is waited out; a wrong address is not."""
    async with chat(status) as (url, heard):
        config = configuration(tmp_path, notices={"slack_url": url, "tell": ["waiting"], "digest_hour": -1})
        async with house(tmp_path, config=config) as home:
            await home.receive(ORDER, signed=False)
            await home.settle()
            await tell(home, Kept())
            async with home.parts.database.read() as tx:
                (found,) = await store.last(tx, "notice")
    assert len(heard) == 1
    assert found.state is state


@pytest.mark.parametrize(
    "text",
    [
        "http://evil.example/a",
        "www.evil.example",
        "mail bob@evil.example",
        "see evil.example/login",
        "\u202egnp.exe",
        "a\r\nBcc: x",
    ],
)
def test_a_strangers_words_lead_nowhere(text: str) -> None:
    """No link, no hidden direction, no second line."""
    said = notices.stranger(text)
    assert "\n" not in said
    assert "\r" not in said
    assert "\u202e" not in said
    assert "evil.example" not in said


def test_a_subject_from_a_stranger_makes_no_header() -> None:
    """The notice's own subject holds none of theirs."""
    one = Waiting("m-1", SUPPORT, START, MailStatus.WAITING, "x\r\nBcc: eve@evil.example", "a@b.example")
    subject, body = notices.told("waiting", [one], limit=timedelta(), desk_url="https://desk.example", now=START)
    assert subject == "[Postroom] 1 mail: a draft waits for a person"
    assert "https://desk.example/mail/m-1" in body


@pytest.mark.parametrize("way", ["unseen", "approved"])
def test_a_reply_takes_no_mail_along(way: str) -> None:
    """Only a notice may carry an original."""
    given = {"from_address": SUPPORT, "to_address": TEAM, "subject": "s", "body": "b", "message_id": "x@a.example"}
    attached = {"date": START, "attached": b"From: x\r\n\r\nh\xf6\r\n"}
    assert isinstance(compose(Reply.model_validate({**given, **attached, "way": way})), Refused)
    sound = compose(Reply.model_validate({**given, **attached, "way": "notice"}))
    assert not isinstance(sound, Refused)
    *_, original = message_from_bytes(sound.raw).walk()
    assert original.get_payload(decode=True) == attached["attached"]


@pytest.mark.parametrize("notices_", [{"team": [SUPPORT]}, {"team": ["nobody"]}, {"desk_url": "javascript:alert(1)"}])
def test_a_team_is_of_people(tmp_path: Path, notices_: dict[str, object]) -> None:
    """Not our own mailboxes, which would answer; and the desk is at a web address."""
    with pytest.raises(ValidationError):
        configuration(tmp_path, notices=notices_)


def test_the_chats_address_is_a_secret(tmp_path: Path) -> None:
    """Who has it can post there: it is printed nowhere."""
    config = configuration(tmp_path, notices={"slack_url": "https://hooks.chat.example/T0/secret"})
    assert "secret" not in json.dumps(config.model_dump(mode="json"))


async def test_an_open_breaker_is_told_each_time_it_opens(tmp_path: Path) -> None:
    """Once for each time, with the way to the desk; not while it is closed or tries, nor where nobody asked."""
    courier = Kept()
    async with house(tmp_path, config=told(tmp_path, desk_url="https://desk.example.com")) as home:
        await tell(home, courier)
        assert courier.mails == []
        await breaker.trip(home.parts, by="ruth", reason="too many bounces")
        await tell(home, courier)
        await tell(home, courier)
        (first,) = courier.read()
        assert first["Subject"] == "[Postroom] the breaker is open: nothing leaves unseen"
        assert "too many bounces" in text_of(first)
        assert "The desk: https://desk.example.com" in text_of(first)
        await breaker.close(home.parts, by="ruth")
        await tell(home, courier)
        home.clock.advance(minutes=5)
        await breaker.trip(home.parts, by="ruth", reason="again")
        await tell(home, courier)
        assert len(courier.mails) == 2
    async with house(tmp_path, config=told(tmp_path, tell=["in_doubt"])) as home:
        await tell(home, courier)
        assert len(courier.mails) == 2
