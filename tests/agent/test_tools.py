"""The tools one call at a time: what each answers to the letter, and what of the mailbox it shows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from agent import approval, knowledge, tools
from agent.models.base import FunctionCall
from agent.prompt import fence
from agent.states import DraftState
from agent.store import drafts, locks, mails, runs, trail
from agent.store.mails import Mail
from agent.store.runs import Run
from agent.tools import Answered, Waits, handle, note_lookup, own_text, read_inbox, view_of
from tests.agent.postroom import CUSTOMER, HOURS, SUPPORT, House, Scripted, house
from tests.agent.test_run import ASKS

FREE = {"to": CUSTOMER, "subject": "Re: A question", "body": "We are open.\n"}
IN_REPLY = {"In-Reply-To": "<first@customer.example>"}


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, model=Scripted(extraction=ASKS)) as one:
        yield one


async def received(home: House, text: str = HOURS, **more: Any) -> Mail:
    mail_id = await home.receive(text, **more)
    await home.settle()
    return await home.mail(mail_id)


async def run_of(home: House, mail: Mail) -> Run:
    async with home.parts.database.read() as tx:
        (found,) = await runs.of_mail(tx, mail.id)
    return found


async def asked(home: House, mail: Mail, name: str, arguments: object, call_id: str = "c1") -> Answered | Waits:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    run = await run_of(home, mail)
    async with home.parts.database.write() as tx:
        await locks.conversation(tx, run.conversation_id)
        call = FunctionCall(call_id=call_id, name=name, arguments=text)
        return await handle(home.parts, tx, run, mail, call, now=home.clock())


async def error_of(home: House, mail: Mail, name: str, arguments: object) -> str:
    answer = await asked(home, mail, name, arguments)
    assert isinstance(answer, Answered)
    assert answer.draft_id is None
    said = json.loads(answer.output)
    assert said.keys() == {"success", "error"}
    assert said["success"] is False
    return str(said["error"])


async def test_an_unknown_tool_is_told_which_there_are(home: House) -> None:
    """Its name is repeated in part: it may be as long as the model likes."""
    said = await error_of(home, await received(home), "x" * 100, {})
    assert said == f"there is no tool {'x' * 60!r}; there are read_inbox, search_knowledge, send_email"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('{"limit": 1', "the arguments cannot be read: not JSON: Expecting ',' delimiter: line 1 column 12 (char 11)"),
        ('{"limit": 1, "limit": 2}', "the arguments cannot be read: the key 'limit' stands twice"),
        ("{}", "the arguments do not fit: limit: Field required"),
        (
            {"limit": "5", "x" * 90: 1},
            (
                "the arguments do not fit: limit: Input should be a valid integer; "
                f"{'x' * 60}: Extra inputs are not permitted"
            ),
        ),
    ],
)
async def test_arguments_that_do_not_fit_are_told_why(home: House, arguments: object, said: str) -> None:
    assert await error_of(home, await received(home), "read_inbox", arguments) == said


async def test_no_more_than_five_faults_are_named(home: House) -> None:
    said = await error_of(home, await received(home), "read_inbox", {f"x{n}": 1 for n in range(20)})
    assert said.count("; ") == 4


async def test_free_text_waits_as_a_draft_of_this_call(home: House) -> None:
    mail = await received(home)
    answer = await asked(home, mail, "send_email", FREE)
    assert isinstance(answer, Waits)
    draft = await home.waiting(mail.id)
    assert (draft.id, draft.call_id, draft.run_id) == (answer.draft_id, "c1", (await run_of(home, mail)).id)
    said = draft.proposal
    assert (said.recipient.email, said.subject, said.plain_text) == (FREE["to"], FREE["subject"], FREE["body"])
    assert draft.created_at == home.clock()


async def test_what_policy_denies_is_told_with_its_draft(home: House) -> None:
    mail = await received(home)
    answer = await asked(home, mail, "send_email", {**FREE, "to": "eve@evil.example"})
    assert isinstance(answer, Answered)
    assert json.loads(answer.output) == {"success": False, "reason": "the recipient is not the author of the mail"}
    (draft,) = await home.drafts(mail.id)
    assert (draft.id, draft.state) == (answer.draft_id, DraftState.DENIED)


async def test_one_reply_is_proposed_at_a_time(home: House) -> None:
    mail = await received(home)
    await asked(home, mail, "send_email", FREE)
    said = await error_of(home, mail, "send_email", FREE)
    assert said == "a reply to this mail was proposed already; its outcome comes with that call"
    assert len(await home.drafts(mail.id)) == 1


async def test_an_older_mail_gets_no_reply_of_its_own(home: House) -> None:
    """The newest mail of the conversation answers both."""
    first = await received(home, message_id="first@customer.example")
    await received(home, subject="Re: A question", headers=IN_REPLY)
    said = await error_of(home, first, "send_email", FREE)
    assert said == "a newer mail came in the conversation; the reply to that one answers both"
    assert [one for one in await home.drafts(first.id) if one.state is DraftState.WAITING] == []


async def test_a_conversation_that_is_gone_gets_no_reply(home: House) -> None:
    mail = await received(home)
    run = replace(await run_of(home, mail), conversation_id="c-gone")
    async with home.parts.database.write() as tx:
        call = FunctionCall(call_id="c1", name="send_email", arguments=json.dumps(FREE))
        answer = await handle(home.parts, tx, run, mail, call, now=home.clock())
    assert isinstance(answer, Answered)
    assert "a newer mail came" in answer.output


async def test_a_search_gives_the_mailboxs_own_texts(home: House) -> None:
    answer = await asked(home, await received(home), "search_knowledge", {"query": "opening hours"})
    assert answer == Answered(knowledge.told(knowledge.search(home.parts.playbooks[SUPPORT], "opening hours")))


async def inbox(home: House, mail: Mail, limit: int = 20) -> list[dict[str, Any]]:
    async with home.parts.database.read() as tx:
        told = json.loads(await read_inbox(tx, mail, limit))
    assert list(told) == ["mails"]
    shown: list[dict[str, Any]] = told["mails"]
    return shown


async def test_reading_shows_the_conversation_newest_first_with_what_we_answered(home: House) -> None:
    """Only what was sent counts as answered; a draft is no answer."""
    first = await received(home, "Grüße, when?", message_id="first@customer.example")
    await asked(home, first, "send_email", FREE)
    draft = await home.waiting(first.id)
    await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash, reason="so")
    assert [one["our_replies"] for one in await inbox(home, first)] == [[]]
    await home.settle()
    home.clock.advance(minutes=5)
    second = await received(home, "And now?", subject="Re: A question", headers=IN_REPLY)
    shown = await inbox(home, second)
    assert shown == [
        {
            "id": second.id,
            "from": CUSTOMER,
            "received": "2026-11-20T12:05:00+00:00",
            "subject": "Re: A question",
            "text": fence("And now?", seed=second.id),
            "our_replies": [],
        },
        {
            "id": first.id,
            "from": CUSTOMER,
            "received": "2026-11-20T12:00:00+00:00",
            "subject": "A question",
            "text": fence("Grüße, when?", seed=first.id),
            "our_replies": ["We are open.\n"],
        },
    ]
    assert await inbox(home, second, 1) == shown[:1]
    answer = await asked(home, second, "read_inbox", {"limit": 1})
    assert isinstance(answer, Answered)
    assert answer.output == json.dumps({"mails": shown[:1]}, ensure_ascii=False)
    async with home.parts.database.read() as tx:
        assert await own_text(tx, second) == "Re: A question\nAnd now?\nA question\nGrüße, when?"
        assert await read_inbox(tx, second, 20) == json.dumps({"mails": shown}, ensure_ascii=False)


async def test_an_unproven_author_sees_one_mail_and_none_of_our_replies(home: House) -> None:
    """Who only claims to be Ann; and a mail that belongs to no conversation."""
    mail = await received(home, message_id="first@customer.example")
    await asked(home, mail, "send_email", FREE)
    draft = await home.waiting(mail.id)
    await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash, reason="so")
    await home.settle()
    newer = await received(home, "And now?", subject="Re: A question", headers=IN_REPLY)
    assert newer.conversation_id == mail.conversation_id
    for alone in (replace(mail, authenticated=""), replace(mail, conversation_id=None)):
        (shown,) = await inbox(home, alone)
        assert (shown["id"], shown["our_replies"]) == (mail.id, [])
        async with home.parts.database.read() as tx:
            assert await own_text(tx, alone) == f"A question\n{HOURS}"
    assert len(await inbox(home, mail)) == 2


async def test_the_time_of_a_mail_is_told_in_whole_seconds(home: House) -> None:
    mail = await received(home)
    late = replace(mail, received_at=mail.received_at.replace(microsecond=999_999), authenticated="")
    (shown,) = await inbox(home, late)
    assert shown["received"] == "2026-11-20T12:00:00+00:00"


async def test_a_mail_that_could_not_be_read_is_left_out(home: House) -> None:
    mail = await received(home, message_id="first@customer.example")
    unread = replace(mail, normalized=None, authenticated="")
    assert await inbox(home, unread) == []
    async with home.parts.database.read() as tx:
        assert await own_text(tx, unread) == ""


async def test_what_is_shown_is_bounded(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Subjects by the longest that a reply may have, texts by the model's bound, ours as well, files by number."""
    monkeypatch.setattr(tools, "TEXT_LIMIT", 10)
    mail = await received(home)
    await asked(home, mail, "send_email", FREE)
    draft = await home.waiting(mail.id)
    await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash, reason="so")
    await home.settle()
    (told,) = await inbox(home, await home.mail(mail.id))
    assert told["our_replies"] == ["We are ope"]
    with monkeypatch.context() as gone:
        gone.setattr(drafts, "get", AsyncMock(return_value=None))
        (told,) = await inbox(home, await home.mail(mail.id))
    assert told["our_replies"] == []
    file = {"name": "a.txt", "content_type": "text/plain", "size": 1, "sha256": "0" * 64}
    grown = {"subject": "s" * 2000, "new_text": "t" * 50, "attachments": [file | {"name": f"{n}"} for n in range(30)]}
    long = replace(mail, normalized={**(mail.normalized or {}), **grown}, authenticated="")
    (shown,) = await inbox(home, long)
    assert (shown["subject"], shown["text"]) == ("s" * 998, fence("t" * 10, seed=mail.id))
    async with home.parts.database.read() as tx:
        view = await view_of(tx, long)
        assert await own_text(tx, long) == f"{'s' * 2000}\n{'t' * 10}"
    assert (view.subject, view.text) == ("s" * 998, "t" * 10)
    assert view.attachments == tuple(str(n) for n in range(20))


