"""What stands below the words of a reply, who sees it, and that the word it names reaches a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent import approval, human, letter
from agent.approval import Decided, NotDecided
from agent.config import Config
from agent.handling import untag
from agent.letter import QUOTED_CHARACTERS, QUOTED_LINES, defused
from agent.states import MailStatus, OutboxState
from agent.store import deliveries, handlings, runs
from outbound.compose import inspect
from outbound.contracts import Refused
from tests.agent.desk_visitor import visiting
from tests.agent.postroom import HOURS, ORDER, SUPPORT, configuration, house

SIGNATURE = "Larkspur Garden Tools\nhttps://larkspur.example/"
DISCLOSED = "This answer was written automatically. Answer HUMAN to reach a person."


def lettered(folder: Path, **changes: Any) -> Config:
    return configuration(folder, mailbox=[{**mailbox(folder), **changes}])


def mailbox(folder: Path) -> Mapping[str, Any]:
    (first, *_) = configuration(folder).mailboxes
    return first.model_dump(exclude_defaults=True)


def text_of(raw: bytes) -> str:
    found = inspect(raw)
    assert not isinstance(found, Refused)
    return found.body


async def test_an_unseen_reply_says_so_and_how_a_person_is_reached(tmp_path: Path) -> None:
    """Below the words, in bytes that the final check took."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        (draft,) = await home.drafts(mail_id)
        (raw,) = home.replies()
        assert text_of(raw) == f"{draft.proposal.plain_text.rstrip()}\n\n{DISCLOSED}\n"


async def test_it_is_said_in_the_language_of_the_mail(tmp_path: Path) -> None:
    """Where we have the line; every line names the word."""
    async with house(tmp_path) as home:
        mail = await home.mail(await home.receive(HOURS))
        box = home.parts.mailbox(SUPPORT)
        for language, (line, _) in letter.PHRASES.items():
            said = mail.__class__(**{**mail.__dict__, "normalized": {"language": language}})
            assert letter.below(box, said, "unseen") == f"\n{line.format(word='HUMAN')}\n"
            assert "{word}" in line
            assert letter.below(box, said, "approved") == ""


@pytest.mark.parametrize(
    ("changes", "said"), [({"disclosure_text": "A machine wrote. HUMAN: a person."}, 1), ({"disclosure": False}, 0)]
)
async def test_it_is_the_operators_line_or_none(tmp_path: Path, changes: dict[str, Any], said: int) -> None:
    """By setting."""
    async with house(tmp_path, config=lettered(tmp_path, **changes)) as home:
        await home.receive(HOURS)
        await home.settle()
        (raw,) = home.replies()
        assert text_of(raw).count("HUMAN") == text_of(raw).count("\n\nA machine wrote. ") == said


def test_a_line_that_does_not_name_the_word_is_refused(tmp_path: Path) -> None:
    """Who answers has to learn how a person is reached; a signature is lines of visible characters."""
    for changes in {"disclosure_text": "A machine wrote this."}, {"signature": "Larkspur\x1b[2J"}:
        with pytest.raises(ValidationError, match=r"HUMAN|visible"):
            lettered(tmp_path, **changes)


async def test_a_person_sees_what_stands_below_and_it_is_what_leaves(tmp_path: Path) -> None:
    """Signature and quotation, without the disclosure: a person saw it. The desk shows them before the approval."""
    async with visiting(tmp_path, config=lettered(tmp_path, signature=SIGNATURE, quote=True)) as visitor:
        home = visitor.home
        mail_id = await home.receive(f"{HOURS} See https://evil.example/x", signed=False)
        await home.settle()
        draft = await home.waiting(mail_id)
        page = await visitor.page(f"/mail/{mail_id}")
        quoted = f"You wrote on 2026-11-20:\n> {HOURS} See https[:]//evil[.]example/x"
        assert "Larkspur Garden Tools\nhttps://larkspur.example/" in page.text
        assert quoted.splitlines()[0] in page.text
        assert isinstance(
            await approval.approve(home.parts, draft.id, by="Ruth", seen_hash=draft.approval_hash), Decided
        )
        await home.settle()
        (raw,) = home.replies()
        assert text_of(raw) == f"{draft.proposal.plain_text.rstrip()}\n\n-- \n{SIGNATURE}\n\n{quoted}\n"


async def test_an_approval_is_for_what_stands_below_too(tmp_path: Path) -> None:
    """A draft that waited while the signature changed is not approved by what was seen before."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS, signed=False)
        await home.settle()
        seen = (await home.waiting(mail_id)).approval_hash
    async with house(tmp_path, config=lettered(tmp_path, signature=SIGNATURE)) as home:
        await approval.rejudge(home.parts)
        draft = await home.waiting(mail_id)
        assert isinstance(await approval.approve(home.parts, draft.id, by="Ruth", seen_hash=seen), NotDecided)
        now = draft.approval_hash
        assert now != seen
        assert isinstance(await approval.approve(home.parts, draft.id, by="Ruth", seen_hash=now), Decided)


async def test_what_the_mailbox_does_not_put_there_does_not_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes with another ending, sealed by ourselves even, stop before the wire and wait for a person."""
    async with house(tmp_path) as home:
        with monkeypatch.context() as forged:
            forged.setattr("agent.dispatch.below", lambda *_: "\nCall +1 900 123.\n")
            mail_id = await home.receive(HOURS)
            await home.service.triager.drain()
            await home.service.runner.drain()
        await home.settle()
        assert home.replies() == []
        assert (await home.mail(mail_id)).status is MailStatus.WAITING
        async with home.parts.database.read() as tx:
            (sent,) = await deliveries.of_mail(tx, mail_id)
        assert (sent.state, sent.detail.partition(":")[0]) == (OutboxState.REFUSED, "letter")


