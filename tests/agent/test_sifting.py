"""Spam is put aside before a model is paid, is kept where a person finds it, and comes back when a person says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent import spam, spam_commands
from agent.approval import Decided, NotDecided
from agent.states import MailStatus
from agent.store import handlings, mails, queue, trail
from inbound.contracts import Envelope, SpamWord
from tests.agent.desk_visitor import visiting
from tests.agent.postroom import CUSTOMER, HOURS, SUPPORT, House, Scripted, configuration, house
from tests.inbound.test_rspamd import Filter, filtering

SPAM = '{"action": "reject", "score": 20, "symbols": {"BAYES_SPAM": {"score": 5}}}'
GREY = '{"action": "greylist", "score": 4.5, "symbols": {"PHISHING": {"score": 4}}}'
CLEAN = '{"action": "no action", "score": 0.1, "symbols": {}}'


@asynccontextmanager
async def sifted(
    folder: Path, answer: str, status: str = "200 OK", **settings: Any
) -> AsyncIterator[tuple[House, Filter]]:
    async with filtering(Filter(answer, status)) as one:
        config = configuration(folder, spam={"rspamd_url": f"http://127.0.0.1:{one.port}", **settings})
        async with house(folder, config=config) as home:
            yield home, one


async def put_aside(home: House) -> list[str]:
    async with home.parts.database.read() as tx:
        found = await queue.page(tx, spam_commands.PUT_ASIDE, now=home.clock(), limit=10)
    return [line.mail.id for line in found]


async def test_spam_costs_nothing_and_is_kept(tmp_path: Path) -> None:
    """No model, no draft, no conversation; closed, tagged, with who said so, and in the audit."""
    async with filtering(Filter(SPAM)) as one:
        model = Scripted()
        config = configuration(tmp_path, spam={"rspamd_url": f"http://127.0.0.1:{one.port}"})
        async with house(tmp_path, config=config, model=model) as home:
            mail_id = await home.receive(HOURS)
            await home.settle()
            mail = await home.mail(mail_id)
            assert (mail.status, mail.conversation_id) == (MailStatus.CLOSED, None)
            assert mail.status_reason == "spam: rspamd 20 points (reject, BAYES_SPAM)"
            assert (model.requests, await home.drafts(mail_id), home.replies()) == ([], [], [])
            assert await put_aside(home) == [mail_id]
            async with home.parts.database.read() as tx:
                assert await mails.get_intent(tx, mail_id) is None
                assert [entry.event for entry in await trail.of_mail(tx, mail_id)] == ["received", "put_aside"]


async def test_clean_mail_goes_its_way(tmp_path: Path) -> None:
    """Asked once, answered unseen as ever."""
    async with sifted(tmp_path, CLEAN) as (home, one):
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
        assert len(one.asked) == 1


async def test_a_doubt_makes_the_draft_wait(tmp_path: Path) -> None:
    """Greylisted, or a sign of phishing under the threshold."""
    async with sifted(tmp_path, GREY) as (home, _):
        mail_id = await home.receive(HOURS)
        await home.settle()
        (risk,) = [reason for reason in (await home.waiting(mail_id)).reasons if "risks" in reason]
        assert "signs of phishing" in risk


async def test_spam_does_not_touch_a_conversation(tmp_path: Path) -> None:
    """What waits there still waits: nobody can void a draft by mail that is spam."""
    async with sifted(tmp_path, CLEAN) as (home, one):
        first = await home.receive("Where is my order LG-48213 right now?", message_id="first@customer.example")
        await home.settle()
        one.answer = SPAM
        await home.receive("Buy!", headers={"In-Reply-To": "<first@customer.example>", "Subject": "Re: A question"})
        await home.settle()
        assert (await home.mail(first)).status is MailStatus.WAITING


async def test_not_spam_starts_it(tmp_path: Path) -> None:
    """As if it had just come; Rspamd may say what it likes, a person was there."""
    async with sifted(tmp_path, SPAM) as (home, _):
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert isinstance(await spam.not_spam(home.parts, mail_id, by="ruth"), Decided)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
        async with home.parts.database.read() as tx:
            assert await handlings.tags(tx, mail_id) == []
        again = await spam.not_spam(home.parts, mail_id, by="ruth")
        assert isinstance(again, NotDecided)


async def test_automatic_mail_is_not_asked_about(tmp_path: Path) -> None:
    """It is never answered anyway."""
    async with sifted(tmp_path, SPAM) as (home, one):
        mail_id = await home.receive("I am away.", headers={"Auto-Submitted": "auto-replied"})
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.RECORDED
        assert one.asked == []


@pytest.mark.parametrize(("when_away", "ends"), [("person", MailStatus.PERSON), ("draft", MailStatus.WAITING)])
async def test_a_rspamd_that_is_away_loses_nothing(tmp_path: Path, when_away: str, ends: MailStatus) -> None:
    """Asked each minute; then a person has it, with a draft where the operator wants one. Nothing goes unseen."""
    async with sifted(tmp_path, "", "503 Busy", when_away=when_away, patience_minutes=3) as (home, one):
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.RECEIVED
        for _ in range(4):
            home.clock.advance(minutes=1)
            await home.settle()
        mail = await home.mail(mail_id)
        assert (mail.status, len(one.asked), home.replies()) == (ends, 4, [])
        if ends is MailStatus.PERSON:
            assert "Rspamd answered 503" in mail.status_reason
            assert await home.drafts(mail_id) == []


async def test_a_rspamd_that_comes_back_is_believed(tmp_path: Path) -> None:
    """What waited for it is judged by it."""
    async with sifted(tmp_path, SPAM, "503 Busy") as (home, one):
        mail_id = await home.receive(HOURS)
        await home.settle()
        one.status = "200 OK"
        home.clock.advance(minutes=1)
        await home.settle()
        assert await put_aside(home) == [mail_id]


async def test_a_border_servers_word_and_a_providers_count(tmp_path: Path) -> None:
    """Without any Rspamd: by the field of the hop, by the envelope that a trusted provider's door made."""
    config = configuration(tmp_path, spam={"headers": "hop"}, identity={"networks": ["127.0.0.1/32"]})
    async with house(tmp_path, config=config) as home:
        flagged = await home.receive(HOURS, headers={"X-Spam-Flag": "YES"})
        raw = f"From: {CUSTOMER}\r\nTo: {SUPPORT}\r\nSubject: x\r\n\r\n{HOURS}\r\n".encode()
        given = Envelope(
            door="webhook:ses",
            mail_from=CUSTOMER,
            rcpt_to=(SUPPORT,),
            received_at=home.clock(),
            spam=(SpamWord(source="webhook:ses", flagged=True, detail="spam FAIL"),),
        )
        posted = (await home.service.intake.accept(raw, given)).mail_id
        await home.settle()
        assert set(await put_aside(home)) == {flagged, posted}
        assert (await home.mail(posted)).status_reason == "spam: webhook:ses (spam FAIL)"


