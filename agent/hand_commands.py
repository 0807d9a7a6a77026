"""`postroom review write`, and what `postroom review edit` puts to a draft: copies and files by a person's hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent import approval, by_hand
from agent.additions import Added, Brought, bring
from agent.approval import NotDecided
from agent.commands import draft_file, edited, fail, opened_parts, said, story_of, waiting_draft
from agent.config import Config
from outbound.compose import reply_subject


@dataclass(frozen=True)
class Along:
    """What goes along, as the options say it."""

    copies: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    take_away: bool = False
    """What was put to the draft before is taken away first."""

    def __bool__(self) -> bool:
        return bool(self.copies or self.files or self.take_away)


def _brought(along: Along, had: Added) -> Brought | str:
    """What the reply has then; else what is wrong with it."""
    kept = Added() if along.take_away else had
    try:
        given = [(one.name, one.read_bytes()) for one in along.files]
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return bring(", ".join([*kept.copies, *along.copies]), given, kept.files)


async def review_write(config: Config, any_id: str, by: str, text: Path | None, along: Along) -> int:
    """Store a person's answer, from a file or from $EDITOR."""
    async with opened_parts(config) as parts:
        found = await story_of(parts, any_id)
        if found is None:
            return fail(f"there is no mail with the id {any_id}; `postroom review list` shows them")
        brought = _brought(along, Added())
        if isinstance(brought, str):
            return fail(brought)
        subject, path = reply_subject(found.mail.subject), text
        if text is None:
            path = draft_file(f"Subject: {subject}\n\n")
            version = edited(path)
        else:
            version = _read(text, subject)
        if isinstance(version, str):
            return fail(version)
        done = await by_hand.write(
            parts, found.mail.id, by=by, subject=version[0], plain_text=version[1], brought=brought
        )
    if isinstance(done, NotDecided):
        return fail(f"{done.reason}; your answer is kept in {path}")
    if text is None and path is not None:
        path.unlink()
    return said(done, f"Saved as {done.id}; look at it and approve it to send it.")


def _read(file: Path, subject: str) -> tuple[str, str] | str:
    try:
        return subject, file.read_text("utf-8")
    except OSError as error:
        return f"{file}: {error.strerror}"
    except UnicodeDecodeError:
        return f"{file} is not UTF-8"


async def put_along(config: Config, any_id: str, by: str, along: Along) -> int:
    """Change what goes along with a waiting draft; its words stay."""
    async with opened_parts(config) as parts:
        found = await waiting_draft(parts, any_id)
        if isinstance(found, str):
            return fail(found)
        draft, _ = found
        brought = _brought(along, draft.added)
        if isinstance(brought, str):
            return fail(brought)
        words = draft.proposal
        done = await approval.edit(
            parts,
            draft.id,
            by=by,
            subject=words.subject,
            plain_text=words.plain_text,
            seen_hash=draft.approval_hash,
            brought=brought,
        )
    return said(done, f"Saved as {done.id}; approve it to send it." if not isinstance(done, NotDecided) else "")


def along(copies: Sequence[str] | None, files: Sequence[Path] | None, *, take_away: bool = False) -> Along:
    return Along(tuple(copies or ()), tuple(files or ()), take_away)
