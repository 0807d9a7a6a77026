"""Which conversation a mail belongs to: by Message-IDs of both sides, by the subject last, and never a stranger's."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import closing
from agent.conversations import CAME_BACK
from agent.states import MailStatus
from agent.store import deliveries, runs
from tests.agent.postroom import HOURS, SALES, SUPPORT, House, house

OURS, PATH, FIRST = "OURS", "PATH", "<first@customer.example>"
"""OURS stands for the Message-ID of our reply, PATH for its return path."""

FOLLOWS: dict[str, tuple[bool, dict[str, object]]] = {
    "our reply is answered": (True, {"headers": {"In-Reply-To": OURS}}),
    "our reply is among the references": (True, {"headers": {"References": f"<x@y.example> {OURS} <z@y.example>"}}),
    "their own mail goes on": (True, {"headers": {"References": FIRST}}),
    "a reply by its subject": (True, {"subject": "Re: A question"}),
    "a reply by its subject, in German": (True, {"subject": "AW: a  QUESTION"}),
    "the subject alone": (False, {"subject": "A question"}),
    "another subject": (False, {"subject": "Re: Another question"}),
    "a reply after a month": (False, {"subject": "Re: A question", "days": 31}),
    "a stranger who knows our Message-ID": (
        False,
        {"author": "bob@customer.example", "headers": {"In-Reply-To": OURS}},
    ),
    "a stranger who knows theirs": (False, {"author": "bob@customer.example", "headers": {"References": FIRST}}),
    "a stranger with the subject": (False, {"author": "bob@customer.example", "subject": "Re: A question"}),
    "the author, unproven": (False, {"signed": False, "headers": {"In-Reply-To": OURS}}),
    "the author, to another mailbox": (False, {"to": (SALES,), "headers": {"In-Reply-To": OURS}}),
    "the return path of our reply": (True, {"to": (PATH,)}),
    "that and the mailbox": (True, {"to": (SUPPORT, PATH)}),
    "that and another mailbox": (False, {"to": (SALES, PATH)}),
    "a stranger who knows our return path": (False, {"to": (SUPPORT, PATH), "author": "bob@customer.example"}),
    "a stranger to our return path alone": (False, {"to": (PATH,), "author": "bob@customer.example"}),
    "the author, unproven, to our return path": (False, {"to": (PATH,), "signed": False}),
    "a machine to our return path": (False, {"to": (PATH,), "headers": {"Precedence": "bulk"}}),
    "a Message-ID that looks like ours": (False, {"headers": {"In-Reply-To": "<d-1.abcdef@larkspur.example>"}}),
}
"""Whether it joins, and how the second mail differs."""


async def conversation(home: House, mail_id: str) -> str | None:
    return (await home.mail(mail_id)).conversation_id


@pytest.mark.parametrize("name", FOLLOWS)
async def test_a_mail_joins_its_own_authors_conversation_alone(tmp_path: Path, name: str) -> None:
    """In the same mailbox, where the author is proven; everybody else begins one of their own."""
    joins, more = FOLLOWS[name]
    async with house(tmp_path) as home:
        first = await home.receive(HOURS, message_id=FIRST.strip("<>"))
        await home.settle()
        async with home.parts.database.read() as tx:
            (sent,) = await deliveries.of_mail(tx, first)
        given: dict[str, object] = {"subject": "Something else", **more}
        home.clock.advance(days=float(str(given.pop("days", 1))))
        headers = given.get("headers", {})
        assert isinstance(headers, dict)
        given["headers"] = {key: value.replace(OURS, f"<{sent.message_id}>") for key, value in headers.items()}
        given["to"] = [sent.email["return_path"] if one == PATH else one for one in more.get("to", (SUPPORT,))]  # type: ignore[attr-defined]  # a tuple of texts
        second = await home.receive("Thank you. And on Sunday?", **given)  # type: ignore[arg-type]  # names of receive's own
        await home.settle()
        assert await conversation(home, first) is not None
        assert (await conversation(home, second) == await conversation(home, first)) is joins


async def test_what_came_to_a_return_path_alone_is_for_a_person(tmp_path: Path) -> None:
    """In its conversation and its mailbox; some machines answer there and do not say so. A person may begin again."""
    async with house(tmp_path) as home:
        first = await home.receive(HOURS)
        await home.settle()
        async with home.parts.database.read() as tx:
            (sent,) = await deliveries.of_mail(tx, first)
        back = await home.receive(HOURS, to=(sent.email["return_path"],))
        await home.settle()
        found = await home.mail(back)
        assert (found.status, found.status_reason, found.mailbox) == (MailStatus.PERSON, CAME_BACK, SUPPORT)
        assert len(home.replies()) == 1
        async with home.parts.database.read() as tx:
            assert await runs.of_mail(tx, back) == []
        await closing.retry(home.parts, back, by="ruth")
        await home.settle()
        assert (await home.mail(back)).status is MailStatus.ANSWERED
