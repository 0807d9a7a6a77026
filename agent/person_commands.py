"""`postroom export` and `postroom forget`: what is known of a person, given or erased."""

from __future__ import annotations

import getpass
import json
import sys

from agent.commands import console, fail, opened_parts
from agent.config import Config
from agent.forgetting import Busy, export, forget
from agent.printing import line


async def export_person(config: Config, address: str) -> int:
    """Print a JSON line for each mail."""
    count = 0
    async with opened_parts(config) as parts:
        try:
            async for one in export(parts, address):
                sys.stdout.write(json.dumps(one, ensure_ascii=False, default=list) + "\n")
                count += 1
        except ValueError as error:
            return fail(str(error))
    sys.stderr.write(f"{count} mails of {line(address)}, a JSON line each\n")
    return 0 if count else 1


async def forget_person(config: Config, address: str, *, yes: bool, rewrite: bool) -> int:
    """Erase; asks first unless told not to."""
    if not yes:
        return fail(f"this erases all mail of {address} and what came of it, for good: say so with --yes")
    async with opened_parts(config) as parts:
        try:
            done = await forget(parts, address, by=getpass.getuser(), rewrite=rewrite)
        except ValueError as error:
            return fail(str(error))
    if isinstance(done, Busy):
        for mail_id, status in done.mails:
            console.print(f"{mail_id}  {status.value}")
        return fail("these are still worked on, on their way or in doubt: wait or resolve them, then say it again")
    console.print(f"{done.mails} mails of {line(address)} are erased; the audit still verifies. Backups are yours.")
    if config.store.url.startswith("postgresql") and not rewrite:
        console.print("PostgreSQL's files keep them until it writes there again: --rewrite makes it do so at once.")
    return 0 if done.mails else 1
