"""Ways on which a person decides: each looks first at what still waits for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from agent import (
    approval,
    by_hand,
    closing,
    entries,
    handling,
    passing_on,
    suppress_commands,
    undo,
    verdicts,
)
from agent.config import Config
from agent.forgetting import forget
from agent.policy import Rules, Settings
from agent.states import DraftState, MailStatus
from tests.agent.flows import Stage, resolved
from tests.agent.postroom import CUSTOMER, SALES, SUPPORT


async def rejected(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if await stage.status(mail_id) is MailStatus.WAITING:
        await approval.reject(stage.home.parts, (await stage.home.waiting(mail_id)).id, by="ruth", reason="no")
    await stage.home.settle()
    return mail_id


async def edited(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if await stage.status(mail_id) is MailStatus.WAITING:
        draft = await stage.home.waiting(mail_id)
        if draft.origin == "model":
            seen = draft.approval_hash
            subject, text = draft.proposal.subject, "We open at nine.\n"
            await approval.edit(stage.home.parts, draft.id, by="ruth", seen_hash=seen, subject=subject, plain_text=text)
    await stage.approve(mail_id)
    await stage.home.settle()
    return mail_id


async def taken_back(stage: Stage) -> str:
    """An approval that is taken back while it is held: nothing leaves, the same words wait again."""
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if not any(one.state is DraftState.VOIDED for one in await stage.home.drafts(mail_id)):
        if await stage.status(mail_id) is MailStatus.WAITING:
            draft = await stage.home.waiting(mail_id)
            hold = timedelta(days=1)
            await approval.approve(stage.home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash, hold=hold)
        held = [one for one in await stage.home.drafts(mail_id) if one.state is DraftState.APPROVED]
        await undo.undo(stage.home.parts, held[0].id, by="ruth")
    await stage.hours_pass(1)
    return mail_id


async def noted(stage: Stage) -> str:
    """A colleague's note, left again until it is there."""
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    await handling.note(stage.home.parts, mail_id, "Ask @ben about the hours.", by="ruth")
    return mail_id


async def closed(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    await closing.close(stage.home.parts, mail_id, by="ruth", reason="by phone")
    await stage.home.settle()
    return mail_id


async def cancelled(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    await closing.cancel_run(stage.home.parts, mail_id, by="ruth", reason="mine")
    await stage.home.settle()
    return mail_id


async def begun_again(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if not any(one.state is DraftState.REJECTED for one in await stage.home.drafts(mail_id)):
        await closing.close(stage.home.parts, mail_id, by="ruth", reason="by mistake")
    await closing.retry(stage.home.parts, mail_id, by="ruth")
    await stage.home.settle()
    return mail_id


async def judged_anew(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    rules = {SUPPORT: Rules(settings=Settings(threshold=0.5)), SALES: Rules()}
    await approval.rejudge(replace(stage.home.parts, rules=rules))
    return mail_id


async def forgotten(stage: Stage) -> str:
    """The author wants to be forgotten; said again until nothing of them is left."""
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    await forget(stage.home.parts, CUSTOMER, by="ruth")
    return mail_id


async def written_by_hand(stage: Stage) -> str:
    """A person answers in their own words what no entry answers."""
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if not any(one.origin == "person" for one in await stage.home.drafts(mail_id)):
        await closing.cancel_run(stage.home.parts, mail_id, by="ruth", reason="mine")
    subject, text = "Re: A question", "We open at nine.\n"
    await by_hand.write(stage.home.parts, mail_id, by="ruth", subject=subject, plain_text=text)
    await stage.approve(mail_id)
    await stage.home.settle()
    return mail_id


async def passed_on(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    await passing_on.pass_on(stage.home.parts, mail_id, "ben@elsewhere.example", by="ruth")
    return mail_id


async def found_right(stage: Stage) -> str:
    mail_id = await stage.mail("known")
    await stage.home.settle()
    for draft in await stage.home.drafts(mail_id):
        await verdicts.say(stage.home.parts, draft.id, good=True, by="ruth")
    return await resolved(stage, mail_id)


async def taught(stage: Stage) -> str:
    """The file is there before the audit says so: said again, it is there already, and nothing is overwritten."""
    values = stage.home.parts.config.model_dump(by_alias=True)
    (stage.folder / "playbook").mkdir(exist_ok=True)
    values["mailbox"][0]["playbook"] = stage.folder / "playbook"
    object.__setattr__(stage.home.parts, "config", Config.model_validate(values))
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    wanted = entries.Wanted("sundays", "sundays", "sunday", "Are you open on Sunday?", "We are closed on Sundays.")
    await entries.save(stage.home.parts, mail_id, wanted, by="ruth")
    assert (stage.folder / "playbook" / "sundays.md").exists()
    return mail_id


async def suppressed(stage: Stage) -> str:
    """The author is on the list when their mail is answered: no reply; then they are taken off."""
    parts = stage.home.parts
    mail_id = await stage.mail("unproven")
    await suppress_commands.put(parts, [(CUSTOMER, "manual", "asked for it")], "ruth")
    await stage.home.settle()
    await stage.approve(mail_id)
    await stage.home.settle()
    await suppress_commands.take_out(parts, CUSTOMER, "ruth")
    return mail_id
