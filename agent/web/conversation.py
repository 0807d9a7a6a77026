"""One mail's page: the mail, its draft, the decision, and in plain words all that led here.

Rules:
- Everything is read from the database in one view; nothing is asked of a model.
- What the model wrote first stays in sight: a person's version is shown with what it changed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent import knowledge, lookups
from agent.handling import PRIORITIES, REST
from agent.letter import below_an_approved
from agent.marking import Piece, marked, words_of
from agent.parts import Parts
from agent.states import MAIL_AFTER, DraftState, MailStatus, OutboxState
from agent.store import draft_files, drafts, handlings, mails, pauses, queue, trail, verdicts
from agent.store.database import Tx
from agent.store.drafts import Draft
from agent.story import Story, tell
from agent.trust import mistaken
from agent.verdicts import LEFT
from agent.web.actions import overrules
from agent.web.difference import Line, difference
from agent.web.frame import FILE_HEADERS, disposition
from agent.web.page import Pages, actor, decides, sees, within
from agent.web.queue import VIEWS
from agent.web.raised import raised
from agent.web.score import score
from inbound.mime import take_apart
from outbound.compose import reply_subject

ASKING = frozenset({knowledge.TOOL, lookups.TOOL})
"""Tools whose answers are sources."""
NEWS, DIGITS = 3, 9
HISTORY = 20
"""Mails of a conversation that its page names."""


class ConversationPage:
    """The page of one mail, and its bytes."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def show(self, request: Request) -> Response:
        now, parts = self._parts.now(), self._parts
        async with parts.database.read() as tx:
            story = await tell(tx, parts.audit, request.path_params["id"])
            if story is None:
                return self._pages.note(request, "Not found", "There is no mail, draft or delivery with this id.", 404)
            values = await self._read(tx, story, now, request)
            judged = story.waiting or (story.drafts[-1] if story.drafts else None)
            if judged is not None:
                mistake = await mistaken(tx, judged.mailbox, judged.proposal.template_id)
                values["parts"] = score(story, judged, parts, mistaken=mistake)
            raw = await mails.raw(tx, story.mail.id) if _risky(story) else None
        found = None if raw is None else await asyncio.to_thread(take_apart, raw)
        after, handled = MAIL_AFTER[story.mail.status], values["handled"]
        return self._pages.show(
            "mail.html",
            request,
            **{"parts": [], **values},
            story=story,
            now=now,
            judged=judged,
            raised=raised(story.email, story.intent, found) if story.email else [],
            may_close=MailStatus.CLOSED in after,
            may_retry=MailStatus.RECEIVED in after,
            may_write=decides(request)
            and MailStatus.WAITING in after
            and story.intent is not None
            and not story.waiting,
            resting=handled.snoozed_until is not None and handled.snoozed_until > now,
            rests=list(REST),
            priorities=PRIORITIES,
            changed=changed(story.drafts, story.waiting),
            to_check=to_check(story.waiting),
            beneath=below_an_approved(parts, story.mail),
            overrules=bool(story.waiting and overrules(story.waiting)),
            left=next((one for one in reversed(story.drafts) if one.state in LEFT), None),
            takes_back=taken_back(story),
            undo_left=undo_left(story, parts.config.desk.undo_seconds, now),
            sources=sources(story),
            intents=intents(parts, story.mail.mailbox),
            answer_subject=reply_subject(story.mail.subject),
            may_attach=parts.rules[story.mail.mailbox].settings.max_attachment_count
            if story.mail.mailbox in parts.rules
            else 0,
            mine=handled.assignee == actor(request),
            rows_seen=len(story.entries),
        )

    async def _read(self, tx: Tx, story: Story, now: datetime, request: Request) -> dict[str, Any]:
        """What stands beside the story in the store."""
        mail = story.mail
        place, waiting = (mail.received_at, mail.id), VIEWS["waiting"][1]
        return {
            "paused": await pauses.all_(tx),
            "handled": await handlings.get(tx, mail.id),
            "tags": await handlings.tags(tx, mail.id),
            "notes": await handlings.notes(tx, mail.id),
            "said": await verdicts.of_mail(tx, mail.id),
            "others": [one for one in await self._others(tx, story) if sees(request, one.mailbox)],
            "following": await queue.next_of(tx, replace(waiting, mailboxes=within(request)), place, now=now),
        }

    async def news(self, request: Request) -> Response:
        """What happened to a mail since a page showed so many rows of its audit; nothing where nothing did."""
        seen = request.query_params.get("seen", "")
        async with self._parts.database.read() as tx:
            rows = await trail.of_mail(tx, request.path_params["id"])
        count = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < DIGITS else len(rows)
        if len(rows) <= count:
            return Response(status_code=204)
        return self._pages.show("news.html", request, rows=rows[count:][-NEWS:], mail_id=request.path_params["id"])

    async def _others(self, tx: Tx, story: Story) -> list[mails.Mail]:
        """Further mails of the conversation, newest first."""
        if story.mail.conversation_id is None:
            return []
        found = await mails.in_conversation(tx, story.mail.conversation_id, limit=HISTORY)
        return [one for one in found if one.id != story.mail.id]

    async def raw(self, request: Request) -> Response:
        """The bytes as they came, as a download that no browser opens."""
        mail_id = request.path_params["id"]
        async with self._parts.database.read() as tx:
            data = await mails.raw(tx, mail_id)
            mail = await mails.get(tx, mail_id)
        if data is None or mail is None:
            return self._pages.note(request, "Not found", "The bytes of this mail are not here, or not any more.", 404)
        headers = {"Content-Disposition": f'attachment; filename="{mail.id}.eml"'}
        return Response(data, media_type="application/octet-stream", headers=headers)

    async def file(self, request: Request) -> Response:
        """A file that a person put to a draft, by its place in the list from 0: a download that no browser opens."""
        number = request.path_params["number"]
        async with self._parts.database.read() as tx:
            draft = await drafts.get(tx, request.path_params["id"])
            named = draft.added.files[number] if draft and number < len(draft.added.files) else None
            data = await draft_files.get(tx, draft.mail_id, named.sha256) if draft and named else None
        if data is None or named is None:
            return self._pages.note(request, "Not found", "This file is not here, or not any more.", 404)
        headers = {**FILE_HEADERS, "Content-Disposition": disposition(named.name)}
        return Response(data, headers=headers, media_type="application/octet-stream")


