"""What providers report of mail that left, as DeliveryEvents. Pure.

Rules:
- Only what names the mail's own Message-ID, or the return path that it left with, is of use: ids of a provider's own
  are not known here.
- What ended with a temporary status is not for good, whatever the word.
- A word that is not in a provider's table is no event.
- A number of events comes at once with some: one that cannot be read takes none of the others with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inbound.contracts import DeliveryEvent
from inbound.webhooks.contract import optional

Kind = Literal["delivered", "delayed", "bounced", "complained"]
MOST = 1000
"""Events of one request that are looked at."""


@dataclass(frozen=True)
class Shape:
    """Where a provider's event has what."""

    kinds: Mapping[str, tuple[Kind, bool]]
    """Its word -> what it means, and whether it is for good."""
    word: tuple[str, ...]
    recipient: tuple[str, ...]
    message_id: tuple[str, ...]
    diagnostic: tuple[str, ...]
    status: tuple[str, ...] = ()
    return_path: tuple[str, ...] = ()


def events(found: Sequence[Any], shape: Shape) -> tuple[DeliveryEvent, ...]:
    """Those of the items that say something about a mail."""
    told = (_event(one, shape) for one in found[:MOST])
    return tuple(one for one in told if one is not None)


def _event(item: Any, shape: Shape) -> DeliveryEvent | None:
    meaning = shape.kinds.get(optional(item, *shape.word).lower())
    recipient = optional(item, *shape.recipient) if shape.recipient else ""
    if meaning is None or (shape.recipient and not recipient):
        return None
    kind, permanent = meaning
    status = optional(item, *shape.status)[:20] if shape.status else ""
    return DeliveryEvent(
        kind=kind,
        recipient=recipient[:320],
        permanent=permanent and not status.startswith("4"),
        status=status,
        diagnostic=optional(item, *shape.diagnostic)[:500],
        original_message_id=optional(item, *shape.message_id).strip().strip("<>")[:998],
        return_path=optional(item, *shape.return_path).strip("<> ")[:320] if shape.return_path else "",
    )
