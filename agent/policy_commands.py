"""`postroom policy` and `postroom audit`: what the rules are, what others would change, whether the audit holds.

Rules:
- A difference is found by deciding again on stored mail under both configurations; nothing is stored or sent.
- Facts are today's for both, so that what differs is the configuration's doing alone.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from agent.commands import console, fail, opened_parts
from agent.config import Config, load
from agent.parts import Parts, rules_of
from agent.playbook import load as load_playbook
from agent.printing import line
from agent.replay import replay
from agent.rules import RULES
from agent.store import mails
from agent.verify import verify_all


async def policy_list(config: Config) -> int:
    """Print every rule: what it protects, and whether a person may pass over it, by mailbox."""
    for rule in RULES:
        stricter = [one.address for one in config.mailboxes if rule.id in one.stricter]
        also = f", deny for {', '.join(stricter)}" if stricter else ""
        console.print(f"[bold]{rule.id}[/] ({rule.kind}{also}): {line(rule.protects)}")
    for mailbox in config.mailboxes:
        console.print(f"{mailbox.address}: version {rules_of(config, mailbox).version}")
    return 0


async def policy_diff(config: Config, new: Path, last: int) -> int:
    """Print which decisions on the last mails another configuration would change; 1 where one does."""
    other = load(new, os.environ)
    changed = looked = 0
    async with opened_parts(config) as parts:
        proposed = _with(parts, other)
        async with parts.database.read() as tx:
            for listed in await mails.listing(tx, limit=last):
                mail = await mails.get(tx, listed.id)
                if mail is None or mail.mailbox not in proposed.rules or mail.mailbox not in parts.rules:
                    continue
                old = await replay(parts, tx, mail, parts.now())
                fresh = await replay(proposed, tx, mail, parts.now())
                looked += bool(old)
                differing = [(one, two) for one, two in zip(old, fresh, strict=True) if one.now != two.now]
                changed += bool(differing)
                for one, two in differing:
                    console.print(f"[bold]{mail.id}[/]  {line(mail.author)}  {line(mail.subject or '(no subject)')}")
                    console.print(f"    {line(one.what)}\n    now  {line(one.now)}\n    then {line(two.now)}")
    if not looked:
        return fail("no stored mail was ever decided on: there is nothing to compare")
    console.print(f"{changed} of {looked} mails would be decided otherwise.")
    return 1 if changed else 0


def _with(parts: Parts, other: Config) -> Parts:
    """The same store and keys under another configuration."""
    return replace(
        parts,
        config=other,
        playbooks={one.address: load_playbook(one.playbook) for one in other.mailboxes},
        rules={one.address: rules_of(other, one) for one in other.mailboxes},
    )


async def audit_verify(config: Config) -> int:
    """Verify every chain and what it speaks of; 1 where something does not hold."""
    async with opened_parts(config) as parts:
        found = await verify_all(parts)
    for problem in found.problems:
        console.print(f"[bold]broken[/]: {line(problem)}")
    console.print(
        f"{found.chains} chains of {found.rows} rows, {found.mails} mails, {found.anchored} anchored heads: "
        + ("everything holds." if not found.problems else f"{len(found.problems)} faults.")
    )
    return 1 if found.problems else 0
