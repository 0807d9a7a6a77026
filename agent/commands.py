"""What the command line does beside `serve`: look at mail, decide on drafts, pause, resolve doubt.

Rules:
- Each command works on the database of the configuration, beside a running service, which sees it within a second.
- Each gives an exit code: 0 done, 1 refused or not found, with one plain line that says why.
- What is printed of a mail has no control characters in it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Literal

from rich.console import Console

from agent import approval, closing, events, switch, words
from agent.approval import Decided, NotDecided
from agent.config import Config
from agent.letter import below_an_approved
from agent.parts import Parts
from agent.printing import line, print_story, visible
from agent.serve import build, opened
from agent.states import MailStatus
from agent.store import drafts, mails
from agent.store.drafts import Draft
from agent.store.mails import Listed, Mail
from agent.story import Story, tell

LISTED = 200
FOR_A_PERSON = (MailStatus.PERSON, MailStatus.IN_DOUBT, MailStatus.QUARANTINED)

console = Console(highlight=False, soft_wrap=True, emoji=False)


def fail(reason: str) -> int:
    print(visible(" ".join(reason.split())), file=sys.stderr)  # noqa: T201 (the command line's own voice)
    return 1


@asynccontextmanager
async def opened_parts(config: Config) -> AsyncIterator[Parts]:
    events.configure("warning", config.postroom.log_format)  # the command says what it did
    async with opened(config) as database:
        yield build(config, database=database)


async def story_of(parts: Parts, any_id: str) -> Story | None:
    async with parts.database.read() as tx:
        return await tell(tx, parts.audit, any_id)


async def waiting_draft(parts: Parts, any_id: str) -> tuple[Draft, Mail] | str:
    """The waiting draft with this id, or of the mail with this id; else why there is none."""
    found = await story_of(parts, any_id)
    if found is None:
        return f"there is no mail or draft with the id {any_id}; `postroom review list` shows them"
    if found.waiting is None:
        return f"no draft of {found.mail.id} waits: {words.status(found.mail.status)}"
    if any_id not in {found.waiting.id, found.mail.id}:
        return f"{any_id} is not the draft that waits; look at {found.waiting.id}, which does"
    return found.waiting, found.mail


async def review_list(config: Config) -> int:
    """Print what waits for a person: drafts, mail without one, deliveries in doubt, quarantine."""
    async with opened_parts(config) as parts, parts.database.read() as tx:
        waiting = await drafts.waiting(tx, limit=LISTED)
        others = await mails.listing(tx, FOR_A_PERSON, limit=LISTED, oldest_first=True)
        answered = await mails.listed(tx, [draft.mail_id for draft in waiting])
        for draft in waiting:
            mail = answered.get(draft.mail_id)
            if mail is not None:
                _line(draft.id, mail, "; ".join(draft.reasons))
        for one in others:
            _line(one.id, one, one.status_reason)
        drafts_in_all = await drafts.count_waiting(tx)
        counted = await mails.counts(tx)
    others_in_all = sum(counted.get(status, 0) for status in FOR_A_PERSON)
    drafted = _of(drafts_in_all, "draft waits", "drafts wait")
    console.print(f"{drafted}, {_of(others_in_all, 'mail needs', 'mails need')} a person.")
    if drafts_in_all > len(waiting) or others_in_all > len(others):
        console.print(f"Shown are {LISTED} of each at most: the oldest. The desk has all of them.")
    return 0


def _of(n: int, one: str, more: str) -> str:
    return f"{n} {one if n == 1 else more}"


def _line(any_id: str, mail: Mail | Listed, why: str) -> None:
    console.print(
        f"[bold]{any_id}[/]  {line(mail.author or 'unknown')}  {line(mail.subject or '(no subject)')}\n"
        f"    {words.status(mail.status)}: {line(why)}"
    )


async def review_show(config: Config, any_id: str) -> int:
    async with opened_parts(config) as parts:
        found = await story_of(parts, any_id)
        beneath = below_an_approved(parts, found.mail) if found else ""
    if found is None:
        return fail(f"there is no mail or draft with the id {any_id}")
    print_story(console, found, whole=False, beneath=beneath)
    return 0


async def review_approve(config: Config, any_id: str, by: str, reason: str = "") -> int:
    async with opened_parts(config) as parts:
        found = await waiting_draft(parts, any_id)
        if isinstance(found, str):
            return fail(found)
        draft, mail = found
        if any_id != draft.id:
            return fail(f"name the draft that you have seen: {draft.id} waits for {mail.id}")
        done = await approval.approve(parts, draft.id, by=by, seen_hash=draft.approval_hash, reason=reason)
    return said(done, f"Approved: the reply to {mail.author} is on its way out.")


async def review_reject(config: Config, any_id: str, by: str, reason: str) -> int:
    async with opened_parts(config) as parts:
        found = await waiting_draft(parts, any_id)
        if isinstance(found, str):
            return fail(found)
        done = await approval.reject(parts, found[0].id, by=by, reason=reason)
    return said(done, "Rejected; the mail is a person's now.")


async def review_close(config: Config, any_id: str, by: str, reason: str) -> int:
    async with opened_parts(config) as parts:
        found = await story_of(parts, any_id)
        if found is None:
            return fail(f"there is no mail or draft with the id {any_id}; `postroom review list` shows them")
        done = await closing.close(parts, found.mail.id, by=by, reason=reason)
    return said(done, "Closed; nothing goes out.")


async def review_retry(config: Config, any_id: str, by: str) -> int:
    async with opened_parts(config) as parts:
        found = await story_of(parts, any_id)
        if found is None:
            return fail(f"there is no mail or draft with the id {any_id}; `postroom review list` shows them")
        done = await closing.retry(parts, found.mail.id, by=by)
    return said(done, f"{found.mail.id} is read again as if it had just come, as soon as `postroom serve` runs.")


async def review_raw(config: Config, any_id: str) -> int:
    """Write the mail's bytes as they came to standard output."""
    async with opened_parts(config) as parts:
        found = await story_of(parts, any_id)
        if found is None:
            return fail(f"there is no mail or draft with the id {any_id}; `postroom review list` shows them")
        async with parts.database.read() as tx:
            data = await mails.raw(tx, found.mail.id)
    if data is None:
        return fail(f"the bytes of {found.mail.id} are not kept any more")
    if sys.stdout.isatty():
        return fail("these are a stranger's bytes, not fit for a terminal: write them to a file with `> mail.eml`")
    sys.stdout.buffer.write(data)
    return 0


