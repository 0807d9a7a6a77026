"""Which conversation a mail belongs to.

Rules:
- Only an authenticated author joins a conversation, and only one of their own in the same mailbox.
- Our own signed return path leads back first, where a mail came to it, then our signed Message-ID in References, then
  a Message-ID of theirs, then a reply's subject.
- Everybody else gets a conversation of their own: who learned a Message-ID learns nothing by it.
"""

from __future__ import annotations

import re
from datetime import datetime

from agent.store import conversations, deliveries, mails
from agent.store.conversations import Conversation
from agent.store.database import Tx
from inbound.contracts import NormalizedEmail

_REPLY = re.compile(
    r"^\s*(?:(?:re|aw|sv|vs|antw|ref|rif|r|odp|ynt|回复|回覆|答复|返信|отв)(?:\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE
)


def subject_key(subject: str) -> str:
    """The subject without reply marks, white space folded, case folded: equal for all mails of one conversation."""
    return " ".join(_REPLY.sub("", subject[:998]).casefold().split())[:500]


def is_reply(subject: str) -> bool:
    return _REPLY.match(subject[:998]) is not None


CAME_BACK = "its author wrote to the return path of a reply of ours; a person looks at it"


async def of_send(tx: Tx, send: str, author: str | None) -> Conversation | None:
    """The conversation of this send of ours, where it is the authenticated author's; else None."""
    sent = await deliveries.get(tx, send) if send and author else None
    found = await conversations.get(tx, sent.conversation_id) if sent else None
    return found if found and found.correspondent == author else None


async def find(
    tx: Tx, mail: NormalizedEmail, *, mailbox: str, author: str | None, now: datetime, returned: str = ""
) -> Conversation | None:
    """The conversation that this mail continues; None where it starts one.

    `author` is the authenticated one; `returned` our send to whose return path the mail came.
    """
    if author is None:
        return None
    named = [*mail.in_reply_to, *reversed(mail.references)][:50]
    found = await of_send(tx, returned, author)
    if found is None and (ours := await deliveries.by_message_id(tx, named)):
        found = await conversations.get(tx, ours.conversation_id)
    if found is None or (found.mailbox, found.correspondent) != (mailbox, author):
        theirs = await mails.by_message_ids(tx, mailbox, named, author)
        found = await conversations.get(tx, theirs.conversation_id) if theirs and theirs.conversation_id else None
    if found is None and is_reply(mail.subject):
        found = await conversations.by_subject(tx, mailbox, author, subject_key(mail.subject), now=now)
    return found if found and (found.mailbox, found.correspondent) == (mailbox, author) else None