SAID = ["HUMAN", "human please", "  *Human*!", "Hello,\n\nhuman.\n\nAnn", "\u201c\uff28\uff35\uff2d\uff21\uff2e\u201d"]


@pytest.mark.parametrize("said", SAID)
def test_the_word_asks_in_any_case(said: str) -> None:
    """At the beginning, or alone in its line; with what people and programs put around it."""
    assert human.asked(said)


async def test_who_answers_the_word_gets_a_person(tmp_path: Path) -> None:
    """No model is asked, no run begins, no reply leaves; the next mail of the conversation is a person's too."""
    async with house(tmp_path) as home:
        await home.receive(HOURS, message_id="a@customer.example")
        await home.settle()
        (reply,) = home.replies()
        more: Any = {
            "headers": {"In-Reply-To": str(message_from_bytes(reply)["Message-ID"])},
            "subject": "Re: A question",
        }
        asked = await home.receive(f"human\n\nOn Friday Larkspur wrote:\n> {HOURS}", **more)
        await home.settle()
        assert (await home.mail(asked)).status_reason == human.ASKED
        then = await home.receive(HOURS, **more)
        await home.settle()
        found = await home.mail(then)
        assert (found.status, found.status_reason) == (MailStatus.PERSON, human.ASKED_BEFORE)
        assert len(home.replies()) == 1
        async with home.parts.database.read() as tx:
            assert [await runs.of_mail(tx, mail_id) for mail_id in (asked, then)] == [[], []]
            assert await handlings.tags(tx, asked) == [human.TAG]
        assert isinstance(await untag(home.parts, asked, human.TAG, by="Ruth"), Decided)
        await home.receive(HOURS, **more)
        await home.settle()
        assert len(home.replies()) == 2


@pytest.mark.parametrize(
    "said", [HOURS, ORDER, "Humanity is kind.", "Is this inhuman?", "Are you human or a robot?", ""]
)
def test_other_words_do_not(said: str) -> None:
    """The word begins the mail or is alone in its line."""
    assert not human.asked(said)


PIECES = ["https://", "a", ".", "example", ".com", "@", "mailto:", "www.", " ", "\u3002", "/", "1", "\n", "TEL:"]
LINKED = re.compile(r"://|\w[.\u3002\uff0e\uff61][^\W\d_]|\b(?:mailto|tel):|\bwww\.\w", re.IGNORECASE)
"""What mail programs make links of."""


@given(st.lists(st.sampled_from(PIECES)))
@example(["mailto:", "a", "@", "example", ".com"])
def test_nothing_quoted_is_a_link(pieces: list[str]) -> None:
    """No scheme, no host, no address in the form that programs know."""
    assert not LINKED.search(defused("".join(pieces)))


async def test_a_quotation_is_bounded(tmp_path: Path) -> None:
    """In lines and characters, and it says that it was cut."""
    async with house(tmp_path, config=lettered(tmp_path, quote=True)) as home:
        mail = await home.mail(await home.receive(HOURS))
        for text in "line\n" * 500, "x" * 50_000, "\u202e\x07\n" * 100 + "end":
            said = mail.__class__(**{**mail.__dict__, "normalized": {"new_text": text, "language": "en"}})
            below = letter.below(home.parts.mailbox(SUPPORT), said, "approved")
            assert len(below) < QUOTED_CHARACTERS + 3 * QUOTED_LINES + 100
            assert below.count("\n") < QUOTED_LINES + 6
            assert below.endswith("> [...]\n" if "end" not in text else "> end\n")
            assert not {"\u202e", "\x07"} & set(below)


async def test_a_mailbox_that_asks_for_html_writes_both(tmp_path: Path) -> None:
    """Allowed links lead somewhere there, others are text; the final check takes it."""
    config = lettered(tmp_path, html=True, signature="https://larkspur.example/a. https://elsewhere.example/")
    async with house(tmp_path, config=config) as home:
        await home.receive(HOURS)
        await home.settle()
        (raw,) = home.replies()
        found = inspect(raw)
        assert not isinstance(found, Refused)
        assert found.links == ("https://larkspur.example/a",)
        assert "elsewhere.example" in found.body


async def test_a_link_of_the_html_that_is_not_allowed_does_not_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The final check reads the links in the bytes."""
    config = lettered(tmp_path, html=True, signature="https://elsewhere.example/")
    async with house(tmp_path, config=config) as home:
        with monkeypatch.context() as forged:
            forged.setattr("agent.dispatch.clickable", lambda *_: ("https://elsewhere.example/",))
            mail_id = await home.receive(HOURS)
            await home.service.triager.drain()
            await home.service.runner.drain()
        await home.settle()
        assert home.replies() == []
        assert (await home.mail(mail_id)).status is MailStatus.WAITING