async def review_edit(config: Config, any_id: str, by: str) -> int:
    """Open the draft in $EDITOR: the subject in the first line, a blank line, the text."""
    async with opened_parts(config) as parts:
        found = await waiting_draft(parts, any_id)
        if isinstance(found, str):
            return fail(found)
        draft, _ = found
        path = draft_file(f"Subject: {draft.proposal.subject}\n\n{draft.proposal.plain_text}")
        version = edited(path)
        if isinstance(version, str):
            return fail(version)
        subject, text = version
        done = await approval.edit(
            parts, draft.id, by=by, subject=subject, plain_text=text, seen_hash=draft.approval_hash
        )
    if isinstance(done, NotDecided):
        return fail(f"{done.reason}; your version is kept in {path}")
    path.unlink()
    if done.note:
        console.print(f"Policy says of your version: {line(done.note)}")
    return said(done, f"Saved as {done.id}; approve it to send it.")


def draft_file(text: str) -> Path:
    """A file that its owner alone can read. It stays where an edit could not be saved: nobody types twice."""
    handle, name = tempfile.mkstemp(prefix="postroom-draft-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    return Path(name)


def edited(path: Path) -> tuple[str, str] | str:
    """Subject and text as the person left them; or why there are none."""
    named = os.environ.get("VISUAL", "").strip() or os.environ.get("EDITOR", "").strip() or "vi"
    before = path.read_bytes()
    try:
        ended = subprocess.run([*shlex.split(named), str(path)], check=False)  # noqa: S603 (the person's own editor)
    except (OSError, ValueError) as error:
        path.unlink()
        return f"the editor {named!r} does not start: {error}; nothing was changed"
    if ended.returncode != 0 or path.read_bytes() == before:
        path.unlink()
        return "the editor ended with an error; nothing was changed" if ended.returncode else "nothing was changed"
    try:
        head, _, text = path.read_text("utf-8").partition("\n\n")
    except UnicodeDecodeError:
        return f"what the editor saved is not UTF-8; nothing was changed, your version is kept in {path}"
    if not head.startswith("Subject: ") or "\n" in head or not text.strip():
        return (
            "the first line has to be `Subject: ...`, then a blank line, then the text; nothing was changed, "
            f"your version is kept in {path}"
        )
    return head.removeprefix("Subject: ").strip(), text


def said(done: Decided | NotDecided, text: str) -> int:
    if isinstance(done, NotDecided):
        return fail(done.reason)
    console.print(line(text))
    return 0


async def explain(config: Config, any_id: str) -> int:
    """Print the whole story of one mail; 1 where the audit's chain is broken."""
    async with opened_parts(config) as parts:
        found = await story_of(parts, any_id)
    if found is None:
        return fail(f"there is no mail, draft, run or delivery with the id {any_id}")
    print_story(console, found, whole=True)
    return 1 if found.broken else 0


def _unknown_mailbox(config: Config, mailbox: str) -> str:
    if not mailbox or config.mailbox_of(mailbox):
        return ""
    known = ", ".join(one.address for one in config.mailboxes)
    return f"{mailbox} is no mailbox of the configuration; there are {known}"


async def pause(config: Config, mailbox: str, by: str) -> int:
    if problem := _unknown_mailbox(config, mailbox):
        return fail(problem)
    async with opened_parts(config) as parts:
        fresh = await switch.pause(parts, _address(config, mailbox), by=by)
    console.print(f"{'Paused' if fresh else 'Was paused already'}: {mailbox or 'all sending'}. Nothing is lost.")
    return 0


async def resume(config: Config, mailbox: str, by: str) -> int:
    if problem := _unknown_mailbox(config, mailbox):
        return fail(problem)
    async with opened_parts(config) as parts:
        lifted = await switch.resume(parts, _address(config, mailbox), by=by)
    if not lifted:
        return fail(f"{mailbox or 'all sending'} was not paused")
    console.print(f"Sending goes on: {mailbox or 'everywhere'}.")
    return 0


def _address(config: Config, mailbox: str) -> str:
    found = config.mailbox_of(mailbox) if mailbox else None
    return found.address if found else ""


async def resolve(config: Config, any_id: str, outcome: Literal["sent", "resend"], by: str) -> int:
    async with opened_parts(config) as parts:
        done = await switch.resolve(parts, any_id, outcome, by=by)
    text = "Noted as sent." if outcome == "sent" else "It goes out again, with the same Message-ID."
    return said(done, text)


async def send_test(config: Config, to: str) -> int:
    """Hand a test mail of ours to the local door, so that the whole way can be watched."""
    import aiosmtplib

    mail = EmailMessage()
    mail["From"] = "postroom-test@localhost.localdomain"
    mail["To"] = to
    mail["Subject"] = "Postroom test mail"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain="localhost.localdomain")  # else the second test would be the first again
    mail.set_content("This is a test of the way in. Nobody wrote it, so no reply leaves without a person.\n")
    where = f"{config.listener.host}:{config.listener.port}"
    try:
        _, answer = await aiosmtplib.send(
            mail, hostname=config.listener.host, port=config.listener.port, start_tls=False, timeout=10
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        first = error.recipients[0]
        return fail(f"the door at {where} refused {to}: {first.code} {first.message}")
    except aiosmtplib.SMTPResponseException as error:
        return fail(f"the door at {where} refused it: {error.code} {error.message}")
    except (aiosmtplib.SMTPException, OSError) as error:
        return fail(f"the door at {where} does not answer: {error}. Is `postroom serve` running?")
    console.print(f"The door took it: {line(answer)}")
    return 0
