"""One mail's page: the mail, its draft, the decision, and in plain words all that led here.

Rules:
- Everything is read from the database in one view; nothing is asked of a model.
- What the model wrote first stays in sight: a person's version is shown with what it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from agent.handling import REST
from agent.parts import Parts
from agent.states import MAIL_AFTER, DraftState, MailStatus, OutboxState
from agent.store import handlings, mails, pauses, queue
from agent.store.database import Tx
from agent.store.drafts import Draft
from agent.story import Story, tell
from agent.web.difference import Line, difference
from agent.web.page import Pages, actor
from agent.web.queue import VIEWS

HISTORY = 20
"""Mails of a conversation that its page names."""


class ConversationPage:
    """The page of one mail, and its bytes."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def show(self, request: Request) -> Response:
        now = self._parts.now()
        async with self._parts.database.read() as tx:
            story = await tell(tx, self._parts.audit, request.path_params["id"])
            if story is None:
                return self._pages.note(request, "Not found", "There is no mail, draft or delivery with this id.", 404)
            mail = story.mail
            paused = await pauses.all_(tx)
            handled = await handlings.get(tx, mail.id)
            tags = await handlings.tags(tx, mail.id)
            notes = await handlings.notes(tx, mail.id)
            others = await self._others(tx, story)
            place = (mail.received_at, mail.id)
            following = await queue.next_of(tx, VIEWS["waiting"][1], place, now=now)
        after = MAIL_AFTER[mail.status]
        return self._pages.show(
            "mail.html",
            request,
            story=story,
            paused=paused,
            now=now,
            may_close=MailStatus.CLOSED in after,
            may_retry=MailStatus.RECEIVED in after,
            handled=handled,
            resting=handled.snoozed_until is not None and handled.snoozed_until > now,
            tags=tags,
            notes=notes,
            others=others,
            rests=list(REST),
            following=following,
            changed=changed(story.drafts, story.waiting),
            takes_back=taken_back(story),
            hold=timedelta(seconds=self._parts.config.desk.undo_seconds),
            threshold=self._parts.rules[mail.mailbox].settings.threshold if mail.mailbox in self._parts.rules else None,
            mine=handled.assignee == actor(request),
        )

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


def changed(drafts: Sequence[Draft], shown: Draft | None) -> list[Line] | None:
    """What the shown draft changed in the model's; None where it is the model's, or is the only one."""
    by_id = {draft.id: draft for draft in drafts}
    first = shown
    while first is not None and first.parent_id in by_id:
        first = by_id[first.parent_id]
    if shown is None or first is None or first is shown:
        return None
    if shown.proposal.plain_text == first.proposal.plain_text:
        return None
    return difference(first.proposal.plain_text, shown.proposal.plain_text)


def taken_back(story: Story) -> Draft | None:
    """The approved draft that nobody has begun to deliver."""
    queued = {
        one.delivery.draft_id
        for one in story.sendings
        if one.delivery.state is OutboxState.QUEUED and not one.delivery.attempts
    }
    approved = (one for one in story.drafts if one.state is DraftState.APPROVED and one.id in queued)
    return next(approved, None)
