"""Everything that policy needs to know about a mail, gathered from the store within the caller's transaction.

Rules:
- Counts are read in the transaction that acts on them, which holds `locks.replies` where a reply may go by them: two
  replies cannot both be the last one under a cap.
- What a person or a model claims is no fact; what the bytes, the configuration and the store say is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from agent import standing
from agent.additions import NOTHING_ADDED, Added
from agent.knowledge import TOOL, texts_in
from agent.looked import Looked, read_output
from agent.lookups import TOOL as LOOK_UP
from agent.parts import Parts
from agent.policy import Caps, Facts
from agent.states import DraftState
from agent.store import conversations, deliveries, drafts, mails, pauses, runs, suppression
from agent.store.database import Tx
from agent.store.mails import Mail
from agent.trust import mistaken
from inbound.contracts import AuthResults, InboundEmailIntent, Kind, NormalizedEmail

WINDOW = timedelta(hours=24)
"""Over which caps count."""


Outputs = Sequence[tuple[str, str]]
"""(tool, what it answered) in the runs of a mail, oldest first."""


def looked_up(outputs: Outputs) -> list[Looked]:
    """What lookups answered."""
    return [found for tool, output in outputs if tool == LOOK_UP and (found := read_output(output))]


async def gather(
    parts: Parts,
    tx: Tx,
    mail: Mail,
    *,
    template_id: str | None,
    now: datetime,
    but: str = "",
    intent: InboundEmailIntent | None = None,
    added: Added = NOTHING_ADDED,
    settled: Collection[str] = (),
    outputs: Outputs | None = None,
) -> Facts:
    """The facts for a reply to `mail`; delivery `but` is left out of the counts, being the one that is judged.

    Intent and outputs that the caller has read in this transaction are not read again. `added` is what a person put to
    the reply; `settled` are those of its recipients whom nothing goes to any more.
    """
    left = [one for one in added.copies if one not in settled]
    email = NormalizedEmail.model_validate(mail.normalized)
    auth = AuthResults.model_validate(mail.auth)
    intent = intent or await mails.get_intent(tx, mail.id)
    if intent is None or mail.conversation_id is None:
        raise LookupError(f"{mail.id} was never understood, so nothing can be judged about it")
    conversation = await conversations.get(tx, mail.conversation_id)
    entry = parts.playbooks[mail.mailbox].entry(template_id) if template_id else None
    if outputs is None:
        outputs = await runs.outputs_of(tx, mail.id)
    looked = looked_up(outputs)
    sends = await deliveries.sends_since(
        tx, now - WINDOW, conversation_id=mail.conversation_id, recipient=mail.author, mailbox=mail.mailbox, but=but
    )
    return Facts(
        mail_id=mail.id,
        mailbox=mail.mailbox,
        author=mail.author,
        authenticated_author=auth.author,
        kind=Kind(mail.kind),
        intent=intent,
        mail_subject=email.subject,
        mail_risks=email.risks,
        mail_defects=email.defects,
        entry_id=entry.id if entry else None,
        entry_risk=entry.risk if entry else None,
        already_replied=await deliveries.answered(tx, mail_id=mail.id, content_key=mail.content_key, but=but),
        rejected=any(draft.state is DraftState.REJECTED for draft in await drafts.of_mail(tx, mail.id)),
        older_unanswered=await mails.older_unanswered(tx, mail.conversation_id, mail.id),
        newer_mail=conversation is None or conversation.head_mail_id != mail.id,
        sends=Caps(
            conversation=sends.conversation,
            sender=sends.recipient,
            domain=sends.domain,
            mailbox=sends.mailbox,
            total=sends.total,
        ),
        copies=added.copies,
        files=tuple(one.mark for one in added.files),
        suppressed_copies=await _suppressed(parts, tx, left),
        copy_sends=await _sends_to(tx, mail, left, now=now, but=but),
        suppressed=mail.author not in settled
        and await suppression.covers(tx, parts.config.postroom.tenant_id, mail.author),
        own_addresses=parts.own_addresses,
        paused=await pauses.covering(tx, mail.mailbox) is not None,
        hold=await standing.hold(parts, tx, mail.mailbox, now=now, decided=bool(but)),
        mistaken=await mistaken(tx, mail.mailbox, template_id),
        foreign_data=any(one.shared for one in looked),
        sources=(
            email.subject,
            email.text,
            parts.mailbox(mail.mailbox).name,
            *(value for one in looked for value in one.found.values()),
            *(text for tool, output in outputs if tool == TOOL for text in texts_in(output)),
            *(text for one in parts.playbooks[mail.mailbox].for_intent(intent.intent) for text in (one.body, one.ask)),
        ),
    )


async def _suppressed(parts: Parts, tx: Tx, addresses: Sequence[str]) -> tuple[str, ...]:
    tenant = parts.config.postroom.tenant_id
    return tuple([one for one in addresses if await suppression.covers(tx, tenant, one)])


async def _sends_to(
    tx: Tx, mail: Mail, addresses: Sequence[str], *, now: datetime, but: str
) -> tuple[tuple[str, Caps], ...]:
    """Replies that went to each of these and to its domain."""
    found: list[tuple[str, Caps]] = []
    for one in addresses:
        sends = await deliveries.sends_since(
            tx, now - WINDOW, conversation_id=mail.conversation_id or "", recipient=one, mailbox=mail.mailbox, but=but
        )
        found.append((one, Caps(sender=sends.recipient, domain=sends.domain)))
    return tuple(found)
