"""`postroom policy` and `postroom audit`: what the rules are, what others would change, whether the audit holds.

Rules:
- A difference is found by deciding again on stored mail under both configurations; nothing is stored or sent.
- A golden case is decided from its own facts alone.
- Facts are today's for both, so that what differs is the configuration's doing alone.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from agent.commands import console, fail, opened_parts
from agent.config import Config, load
from agent.golden import Case, differences, judge_case, load_cases
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


async def policy_test(config: Config, file: Path) -> int:
    """Decide every case of a file; 1 where one is not decided as it says. Nothing is stored or sent."""
    try:
        cases = load_cases(await asyncio.to_thread(file.read_text, "utf-8"))
    except OSError as error:
        return fail(f"{file}: {error.strerror}")
    except ValidationError as error:
        return fail("\n".join(f"{file}: {_place(one['loc'])}: {one['msg']}" for one in error.errors()))
    except ValueError as error:
        return fail(f"{file}: not TOML in UTF-8: {error}")
    own = frozenset(address for one in config.mailboxes for address in (one.address, *one.aliases))
    wrong = 0
    for case in cases:
        problems = _decided(config, case, own)
        wrong += bool(problems)
        console.print(f"{'[bold red]wrong[/]' if problems else 'ok'}  {line(case.name)}")
        for problem in problems:
            console.print(f"       {line(problem)}")
    console.print(f"{len(cases) - wrong} of {len(cases)} cases are decided as expected.")
    return 1 if wrong else 0


def _place(where: tuple[int | str, ...]) -> str:
    """`case 3, mail.author`."""
    if len(where) > 1 and isinstance(where[1], int):
        return f"case {where[1] + 1}, {'.'.join(map(str, where[2:]))}"
    return ".".join(map(str, where)) or "the file"


def _decided(config: Config, case: Case, own: frozenset[str]) -> list[str]:
    mailbox = config.mailbox_of(case.mailbox) if case.mailbox else config.mailboxes[0]
    if mailbox is None:
        return [f"{case.mailbox} is no mailbox of the configuration"]
    playbook = load_playbook(mailbox.playbook)
    if case.reply.entry and playbook.entry(case.reply.entry) is None:
        return [f"the playbook of {mailbox.address} has no entry {case.reply.entry!r}"]
    known = {rule.id for rule in RULES}
    if strange := [one for one in case.expect.rules or () if one not in known]:
        return [f"there is no rule {', '.join(strange)}; `postroom policy list` names them"]
    return differences(case, judge_case(case, mailbox.address, rules_of(config, mailbox), playbook, own))


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
