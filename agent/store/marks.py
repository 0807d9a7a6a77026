"""What was found in a mail, as words that a list can be narrowed by: its intent, its risks, how sure the model was.

Rules:
- Written with the intent, in its transaction: a mail that is read anew has its new marks alone.
- What a model names as a risk is the sender's word as much as its own: all of it is one mark.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete

from agent.store.database import Tx
from agent.store.desk_tables import mail_mark
from inbound.contracts import InboundEmailIntent

EDGES = (0, 50, 60, 70, 80, 90, 95)
"""Where bands of confidence begin, in percent."""
ANY, BY_MODEL = "any", "model"
LONGEST = 60
_PUT = mail_mark.insert()
_TAKE = delete(mail_mark).where(mail_mark.c.mail_id == bindparam("of", type_=mail_mark.c.mail_id.type))


def intent(name: str) -> str:
    return f"intent:{name}"


def risk(code: str) -> str:
    return f"risk:{BY_MODEL if code.startswith('model:') else code}"[:LONGEST]


def sure(percent: float) -> str:
    """The band that a confidence lies in."""
    return f"sure:{max(edge for edge in EDGES if edge <= max(percent, 0))}"


def marks(found: InboundEmailIntent) -> list[str]:
    """All of a mail, each once."""
    risks = [risk(code) for code in found.risks]
    told = [intent(found.intent), sure(100 * found.confidence), *risks, *([risk(ANY)] if risks else [])]
    return list(dict.fromkeys(told))


async def put(tx: Tx, mail_id: str, found: InboundEmailIntent) -> None:
    rows: list[dict[str, Any]] = [{"mail_id": mail_id, "mark": one} for one in marks(found)]
    await tx.execute(_TAKE, {"of": mail_id})
    await tx.execute(_PUT, rows)
