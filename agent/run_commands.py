"""`postroom runs` and `postroom replay`: look at runs, end them, begin again, and decide again without a model."""

from __future__ import annotations

from agent import closing
from agent.commands import console, fail, opened_parts, said, story_of
from agent.config import Config
from agent.printing import line
from agent.replay import replay
from agent.states import FINAL_RUNS, OPEN_RUNS
from agent.store import mails, runs

LISTED = 200


async def runs_list(config: Config, *, ended: bool) -> int:
    """Print open runs, or those that ended."""
    async with opened_parts(config) as parts, parts.database.read() as tx:
        found = await runs.listing(tx, FINAL_RUNS if ended else OPEN_RUNS, limit=LISTED)
    for one in found:
        why = f": {one.reason}" if one.reason else ""
        console.print(
            f"[bold]{one.id}[/]  {line(one.author or 'unknown')}  {line(one.subject or '(no subject)')}\n"
            f"    {one.state.value} after {one.turns} turns by {line(one.model)}{line(why)}"
        )
    what = "that ended" if ended else "open"
    console.print(f"{len(found)} runs {what}" + (f", the newest {LISTED}." if len(found) == LISTED else "."))
    return 0


async def runs_show(config: Config, any_id: str) -> int:
    """Print each turn of a mail's runs: what was called, and what was answered."""
    async with opened_parts(config) as parts, parts.database.read() as tx:
        found = await story_of(parts, any_id)
        if found is None:
            return fail(f"there is no run or mail with the id {any_id}; `postroom runs list` shows them")
        exchanges = await runs.exchanges(tx, found.mail.id)
    for run, calls in found.runs:
        console.print(f"[bold]{run.id}[/]: {run.state.value} after {run.turns} turns by {line(run.model)}")
        for call in calls:
            console.print(f"    turn {call.turn}: {line(call.name)} {line(call.arguments[:500])}")
            console.print(f"      answered: {line((call.output or 'not yet')[:500])}")
    sent = sum(one.answer.usage.input_tokens for one in exchanges)
    written = sum(one.answer.usage.output_tokens for one in exchanges)
    console.print(f"{len(exchanges)} answers of models, {sent} tokens sent, {written} written.")
    return 0


async def runs_cancel(config: Config, any_id: str, by: str, reason: str) -> int:
    async with opened_parts(config) as parts:
        found = await story_of(parts, any_id)
        if found is None:
            return fail(f"there is no run or mail with the id {any_id}; `postroom runs list` shows them")
        done = await closing.cancel_run(parts, found.mail.id, by=by, reason=reason)
    return said(done, "Cancelled; the mail is a person's now.")


async def runs_retry(config: Config, any_id: str, by: str) -> int:
    async with opened_parts(config) as parts:
        found = await story_of(parts, any_id)
        if found is None:
            return fail(f"there is no run or mail with the id {any_id}; `postroom runs list` shows them")
        done = await closing.retry(parts, found.mail.id, by=by)
    return said(done, f"{found.mail.id} begins again, as soon as `postroom serve` runs.")


async def replay_mail(config: Config, any_id: str) -> int:
    """Print each decision, then and now; 1 where one differs."""
    async with opened_parts(config) as parts:
        found = await story_of(parts, any_id)
        if found is None:
            return fail(f"there is no mail, draft or run with the id {any_id}")
        async with parts.database.read() as tx:
            mail = await mails.get(tx, found.mail.id)
            steps = await replay(parts, tx, mail, parts.now()) if mail else []
    if not steps:
        return fail(f"no answer of a model about {found.mail.id} is kept: there is nothing to decide again")
    for step in steps:
        console.print(f"{line(step.what)}: {'the same' if step.same else '[bold]differs[/]'}")
        console.print(f"    then  {line(step.then)}")
        if not step.same:
            console.print(f"    now   {line(step.now)}")
    return 0 if all(step.same for step in steps) else 1
