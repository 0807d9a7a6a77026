"""A person says that a mail is spam, or that it is not.

Rules:
- Spam is closed without a reply and carries the tag that the view of spam looks for.
- What is not spam loses the tag and is begun again from its bytes; what closed it for another reason stays closed.
"""

from __future__ import annotations

from agent import closing, handling
from agent.approval import Decided, NotDecided
from agent.parts import Parts

TAG = "spam"


async def spam(parts: Parts, mail_id: str, *, by: str) -> Decided | NotDecided:
    """Close it and say what it is."""
    done = await closing.close(parts, mail_id, by=by, reason=TAG)
    if isinstance(done, Decided):
        await handling.tag(parts, mail_id, TAG, by=by)
    return done


async def not_spam(parts: Parts, mail_id: str, *, by: str) -> Decided | NotDecided:
    """Take the word back and have it worked on."""
    gone = await handling.untag(parts, mail_id, TAG, by=by)
    if isinstance(gone, NotDecided):
        return NotDecided("it is not marked as spam", taken=True)
    return await closing.retry(parts, mail_id, by=by)
