"""A person decides: the first decision wins, and it is for what the person saw."""

from __future__ import annotations

import asyncio
from email import message_from_bytes
from pathlib import Path

import pytest

from agent import approval
from agent.approval import Decided, NotDecided
from agent.states import DraftState, MailStatus, RunState
from agent.store import runs
from tests.agent.postroom import HOURS, ORDER, House, house

pytestmark = pytest.mark.usefixtures("both_databases")

FILLED = "Thank you for asking about order LG-48213. It left our house yesterday.\n\nYour Larkspur team\n"


async def drafted(home: House) -> tuple[str, str, str]:
    """(mail, draft, hash) of a draft that waits because nobody proved its author."""
    mail_id = await home.receive(HOURS, signed=False)
    await home.settle()
    draft = await home.waiting(mail_id)
    return mail_id, draft.id, draft.approval_hash


async def test_an_approved_draft_leaves_as_a_persons_mail(tmp_path: Path) -> None:
    """No Auto-Submitted: receivers drop or refuse it, and a person did decide (guarantee 12)."""
    async with house(tmp_path) as home:
        mail_id, draft_id, seen = await drafted(home)
        assert isinstance(await approval.approve(home.parts, draft_id, by="ruth", seen_hash=seen), Decided)
        await home.settle()
        (raw,) = home.replies()
        assert message_from_bytes(raw)["Auto-Submitted"] is None
        assert (await home.mail(mail_id)).status is MailStatus.ANSWERED
        async with home.parts.database.read() as tx:
            (run,) = await runs.of_mail(tx, mail_id)
            assert run.state is RunState.COMPLETED
            outputs = [call.output for call in await runs.calls(tx, run.id) if call.name == "send_email"]
        assert '"success": true' in str(outputs[0])


async def test_the_first_decision_wins(tmp_path: Path) -> None:
    """Ten people at once: one decision, one mail, nine who are told that somebody was first."""
    async with house(tmp_path) as home:
        _, draft_id, seen = await drafted(home)
        decisions = [approval.approve(home.parts, draft_id, by=f"p{n}", seen_hash=seen) for n in range(5)]
        decisions += [approval.reject(home.parts, draft_id, by=f"r{n}", reason="no") for n in range(5)]
        done = await asyncio.gather(*decisions)
        assert sum(isinstance(one, Decided) for one in done) == 1
        assert all(one.taken for one in done if isinstance(one, NotDecided))
        await home.settle()
        assert len(home.replies()) <= 1


async def test_a_double_click_sends_once(tmp_path: Path) -> None:
    """The second approval of the same draft changes nothing."""
    async with house(tmp_path) as home:
        _, draft_id, seen = await drafted(home)
        await approval.approve(home.parts, draft_id, by="ruth", seen_hash=seen)
        again = await approval.approve(home.parts, draft_id, by="ruth", seen_hash=seen)
        assert isinstance(again, NotDecided)
        await home.settle()
        assert len(home.replies()) == 1


async def test_an_approval_of_something_else_is_none(tmp_path: Path) -> None:
    """Guarantee 10: the hash of what the person saw has to be that of what is stored."""
    async with house(tmp_path) as home:
        _, draft_id, _ = await drafted(home)
        done = await approval.approve(home.parts, draft_id, by="ruth", seen_hash="0" * 64)
        assert isinstance(done, NotDecided)
        assert not done.taken
        assert home.replies() == []


