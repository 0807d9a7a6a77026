"""Is what the store holds still what the audit speaks of? Pure.

The chain proves its own rows; their keyed digests prove the words and bytes beside them: the mail as it came, each
draft's text and subject, the bytes and the recipient that were queued, the reasons that were given. What retention or
erasure took away is no difference; what stands there and is another is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agent.audit import Audit
from agent.store.deliveries import Delivery
from agent.store.drafts import Draft
from agent.store.mails import Mail
from agent.store.trail import Entry

Reasons = Mapping[tuple[str, int], str]
"""What stands beside rows of the audit, by chain and number."""


def differences(
    audit: Audit,
    entries: Iterable[Entry],
    *,
    mail: Mail,
    raw: bytes | None,
    drafts: Sequence[Draft],
    deliveries: Sequence[Delivery],
    reasons: Reasons,
) -> list[str]:
    """Say what was changed after the audit spoke of it, in words; empty where nothing was."""
    entries = list(entries)
    texts = {draft.id: draft for draft in drafts}
    sends = {delivery.id: delivery for delivery in deliveries}
    found = [] if raw is None or hashlib.sha256(raw).hexdigest() == mail.sha256 else ["the stored mail was changed"]
    found += false_reasons(audit, entries, reasons)
    for entry in entries:
        data = entry.data
        if entry.event == "received" and not _same(audit, data.get("sha256"), mail.sha256):
            found.append("the stored mail's fingerprint was changed")
        draft = texts.get(str(data.get("new") or data.get("draft")))
        if draft is not None and ("text" in data or "subject" in data):
            found += _words(audit, data, draft)
        delivery = sends.get(str(data.get("delivery")))
        if delivery is not None and "bytes" in data:
            found += _bytes(audit, data, delivery)
    return found


def false_reasons(audit: Audit, entries: Iterable[Entry], reasons: Reasons) -> list[str]:
    """Reasons beside the rows that are not those which were given; one that was forgotten is none."""
    given = {(one.chain, one.n): one.data.get("reason") for one in entries}
    return [
        f"the reason beside row {n} of chain {chain} was changed"
        for (chain, n), words in reasons.items()
        if not hmac.compare_digest(str(given.get((chain, n))), audit.digest(words))
    ]


def _words(audit: Audit, data: dict[str, Any], draft: Draft) -> Iterator[str]:
    if not _same(audit, data.get("text"), draft.proposal.plain_text):
        yield f"the text of draft {draft.id} was changed"
    if not _same(audit, data.get("subject"), draft.proposal.subject):
        yield f"the subject of draft {draft.id} was changed"
    if not _same(audit, data.get("added"), draft.added.model_dump_json()) or (draft.added and "added" not in data):
        yield f"the copies or files of draft {draft.id} were changed"


def _bytes(audit: Audit, data: dict[str, Any], delivery: Delivery) -> Iterator[str]:
    if not _same(audit, data.get("bytes"), bytes(delivery.email["raw"])):
        yield f"the bytes of delivery {delivery.id} were changed"
    if not _same(audit, data.get("recipient"), delivery.recipient):
        yield f"the recipient of delivery {delivery.id} was changed"
    if not _same(audit, data.get("copies"), ", ".join(delivery.recipients[1:])):
        yield f"the copies of delivery {delivery.id} were changed"


def _same(audit: Audit, said: object, content: bytes | str) -> bool:
    """True also where the row, of an earlier version, says nothing of it."""
    return said is None or hmac.compare_digest(str(said), audit.digest(content))