async def test_twenty_mails_count_as_the_authors_own_words(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[int] = []

    async def none(_tx: object, _conversation: str, *, limit: int) -> list[Mail]:
        limits.append(limit)
        return []

    mail = await received(home)
    monkeypatch.setattr(mails, "in_conversation", none)
    async with home.parts.database.read() as tx:
        assert await own_text(tx, mail) == ""
        assert await read_inbox(tx, mail, 7) == '{"mails": []}'
    assert limits == [20, 7]


@pytest.mark.parametrize("signed", [True, False])
async def test_a_model_is_told_who_wrote_what_to_whom_and_whether_it_is_proven(home: House, signed: bool) -> None:
    mail = await received(home, signed=signed)
    async with home.parts.database.read() as tx:
        view = await view_of(tx, mail)
        intent = await mails.get_intent(tx, mail.id)
    assert intent is not None
    assert view.model_dump() == {
        "mail_id": mail.id,
        "mailbox": SUPPORT,
        "author": CUSTOMER,
        "author_name": "Ann Example",
        "authenticated": signed,
        "subject": "A question",
        "text": HOURS,
        "attachments": (),
        "intent": intent.model_dump(),
    }


async def test_a_lookup_leaves_a_row_without_its_words(home: House) -> None:
    """In the conversation's chain, of this mail and run, by us; the answer is there as a digest alone."""
    mail = await received(home)
    run = await run_of(home, mail)
    async with home.parts.database.write() as tx:
        await locks.conversation(tx, run.conversation_id)
        assert await note_lookup(home.parts, tx, run, mail, "OUTPUT", now=home.clock()) == Answered("OUTPUT")
    async with home.parts.database.read() as tx:
        row = (await trail.of_mail(tx, mail.id))[-1]
    assert (row.chain, row.event, row.actor, row.mail_id, row.at) == (
        run.conversation_id,
        "looked_up",
        "postroom",
        mail.id,
        home.clock(),
    )
    assert row.data == {"run": run.id, "answer": home.parts.audit.digest("OUTPUT")}
