"""What an author was asked for comes in a mail of its own: `LG-48213, thanks` says nothing without the question.

Rules:
- Only in a conversation of the same proven author, where the mail before this one lacked a value and was answered by
  asking for it; and only where this mail names no matter of its own and gives that value, once.
- The matter is then that of the mail before. Nobody but code said so, so confidence stays under any threshold: a person
  looks at the draft.
"""

from __future__ import annotations

from agent.parts import Parts
from agent.playbook import variables_in
from agent.store import mails
from agent.store.database import Tx
from inbound.contracts import Entity, InboundEmailIntent, NormalizedEmail

CONFIDENCE = 0.5
LOOK = 20
"""Mails of a conversation, newest first, among which the one before is looked for."""


async def completed(
    parts: Parts, tx: Tx, found: InboundEmailIntent, conversation_id: str, mail_id: str, email: NormalizedEmail
) -> InboundEmailIntent:
    """The intent, taken over from the question that this mail answers where it is such an answer."""
    if found.intent != "none":
        return found
    ids = [one.id for one in await mails.in_conversation(tx, conversation_id, limit=LOOK)]
    before = ids[ids.index(mail_id) + 1 :][:1] if mail_id in ids else []
    asked = await mails.get_intent(tx, before[0]) if before else None
    if asked is None or asked.requested_action != "ask":
        return found
    for entry in parts.playbooks[found.mailbox].for_intent(asked.intent):
        values = variables_in(entry, f"{email.subject}\n{email.new_text}")
        if entry.ask and not entry.lacks(values):
            entities = tuple(Entity(name=name, value=value) for name, value in values.items())
            taken = {"intent": asked.intent, "entities": entities, "confidence": CONFIDENCE}
            return found.model_copy(update={**taken, "requested_action": "reply", "review_required": True})
    return found
