"""Why a draft may or may not leave unseen, part by part, as the gate looked at it. Pure.

The gate decides (`agent.gate`); this only says for each of its parts what it saw and what it needs.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.parts import Parts
from agent.policy import Judgement
from agent.store.drafts import Draft
from agent.story import Story
from agent.words import percent


@dataclass(frozen=True)
class Part:
    what: str
    seen: str
    needed: str
    good: bool


def score(story: Story, draft: Draft, parts: Parts, *, mistaken: bool) -> list[Part]:
    """The parts for one draft; empty where its mailbox is not configured any more."""
    mailbox = parts.config.mailbox_of(draft.mailbox)
    if mailbox is None or draft.mailbox not in parts.rules:
        return []
    judgement = Judgement.model_validate(draft.judgement)
    entry_id = draft.proposal.template_id
    entry = parts.playbooks[draft.mailbox].entry(entry_id) if entry_id else None
    found = [
        Part(
            "Rules of policy",
            f"{len(judgement.findings)} speak against it" if judgement.findings else "all passed",
            "all passed",
            not judgement.findings,
        )
    ]
    if story.intent is not None:
        needed = mailbox.threshold_for(story.intent.intent)
        sure = story.intent.confidence
        found.append(Part("Confidence", percent(sure), f"{percent(needed)} or more", sure >= needed))
    if story.auth is not None:
        proven = story.auth.author is not None and story.auth.author == story.mail.author
        found.append(Part("Author", "proven" if proven else "not proven", "proven", proven))
    if story.screening is not None:
        kind = story.screening.kind.value
        found.append(Part("Kind of mail", kind, "personal", kind == "personal"))
    risk = judgement.policy.risk_level
    found += [
        Part("Risk", risk, "low or medium", risk != "high"),
        Part("Text", f"entry {entry_id}" if entry_id else "free text", "an entry, to the letter", entry_id is not None),
    ]
    allowed = mailbox.auto_send and entry is not None and entry.auto_send
    found.append(Part("auto_send", "on" if allowed else "off", "on, for mailbox and entry", allowed))
    before = "one should not have been sent" if mistaken else "nothing against them"
    found.append(Part("Replies before", before, "nothing against them", not mistaken))
    return found
