"""The tools, and what a model may see through them.

Rules:
- Arguments are read strictly: unknown tool, unknown or missing argument, duplicate key, broken JSON are answered with
  an error, and nothing is done.
- `read_inbox` sees the conversation being answered and nothing else; for an unauthenticated author that is one mail.
- `search_knowledge` sees the playbook of the mailbox: the operator's own texts, with their sources.
- `send_email` makes a proposal; who it goes to, from whom, and whether at all, is decided by code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from agent import knowledge
from agent.answers import tool_output
from agent.asked import ReadInbox, SearchKnowledge, SendEmail
from agent.models.base import FunctionCall, MailView
from agent.parts import Parts
from agent.prompt import TEXT_LIMIT, fence
from agent.proposing import propose
from agent.store import conversations, deliveries, drafts, mails
from agent.store.database import Tx
from agent.store.mails import Mail
from agent.store.runs import Run
from agent.strictjson import StrictJSONError, load_object
from inbound.contracts import NormalizedEmail

ARGUMENTS: dict[str, type[ReadInbox | SearchKnowledge | SendEmail]] = {
    "read_inbox": ReadInbox,
    "search_knowledge": SearchKnowledge,
    "send_email": SendEmail,
}


@dataclass(frozen=True)
class Answered:
    output: str
    draft_id: str | None = None

    @classmethod
    def error(cls, reason: str) -> Answered:
        return cls(tool_output(success=False, error=reason))


@dataclass(frozen=True)
class Waits:
    draft_id: str


async def note_lookup(parts: Parts, tx: Tx, run: Run, mail: Mail, output: str, *, now: datetime) -> Answered:
    """Answer a lookup that was asked before the turn's transaction, with its row in the audit."""
    data = {"run": run.id, "answer": parts.audit.digest(output)}
    await parts.audit.add(tx, run.conversation_id, "looked_up", actor="postroom", now=now, mail_id=mail.id, data=data)
    return Answered(output)


async def handle(parts: Parts, tx: Tx, run: Run, mail: Mail, call: FunctionCall, *, now: datetime) -> Answered | Waits:
    """Do one tool call within the turn's transaction."""
    kind = ARGUMENTS.get(call.name)
    if kind is None:
        return Answered.error(f"there is no tool {call.name[:60]!r}; there are {', '.join(ARGUMENTS)}")
    try:
        arguments = kind.model_validate(load_object(call.arguments))
    except (StrictJSONError, ValidationError) as error:
        return Answered.error(_problem(error))
    if not isinstance(arguments, SendEmail):
        return Answered(await _read(parts, tx, mail, arguments))
    if reason := await _no_room(tx, run, mail):
        return Answered.error(reason)
    proposed = await propose(
        parts,
        tx,
        run,
        mail,
        call_id=call.call_id,
        to=arguments.to,
        subject=arguments.subject,
        body=arguments.body,
        now=now,
    )
    if proposed.waits:
        return Waits(proposed.draft_id)
    return Answered(tool_output(success=False, reason=proposed.reason), proposed.draft_id)


async def _read(parts: Parts, tx: Tx, mail: Mail, asked: ReadInbox | SearchKnowledge) -> str:
    """What a tool that changes nothing answers."""
    if isinstance(asked, ReadInbox):
        return await read_inbox(tx, mail, asked.limit)
    return knowledge.told(knowledge.search(parts.playbooks[mail.mailbox], asked.query))


async def _no_room(tx: Tx, run: Run, mail: Mail) -> str:
    """Why no further reply can be proposed; empty where one can."""
    conversation = await conversations.get(tx, run.conversation_id)
    if conversation is None or conversation.head_mail_id != mail.id:
        return "a newer mail came in the conversation; the reply to that one answers both"
    if await drafts.pending(tx, mail.id):
        return "a reply to this mail was proposed already; its outcome comes with that call"
    return ""


def _problem(error: StrictJSONError | ValidationError) -> str:
    if isinstance(error, StrictJSONError):
        return f"the arguments cannot be read: {error}"
    found = [f"{'.'.join(str(part) for part in one['loc'])[:60]}: {one['msg']}" for one in error.errors()[:5]]
    return "the arguments do not fit: " + "; ".join(found)


async def read_inbox(tx: Tx, mail: Mail, limit: int) -> str:
    """The conversation as JSON, newest first: their mails, and what we answered."""
    alone = not mail.authenticated or mail.conversation_id is None
    found = [mail] if alone else await mails.in_conversation(tx, str(mail.conversation_id), limit=limit)
    shown: list[dict[str, Any]] = []
    for one in found[:limit]:
        if one.normalized is None:
            continue
        email = NormalizedEmail.model_validate(one.normalized)
        shown.append(
            {
                "id": one.id,
                "from": one.author,
                "received": one.received_at.isoformat(timespec="seconds"),
                "subject": email.subject[:998],
                "text": fence(email.new_text[:TEXT_LIMIT], seed=one.id),
                "our_replies": [] if alone else await _replies(tx, one.id),
            }
        )
    return json.dumps({"mails": shown}, ensure_ascii=False)


async def _replies(tx: Tx, mail_id: str) -> list[str]:
    texts = []
    for delivery in await deliveries.of_mail(tx, mail_id):
        draft = await drafts.get(tx, delivery.draft_id)
        if draft is not None and delivery.state.value == "sent":
            texts.append(draft.proposal.plain_text[:TEXT_LIMIT])
    return texts


async def own_text(tx: Tx, mail: Mail) -> str:
    """What the author themselves wrote in this conversation: subjects and new text, the newest twenty mails."""
    alone = not mail.authenticated or mail.conversation_id is None
    found = [mail] if alone else await mails.in_conversation(tx, str(mail.conversation_id), limit=20)
    emails = [NormalizedEmail.model_validate(one.normalized) for one in found if one.normalized]
    return "\n".join(f"{email.subject}\n{email.new_text[:TEXT_LIMIT]}" for email in emails)


async def view_of(tx: Tx, mail: Mail) -> MailView:
    """The stored mail as a model may see it in a run, with its intent."""
    email = NormalizedEmail.model_validate(mail.normalized)
    return MailView(
        mail_id=mail.id,
        mailbox=mail.mailbox,
        author=mail.author,
        author_name=mail.author_name,
        authenticated=bool(mail.authenticated),
        subject=email.subject[:998],
        text=email.new_text[:TEXT_LIMIT],
        attachments=tuple(attachment.name for attachment in email.attachments[:20]),
        intent=await mails.get_intent(tx, mail.id),
    )
