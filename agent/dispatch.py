"""From a decided draft to sealed bytes in the outbox.

Rules:
- The bytes are built for the way that they go, signed beside the event loop, then sealed; what was sealed is what
  leaves.
- Sender, recipient and Message-ID come from the mailbox, the mail and the delivery's id, never from the proposal.
- What a person approved goes before what leaves unseen, whatever is due for longer.
- One live delivery a mail: a second one is refused by the database.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial

from agent.ids import new_id
from agent.letter import below, clickable, letter
from agent.parts import Parts
from agent.policy import Judgement
from agent.states import JobKind
from agent.store import deliveries, draft_files, jobs
from agent.store.database import Tx
from agent.store.deliveries import AlreadyAnsweredError
from agent.store.drafts import Draft
from agent.store.mails import Mail
from inbound.contracts import NormalizedEmail
from outbound import tokens
from outbound.authorize import authorize
from outbound.compose import Composed, Reply, compose
from outbound.contracts import ApprovedEmail, Refused, Way
from outbound.dkim import sign, signs_for
from outbound.enclosures import File

RANKS: dict[Way, int] = {"approved": 0, "unseen": 1, "notice": 1}
"""What a person approved goes before what nobody saw."""


def build(
    parts: Parts,
    mail: Mail,
    draft: Draft,
    judgement: Judgement,
    *,
    delivery_id: str,
    way: Way,
    by: str,
    now: datetime,
    files: tuple[File, ...] = (),
) -> ApprovedEmail | Refused:
    """Compose, sign and seal the draft. Pure apart from reading the keys; nothing is stored."""
    mailbox = parts.mailbox(draft.mailbox)
    domain = mailbox.address.rpartition("@")[2]
    email = NormalizedEmail.model_validate(mail.normalized)
    text = letter(draft.proposal.plain_text, below(mailbox, mail, way))
    composed = compose(
        Reply(
            from_address=mailbox.address,
            from_name=mailbox.name,
            to_address=mail.author,
            to_name=mail.author_name,
            subject=draft.proposal.subject,
            body=text,
            html=clickable(mailbox, text),
            message_id=tokens.message_id(parts.keys.token, delivery_id, domain),
            in_reply_to=None if email.message_id_derived else email.message_id,
            references=email.references,
            date=now,
            way=way,
            copies=draft.added.copies,
            files=files,
        )
    )
    if isinstance(composed, Refused):
        return composed
    keys = tuple(key for key in parts.dkim_keys if signs_for(key.domain, domain))
    return authorize(
        Composed.of(sign(composed.raw, keys)),
        key=parts.keys.seal,
        action_id=draft.id,
        message_id=tokens.message_id(parts.keys.token, delivery_id, domain),
        way=way,
        return_path=tokens.verp(parts.keys.token, delivery_id, domain),
        sender=mailbox.address,
        recipient=mail.author,
        thread_head=draft.thread_head,
        policy_version=judgement.rules_version,
        approved_by=by,
        approved_at=now,
        policy=judgement.policy,
        copies=draft.added.copies,
    )


async def _files(tx: Tx, draft: Draft) -> tuple[File, ...] | Refused:
    """The files that the draft names, as they were put to it."""
    found: list[File] = []
    for one in draft.added.files:
        data = await draft_files.get(tx, draft.mail_id, one.sha256)
        if data is None:
            return Refused(code="files", reason=f"the file {one.name} is gone or was changed")
        found.append(File(name=one.name, data=data))
    return tuple(found)


async def dispatch(
    parts: Parts,
    tx: Tx,
    mail: Mail,
    draft: Draft,
    judgement: Judgement,
    *,
    way: Way,
    by: str,
    now: datetime,
    hold: timedelta = timedelta(0),
) -> str | Refused:
    """Put the draft into the outbox, due once `hold` has passed; gives the delivery's id.

    The caller's transaction decides with it.
    """
    delivery_id = new_id("o", now)
    files = await _files(tx, draft)
    if isinstance(files, Refused):
        return files
    work = partial(build, parts, mail, draft, judgement, delivery_id=delivery_id, way=way, by=by, now=now, files=files)
    # RSA takes a millisecond of processor, files many.
    email = await asyncio.to_thread(work) if parts.dkim_keys or files else work()
    if isinstance(email, Refused):
        return email
    try:
        await deliveries.put(
            tx,
            delivery_id=delivery_id,
            draft_id=draft.id,
            mail_id=mail.id,
            conversation_id=draft.conversation_id,
            mailbox=draft.mailbox,
            idempotency_key=draft.proposal.idempotency_key,
            email=email,
            now=now,
        )
    except AlreadyAnsweredError as error:
        return Refused(code="second_reply", reason=str(error))
    rank = RANKS[way]
    await jobs.schedule(parts.database, tx, JobKind.DELIVER, delivery_id, due_at=now + hold, now=now, rank=rank)
    await parts.audit.add(
        tx,
        draft.conversation_id,
        "queued",
        actor=by,
        now=now,
        mail_id=mail.id,
        data={
            "draft": draft.id,
            "delivery": delivery_id,
            "way": way,
            "bytes": parts.audit.digest(email.raw),
            "recipient": parts.audit.digest(email.recipient),
            **({"copies": parts.audit.digest(", ".join(email.copies))} if email.copies else {}),
            "policy": judgement.rules_version,
        },
    )
    return delivery_id
