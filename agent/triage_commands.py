"""`postroom triage`: what the rules would do to stored mail."""

from __future__ import annotations

from agent.commands import console, fail, opened_parts
from agent.config import Config
from agent.printing import line
from agent.sorting import seen
from agent.store import mails
from agent.triage_rules import Decided, decide
from inbound.contracts import NormalizedEmail


async def dry_run(config: Config, last: int) -> int:
    """Print what each of the last mails would get; nothing is changed."""
    if not config.triage:
        return fail("no [[triage]] rule is configured")
    looked = held = 0
    count = dict.fromkeys((one.name for one in config.triage), 0)
    async with opened_parts(config) as parts, parts.database.read() as tx:
        for listed in await mails.listing(tx, limit=last):
            mail = await mails.get(tx, listed.id)
            intent = await mails.get_intent(tx, listed.id)
            if mail is None or intent is None or not mail.normalized:
                continue
            looked += 1
            email = NormalizedEmail.model_validate(mail.normalized)
            found = decide(config.triage, seen(mail, email, intent, proven=bool(mail.authenticated)))
            for name in found.held:
                count[name] += 1
            if found.held:
                held += 1
                console.print(f"[bold]{mail.id}[/]  {line(mail.author)}  {line(mail.subject or '(no subject)')}")
                console.print(f"    {', '.join(found.held)}: {line(_said(found))}")
    for name, n in count.items():
        console.print(f"{name}: {n} of {looked}{'' if n or not looked else ' (it holds for none of them)'}")
    console.print(f"{held} of {looked} mails would be sorted by a rule. Nothing was changed.")
    return 0


def _said(found: Decided) -> str:
    said = [f"tags {', '.join(found.tags)}"] if found.tags else []
    said += [f"for {found.team}"] if found.team else []
    if found.action:
        said.append(f"{found.action} to {', '.join(found.forward_to)}" if found.forward_to else found.action)
    return "; ".join(said)