async def test_the_command_lists_and_releases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with sifted(tmp_path, SPAM) as (home, _):
        mail_id = await home.receive(HOURS, subject="Your [red]prize")
        await home.settle()
        config = home.parts.config
        assert await spam_commands.listed(config, 10) == 0
        said = capsys.readouterr().out
        assert mail_id in said
        assert "[red]prize" in said
        assert "rspamd 20 points" in said
        assert "1 put aside as spam." in said
        assert await spam_commands.release(config, [mail_id, "m-none"], "ruth") == 1
        told = capsys.readouterr()
        assert f"{mail_id} is no spam" in told.out
        assert "m-none" in told.err
        assert await put_aside(home) == []


async def test_the_desk_says_not_spam(tmp_path: Path) -> None:
    """A button on the mail, in the view of spam; what a person closed as spam has it too."""
    async with visiting(tmp_path) as visitor:
        mail_id = await visitor.drafted()
        page = await visitor.page(f"/mail/{mail_id}")
        assert (await visitor.post(page.form("spam"))).status_code == 303
        assert mail_id in (await visitor.client.get("/", params={"view": "spam"})).text
        form = (await visitor.page(f"/mail/{mail_id}")).form("ham")
        assert (await visitor.post(form)).status_code == 303
        await visitor.home.settle()
        assert (await visitor.home.mail(mail_id)).status is MailStatus.WAITING
