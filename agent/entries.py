"""A person saves an answer as an entry of the playbook.

Rules:
- A new file of its own; nothing is overwritten, and it is read as every entry is before it is kept.
- `auto_send` is false: an operator who wants it to leave unseen says so in the file.
- It counts from the next start, in all processes at once; until then nothing changes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from agent.approval import Decided, NotDecided
from agent.parts import Parts
from agent.playbook import TEXT_LIMIT, read_entry
from agent.store import mails

NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
LONGEST_NAME, MOST_LINES = 60, 20


@dataclass(frozen=True)
class Wanted:
    """What the form says; lists are one a line."""

    name: str
    intent: str
    triggers: str
    examples: str
    body: str


def text_of(wanted: Wanted) -> str:
    """The file: TOML between `+++` lines, then the reply."""

    def lines(told: str) -> str:
        return json.dumps([one.strip() for one in told.splitlines() if one.strip()][:MOST_LINES], ensure_ascii=False)

    head = (
        f"intent = {json.dumps(wanted.intent)}\ntrigger = {lines(wanted.triggers)}\n"
        f'examples = {lines(wanted.examples)}\nrisk = "medium"\nauto_send = false\n'
    )
    return f"+++\n{head}+++\n{wanted.body.strip()}\n"


async def save(parts: Parts, mail_id: str, wanted: Wanted, *, by: str) -> Decided | NotDecided:
    """Write the entry into the playbook of the mail's mailbox."""
    if not NAME.fullmatch(wanted.name) or len(wanted.name) > LONGEST_NAME:
        return NotDecided("a name is small letters, digits and single hyphens, like opening-hours")
    if len(wanted.body) > TEXT_LIMIT or len(wanted.triggers) + len(wanted.examples) > TEXT_LIMIT:
        return NotDecided(f"an entry has at most {TEXT_LIMIT} characters")
    now = parts.now()
    async with parts.database.write() as tx:
        mail = await mails.locked(tx, mail_id)
        mailbox = parts.config.mailbox_of(mail.mailbox) if mail else None
        if mail is None or mailbox is None:
            return NotDecided("this mail belongs to no mailbox of the configuration")
        problem = _written(Path(mailbox.playbook) / f"{wanted.name}.md", text_of(wanted))
        if problem:
            return NotDecided(problem)
        data = {"entry": wanted.name, "text": parts.audit.digest(text_of(wanted))}
        chain = mail.conversation_id or mail.id
        await parts.audit.add(tx, chain, "taught", actor=by, now=now, mail_id=mail.id, data=data)
    return Decided(mail_id, f"{wanted.name}.md is in the playbook; it counts from the next start")


def _written(path: Path, text: str) -> str:
    """What is wrong; empty where the file is there now."""
    try:
        read_entry(path, text)
    except ValueError as error:
        return f"it would not be a good entry: {error}"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return f"there is an entry {path.name} already; choose another name"
    except OSError as error:
        return f"{path.name} cannot be written ({error.strerror}): give this process the right to, or write it yourself"
    return ""