async def test_a_gap_cannot_be_approved_but_filled(tmp_path: Path) -> None:
    """What policy denies is not offered; a person's edit is judged anew and then may go."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(ORDER)
        await home.settle()
        draft = await home.waiting(mail_id)
        refused = await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        assert isinstance(refused, NotDecided)
        assert "edit" in refused.reason
        edited = await approval.edit(
            home.parts,
            draft.id,
            by="ruth",
            subject=draft.proposal.subject,
            plain_text=FILLED,
            seen_hash=draft.approval_hash,
        )
        assert isinstance(edited, Decided)
        fresh = await home.waiting(mail_id)
        assert (fresh.id, fresh.origin, fresh.parent_id) == (edited.id, "person", draft.id)
        await approval.approve(home.parts, fresh.id, by="ruth", seen_hash=fresh.approval_hash)
        await home.settle()
        (raw,) = home.replies()
        assert message_from_bytes(raw).get_payload(decode=True) == FILLED.replace("\n", "\r\n").encode()


async def test_an_edit_does_not_send(tmp_path: Path) -> None:
    """An approval of the old version does not cover the new one."""
    async with house(tmp_path) as home:
        mail_id, draft_id, seen = await drafted(home)
        await approval.edit(
            home.parts, draft_id, by="ruth", subject="Re: A question", plain_text="Other.\n", seen_hash=seen
        )
        await approval.approve(home.parts, draft_id, by="ruth", seen_hash=seen)
        fresh = await home.waiting(mail_id)
        done = await approval.approve(home.parts, fresh.id, by="ruth", seen_hash=seen)
        assert isinstance(done, NotDecided)
        await home.settle()
        assert home.replies() == []


async def test_a_persons_edit_is_under_the_same_rules(tmp_path: Path) -> None:
    """Invisible characters are denied for people too."""
    async with house(tmp_path) as home:
        mail_id, draft_id, seen = await drafted(home)
        await approval.edit(
            home.parts, draft_id, by="ruth", subject="Re: A question", plain_text="Yes\u202e no\n", seen_hash=seen
        )
        fresh = await home.waiting(mail_id)
        done = await approval.approve(home.parts, fresh.id, by="ruth", seen_hash=fresh.approval_hash)
        assert isinstance(done, NotDecided)
        assert "policy refuses" in done.reason


async def test_a_rejection_tells_the_run_why(tmp_path: Path) -> None:
    """The tool's answer is success false with the reason; the mail is a person's; nothing is sent."""
    async with house(tmp_path) as home:
        mail_id, draft_id, _ = await drafted(home)
        assert isinstance(await approval.reject(home.parts, draft_id, by="ruth", reason="too curt"), Decided)
        await home.settle()
        async with home.parts.database.read() as tx:
            (run,) = await runs.of_mail(tx, mail_id)
            outputs = [call.output for call in await runs.calls(tx, run.id) if call.name == "send_email"]
        assert run.state is RunState.COMPLETED
        assert "too curt" in str(outputs[0])
        assert '"success": false' in str(outputs[0])
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
        assert home.replies() == []


async def test_a_newer_mail_voids_what_a_person_is_about_to_approve(tmp_path: Path) -> None:
    """Who decides on yesterday's conversation is told that it moved on."""
    async with house(tmp_path) as home:
        first = await home.receive(ORDER, message_id="o1@customer.example")
        await home.settle()
        draft = await home.waiting(first)
        await home.receive(ORDER, subject="Re: A question", headers={"In-Reply-To": "<o1@customer.example>"})
        await home.settle()
        done = await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        assert isinstance(done, NotDecided)
        assert done.taken


async def test_another_policy_voids_the_approval_that_was_prepared(tmp_path: Path) -> None:
    """After a change of policy the draft is judged anew at start; the hash that people saw before fits no more."""
    from dataclasses import replace

    from agent.policy import Rules, Settings

    async with house(tmp_path) as home:
        mail_id, draft_id, seen = await drafted(home)
        rules = {address: Rules(settings=Settings(threshold=0.99)) for address in home.parts.rules}
        changed = replace(home.parts, rules=rules)
        assert isinstance(await approval.approve(changed, draft_id, by="ruth", seen_hash=seen), NotDecided)
        assert await approval.rejudge(changed) == 1
        fresh = await home.waiting(mail_id)
        assert fresh.state is DraftState.WAITING
        assert fresh.approval_hash != seen
        assert isinstance(await approval.approve(changed, draft_id, by="ruth", seen_hash=fresh.approval_hash), Decided)