def changed(written: Sequence[Draft], shown: Draft | None) -> list[Line] | None:
    """What the shown draft changed in the model's; None where it is the model's, or is the only one."""
    by_id = {draft.id: draft for draft in written}
    first = shown
    while first is not None and first.parent_id in by_id:
        first = by_id[first.parent_id]
    if shown is None or first is None or first is shown:
        return None
    if shown.proposal.plain_text == first.proposal.plain_text:
        return None
    return difference(first.proposal.plain_text, shown.proposal.plain_text)


def to_check(draft: Draft | None) -> list[Piece] | None:
    """The draft's text in pieces, those marked that a rule speaks of; None where there is none."""
    if draft is None:
        return None
    pieces = marked(draft.proposal.plain_text, words_of(draft.judgement))
    return pieces if any(is_marked for _, is_marked in pieces) else None


def taken_back(story: Story) -> Draft | None:
    """The approved draft that nobody has begun to deliver."""
    queued = {
        one.delivery.draft_id
        for one in story.sendings
        if one.delivery.state is OutboxState.QUEUED and not one.delivery.attempts
    }
    approved = (one for one in story.drafts if one.state is DraftState.APPROVED and one.id in queued)
    return next(approved, None)


def undo_left(story: Story, seconds: int, now: datetime) -> int:
    """Seconds until the approved draft may leave; 0 where its time is over."""
    draft = taken_back(story)
    if draft is None or draft.decided_at is None:
        return 0
    return max(0, seconds - int((now - draft.decided_at).total_seconds()))


def _risky(story: Story) -> bool:
    return bool(story.email and (story.email.risks or (story.intent and story.intent.risks)))


def intents(parts: Parts, mailbox: str) -> list[str]:
    """Of the mailbox's playbook."""
    return list(parts.playbooks[mailbox].intents) if mailbox in parts.playbooks else []


def sources(story: Story) -> list[tuple[str, str]]:
    """Where the words of the drafts came from: the entry, what was looked up and what was found in the playbook."""
    entries = dict.fromkeys(draft.proposal.template_id for draft in story.drafts if draft.proposal.template_id)
    found = [("playbook entry, to the letter", entry) for entry in entries]
    answered = [call for _, calls in story.runs for call in calls if call.output is not None]
    return found + [(one.name.replace("_", " "), _answered(one.output or "")) for one in answered if one.name in ASKING]


def _answered(output: str) -> str:
    """What a tool found, in a line."""
    try:
        told = json.loads(output)
    except ValueError:
        return output[:200]
    if not isinstance(told, dict):
        return output[:200]
    found = told.get("found") or told.get("reason") or told
    if isinstance(found, list):
        return ", ".join(str(one.get("source", one)) if isinstance(one, dict) else str(one) for one in found)[:300]
    if isinstance(found, dict):
        return ", ".join(f"{name}: {value}" for name, value in found.items())[:300]
    return str(found)[:300]
