"""The operator's triage rules: what holds, what follows, and that nothing of it answers or hides by a model's word."""

from __future__ import annotations

import json
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent import approval, closing, triage_commands
from agent.config import Config
from agent.states import MailStatus
from agent.store import handlings, mails, trail
from agent.triage_rules import Decided, Seen, decide, holds
from agent.triage_settings import TriageSettings
from outbound.contracts import Never
from tests.agent.postroom import CUSTOMER, HERE, HOURS, ORDER, SALES, SUPPORT, House, Scripted, configuration, house
from tests.agent.test_notices import Kept, tell

BOOKS = "books@people.example"
SEEN = Seen(
    mailbox=SUPPORT,
    intent="opening_hours",
    sender=CUSTOMER,
    proven=True,
    subject="An INVOICE  of yours",
    text="Please pay",
    attachments=1,
    language="en",
)


def rule(**given: Any) -> TriageSettings:
    return TriageSettings.model_validate({"name": "one", "tags": ["t"], **given})


@pytest.mark.parametrize(
    ("given", "holds_"),
    [
        ({}, True),
        ({"mailboxes": [SUPPORT]}, True),
        ({"mailboxes": [SALES]}, False),
        ({"intents": ["returns", "opening_hours"]}, True),
        ({"intents": ["none"]}, False),
        ({"senders": [CUSTOMER.upper()]}, True),
        ({"senders": ["@customer.example"]}, True),
        ({"senders": ["@example"]}, False),
        ({"senders": ["@er.example"]}, False),
        ({"proven": True}, True),
        ({"proven": False}, False),
        ({"subjects": ["invoice of"]}, True),
        ({"subjects": ["bill"]}, False),
        ({"subjects": ["voice"]}, False),
        ({"subjects": ["inv"]}, False),
        ({"subjects": ["inv*"]}, True),
        ({"subjects": ["*voice"]}, True),
        ({"subjects": ["*voi*"]}, True),
        ({"subjects": ["*voi"]}, False),
        ({"texts": ["PAY"]}, True),
        ({"languages": ["de", "en"]}, True),
        ({"languages": ["de"]}, False),
        ({"attachments": True}, True),
        ({"attachments": False}, False),
        ({"subjects": ["invoice"], "texts": ["refund"]}, False),
    ],
)
def test_every_condition_has_to_hold(given: dict[str, Any], *, holds_: bool) -> None:
    """Of several values one is enough."""
    assert holds(rule(**given), SEEN) is holds_


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("c++", "do you know c++?", True),
        ("no. 5", "wagon no. 57", False),
        ("müll", "Müllabfuhr", False),
        ("发票", "请开发票谢谢", True),
        ("請求書", "御請求書について", True),
        ("счет", "Счета нет", False),
    ],
)
def test_words_are_whole_words(word: str, text: str, *, found: bool) -> None:
    """By the letters of any script; where words stand without blanks, anywhere."""
    assert holds(rule(texts=[word]), replace(SEEN, text=text)) is found


def test_tags_add_up_and_the_first_word_counts() -> None:
    """Team, priority and action are those of the first rule that has one."""
    rules = [
        rule(name="a", tags=["x"], priority="high"),
        rule(name="b", tags=["x", "y"], team="books", action="person"),
        rule(name="c", tags=[], priority="urgent", team="sales", action="close"),
        rule(name="d", tags=["never"], intents=["none"]),
    ]
    assert decide(rules, SEEN) == Decided(("x", "y", "high"), "books", "person", (), "b", ("a", "b", "c"))


@given(st.text(max_size=50), st.text(max_size=50), st.text(max_size=20))
def test_no_mail_breaks_a_rule(subject: str, text: str, sender: str) -> None:
    """Whatever stands in it; and who has no address is nobody's sender."""
    seen = Seen(SUPPORT, "none", sender, False, subject, text, 0)
    decide([rule(subjects=["a"], texts=["b"]), rule(senders=["@customer.example"])], seen)
    assert not holds(rule(senders=["@customer.example"]), Seen(SUPPORT, "none", "", False, "", "", 0))