async def test_a_draft_of_a_mailbox_that_is_gone_can_only_be_rejected(tmp_path: Path) -> None:
    """Taken out of the configuration while the draft waited: said in words, nothing leaves."""
    from dataclasses import replace

    async with house(tmp_path) as home:
        _, draft_id, seen = await drafted(home)
        changed = replace(home.parts, rules={})
        edited = await approval.edit(changed, draft_id, by="ruth", subject="s", plain_text="t\n", seen_hash=seen)
        for done in (await approval.approve(changed, draft_id, by="ruth", seen_hash=seen), edited):
            assert isinstance(done, NotDecided)
            assert "not in the configuration" in done.reason
        assert isinstance(await approval.reject(changed, draft_id, by="ruth", reason="gone"), Decided)


@pytest.mark.parametrize("subject", ["", "  ", "Re: hi\r\nX-Foo: bar", "Re: hi\n", "Re: \x1b[2J", "Re: a\u2028b"])
async def test_a_subject_is_one_line(tmp_path: Path, subject: str) -> None:
    """Said when it is saved, not when it is approved."""
    async with house(tmp_path) as home:
        mail_id, draft_id, seen = await drafted(home)
        done = await approval.edit(
            home.parts, draft_id, by="ruth", subject=subject, plain_text="Hello.", seen_hash=seen
        )
        assert isinstance(done, NotDecided)
        assert "one line" in done.reason
        assert len(await home.drafts(mail_id)) == 1


async def test_an_edit_changes_why_the_mail_waits(tmp_path: Path) -> None:
    """The list and the page tell of the version that counts."""
    async with house(tmp_path) as home:
        mail_id, draft_id, seen = await drafted(home)
        text = "See https://evil.example/ for more."
        await approval.edit(home.parts, draft_id, by="ruth", subject="Re: x", plain_text=text, seen_hash=seen)
        assert "links that are not allowed" in (await home.mail(mail_id)).status_reason


@pytest.mark.parametrize("silence", ["", "  \n"])
async def test_a_link_is_passed_over_with_a_reason_alone(tmp_path: Path, silence: str) -> None:
    """It stays in the draft and in the audit, with the rules; an author that nobody proved wants a look alone."""
    from agent.store import drafts, trail

    async with house(tmp_path) as home:
        mail_id, draft_id, seen = await drafted(home)
        text = "See https://partner.example/ for 25 % off.\n"
        await approval.edit(home.parts, draft_id, by="ruth", subject="Re: x", plain_text=text, seen_hash=seen)
        fresh = await home.waiting(mail_id)
        seen = fresh.approval_hash
        refused = await approval.approve(home.parts, fresh.id, by="ruth", seen_hash=seen, reason=silence)
        assert isinstance(refused, NotDecided)
        said = "say why it may go all the same: the reply has links that are not allowed: https://partner.example/"
        assert refused.reason == said
        assert (await home.waiting(mail_id)).id == fresh.id
        done = await approval.approve(home.parts, fresh.id, by="ruth", seen_hash=seen, reason="our partner")
        assert isinstance(done, Decided)
        async with home.parts.database.read() as tx:
            decided = await drafts.get(tx, fresh.id)
            row = next(one for one in await trail.of_mail(tx, mail_id) if one.event == "approved")
            beside = await trail.words_of(tx, mail_id)
        assert decided is not None
        assert decided.overruled == ("links", "authenticated", "facts")
        assert decided.decision_reason == "our partner"
        assert row.data["overruled"] == ["links", "authenticated", "facts"]
        assert row.data["reason"] == home.parts.audit.digest("our partner")
        assert beside == {(row.chain, row.n): "our partner"}
        await home.settle()
        assert len(home.replies()) == 1