@pytest.mark.parametrize(
    "given",
    [
        {"tags": []},
        {"action": "forward"},
        {"forward_to": [BOOKS]},
        {"action": "delete"},
        {"languages": ["klingon"]},
        {"senders": ["nobody"]},
        {"senders": ["@"]},
        {"subjects": [" "]},
        {"subjects": ["**"]},
        {"tags": ["<b>"]},
        {"action": "forward", "forward_to": ["not an address"]},
        {"name": "two words"},
        {"team": "a\nb"},
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(given: dict[str, Any]) -> None:
    """Told before anything starts."""
    with pytest.raises(ValidationError):
        rule(**given)


def ruled(folder: Path, *rules: dict[str, Any], **changes: Any) -> Config:
    return configuration(folder, triage=[{"name": f"r{n}", **one} for n, one in enumerate(rules)], **changes)


def test_nothing_is_forwarded_to_ourselves(tmp_path: Path) -> None:
    """A mailbox of ours would answer it."""
    with pytest.raises(ValidationError, match="mailbox of ours"):
        ruled(tmp_path, {"action": "forward", "forward_to": [SALES]})


async def sorted_as(home: House, mail_id: str) -> tuple[MailStatus, list[str], str]:
    async with home.parts.database.read() as tx:
        tags, handled = await handlings.tags(tx, mail_id), await handlings.get(tx, mail_id)
    return (await home.mail(mail_id)).status, tags, handled.team


async def test_tags_and_team_leave_the_rest_as_it_is(tmp_path: Path) -> None:
    """The reply goes its way."""
    config = ruled(tmp_path, {"intents": ["opening_hours"], "tags": ["hours"], "team": "shop", "priority": "low"})
    async with house(tmp_path, config=config) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert await sorted_as(home, mail_id) == (MailStatus.ANSWERED, ["hours", "low"], "shop")
        async with home.parts.database.read() as tx:
            (entry,) = [one for one in await trail.of_mail(tx, mail_id) if one.event == "sorted"]
        assert entry.data["rules"] == ["r0"]


@pytest.mark.parametrize(
    ("action", "ends"), [("person", MailStatus.PERSON), ("close", MailStatus.CLOSED), ("ignore", MailStatus.CLOSED)]
)
async def test_an_action_starts_no_run(tmp_path: Path, action: str, ends: MailStatus) -> None:
    """No draft, no reply; a person who begins it again gets both."""
    async with house(tmp_path, config=ruled(tmp_path, {"subjects": ["question"], "action": action})) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert (await home.mail(mail_id)).status is ends
        assert (await home.drafts(mail_id), home.replies()) == ([], [])
        await closing.retry(home.parts, mail_id, by="ruth")
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED


async def test_a_forward_keeps_the_original_and_closes_when_it_left(tmp_path: Path) -> None:
    """To the operator's address alone, the very bytes attached; until then it is a person's."""
    config = ruled(tmp_path, {"subjects": ["question"], "action": "forward", "forward_to": [BOOKS]})
    courier = Kept()
    async with house(tmp_path, config=config) as home:
        mail_id = await home.receive(ORDER)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
        await tell(home, courier)
        await tell(home, courier)
        mail = await home.mail(mail_id)
        assert (mail.status, mail.status_reason) == (MailStatus.CLOSED, f"forwarded to {BOOKS}")
        async with home.parts.database.read() as tx:
            raw = await mails.raw(tx, mail_id)
            assert "forwarded" in [one.event for one in await trail.of_mail(tx, mail_id)]
    (email,) = courier.mails
    found = message_from_bytes(email.raw)
    assert (email.recipient, found["Auto-Submitted"], found["From"]) == (
        BOOKS,
        "auto-generated",
        f"Larkspur <{SUPPORT}>",
    )
    *_, original = found.walk()
    assert original.get_payload(decode=True) == raw
    assert home.replies() == []


async def test_rules_hold_for_what_machines_send_too(tmp_path: Path) -> None:
    """A vendor's invoice comes from `noreply@`: it is forwarded like any; what no rule knows is recorded as ever."""
    config = ruled(tmp_path, {"subjects": ["invoice*"], "action": "forward", "forward_to": [BOOKS], "tags": ["money"]})
    machine, courier = "noreply@vendor.example", Kept()
    async with house(tmp_path, config=config) as home:
        mail_id = await home.receive("Please find it attached.", subject="Your invoices", author=machine)
        other = await home.receive("Our catalogue is here.", subject="News", author=machine)
        await home.settle()
        assert await sorted_as(home, mail_id) == (MailStatus.PERSON, ["money"], "")
        assert await sorted_as(home, other) == (MailStatus.RECORDED, [], "")
        await tell(home, courier)
        await tell(home, courier)
        mail = await home.mail(mail_id)
        assert (mail.status, mail.conversation_id) == (MailStatus.CLOSED, None)
        assert [one.recipient for one in courier.mails] == [BOOKS]
        await closing.retry(home.parts, mail_id, by="ruth")
        await home.settle()
        mail = await home.mail(mail_id)
        assert (mail.status, "asks nothing we know" in mail.status_reason) == (MailStatus.PERSON, True)
        assert home.replies() == []


async def test_a_forward_that_cannot_leave_stays_with_a_person(tmp_path: Path) -> None:
    """Said on the mail itself."""
    config = ruled(tmp_path, {"subjects": ["question"], "action": "forward", "forward_to": [BOOKS]})
    async with house(tmp_path, config=config) as home:
        mail_id = await home.receive(ORDER)
        await home.settle()
        await tell(home, Kept(Never(reason="550 no")))
        mail = await home.mail(mail_id)
        assert mail.status is MailStatus.PERSON
        assert "could not be forwarded" in mail.status_reason


async def test_a_model_alone_sorts_nothing(tmp_path: Path) -> None:
    """Its word that a mail is to be closed or forwarded is not asked for; without a rule the mail goes its way."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert await sorted_as(home, mail_id) == (MailStatus.ANSWERED, [], "")


def extraction(**given: Any) -> str:
    """What a model says of a mail."""
    usual = {"intent": "opening_hours", "entities": [], "confidence": 0.9, "risks": [], "review_required": False}
    return json.dumps({**usual, "requested_action": "reply", "tags": [], "priority": "normal", **given})


async def suggested(folder: Path, config: Config, **given: Any) -> tuple[MailStatus, list[str], str]:
    async with house(folder, config=config, model=Scripted(extraction=extraction(**given))) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        return await sorted_as(home, mail_id)


async def test_a_models_suggestions_stand_below_the_rules(tmp_path: Path) -> None:
    """Tags that the operator uses, and a priority where no rule gives one; words of its own are left out."""
    config = ruled(tmp_path, {"intents": ["none"], "tags": ["money", "spam"]})
    given = {"tags": ["money", "spam", "urgent", "made up"], "priority": "high"}
    assert await suggested(tmp_path, config, **given) == (MailStatus.PERSON, ["high", "money"], "")
    ranked = ruled(tmp_path / "2", {"intents": ["opening_hours"], "tags": ["money"], "priority": "urgent"})
    (tmp_path / "2").mkdir()
    assert (await suggested(tmp_path / "2", ranked, **given))[1] == ["money", "urgent"]


@pytest.mark.parametrize("action", ["close", "ignore", "forward", "person"])
async def test_no_suggestion_hides_a_mail(tmp_path: Path, action: str) -> None:
    """Whatever a model asks for, with whatever priority: without a rule a person has the mail."""
    status, _, _ = await suggested(tmp_path, configuration(tmp_path), requested_action=action, priority="low")
    assert status is MailStatus.PERSON


async def test_an_entrys_tags_are_put_on_its_mail(tmp_path: Path) -> None:
    """Without a rule and without a model's word."""
    playbook = tmp_path / "playbook"
    playbook.mkdir()
    for entry in (HERE / "playbook").glob("*.md"):
        text = entry.read_text().replace("risk =", 'tags = ["visit"]\nrisk =', 1)
        (playbook / entry.name).write_text(text)
    config = configuration(tmp_path, mailbox=[{"address": SUPPORT, "playbook": playbook, "auto_send": True}])
    async with house(tmp_path, config=config) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert await sorted_as(home, mail_id) == (MailStatus.ANSWERED, ["visit"], "")


ASK = "Which order is it? Please answer with its number.\n"


def asking_playbook(folder: Path) -> Path:
    """The tests' playbook with a question for what an order's entry lacks."""
    playbook = folder / "playbook"
    playbook.mkdir()
    for entry in (HERE / "playbook").glob("*.md"):
        text = entry.read_text()
        asked = f'ask = """\n{ASK}"""\n[variables.order]'
        (playbook / entry.name).write_text(text.replace("[variables.order]", asked, 1))
    return playbook


async def test_a_missing_fact_is_asked_for(tmp_path: Path) -> None:
    """A draft that asks waits for a person; approved it leaves. Where the fact stands in the mail nothing is asked."""
    playbook = asking_playbook(tmp_path)
    config = configuration(tmp_path, mailbox=[{"address": SUPPORT, "playbook": playbook, "auto_send": True}])
    async with house(tmp_path, config=config) as home:
        for text in ("Where is my order?", "Where is my order LG-48213 or LG-48214?"):
            mail_id = await home.receive(text)
            await home.settle()
            draft = await home.waiting(mail_id)
            assert draft.proposal.plain_text == ASK
            assert "stands in no source" not in "; ".join(draft.reasons)
            async with home.parts.database.read() as tx:
                intent = await mails.get_intent(tx, mail_id)
            assert intent is not None
            assert (intent.intent, intent.requested_action) == ("order_status", "ask")
        done = await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        assert isinstance(done, approval.Decided)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
        other = await home.receive(ORDER, subject="Another one")
        await home.settle()
        assert (await home.waiting(other)).proposal.plain_text != ASK


async def test_what_was_asked_for_comes_in_a_mail_of_its_own(tmp_path: Path) -> None:
    """The number alone: the matter is that of the question, and a person looks. Without the value it is nobody's."""
    playbook = asking_playbook(tmp_path)
    config = configuration(tmp_path, mailbox=[{"address": SUPPORT, "playbook": playbook, "auto_send": True}])
    async with house(tmp_path, config=config) as home:
        mail_id = await home.receive("Where is my order?", message_id="q@customer.example")
        await home.settle()
        draft = await home.waiting(mail_id)
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await home.settle()
        home.clock.advance(minutes=5)
        in_thread = {"Subject": "Re: A question", "In-Reply-To": "<q@customer.example>"}
        vague = await home.receive("I do not find it, sorry.", headers=in_thread)
        await home.settle()
        assert (await home.mail(vague)).status is MailStatus.PERSON
        async with home.parts.database.read() as tx:
            found = await mails.get_intent(tx, vague)
        assert found is not None
        assert found.intent == "none"
        stranger = await home.receive("LG-48213", signed=False, headers=in_thread)
        await home.settle()
        assert (await home.mail(stranger)).status is MailStatus.PERSON


async def test_the_value_that_was_asked_for_completes_the_question(tmp_path: Path) -> None:
    """Of the same proven author, right after the question."""
    playbook = asking_playbook(tmp_path)
    config = configuration(tmp_path, mailbox=[{"address": SUPPORT, "playbook": playbook, "auto_send": True}])
    async with house(tmp_path, config=config) as home:
        mail_id = await home.receive("Where is my order?", message_id="q@customer.example")
        await home.settle()
        draft = await home.waiting(mail_id)
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await home.settle()
        home.clock.advance(minutes=5)
        in_thread = {"Subject": "Re: A question", "In-Reply-To": "<q@customer.example>"}
        number = await home.receive("LG-48213, thanks", headers=in_thread)
        await home.settle()
        async with home.parts.database.read() as tx:
            found = await mails.get_intent(tx, number)
        assert found is not None
        assert (found.intent, found.confidence, found.entities[0].value) == ("order_status", 0.5, "LG-48213")
        assert "about order LG-48213" in (await home.waiting(number)).proposal.plain_text


async def test_a_dry_run_tells_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What each stored mail would get, and how often each rule holds."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, subject="Your [red]invoice")
        await home.settle()
    config = ruled(
        tmp_path, {"subjects": ["invoice"], "tags": ["money"], "action": "close"}, {"intents": ["none"], "tags": ["x"]}
    )
    assert await triage_commands.dry_run(config, 10) == 0
    said = capsys.readouterr().out
    assert mail_id in said
    assert "r0: tags money; close" in said
    assert "[red]invoice" in said
    assert "r1: 0 of 1 (it holds for none of them)" in said
    assert "1 of 1 mails would be sorted" in said
    async with house(tmp_path) as home:
        assert await sorted_as(home, mail_id) == (MailStatus.WAITING, [], "")
