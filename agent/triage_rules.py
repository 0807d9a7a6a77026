"""What the operator's triage rules make of one mail. Pure.

Rules:
- Every condition that a rule sets has to hold; of several values one is enough.
- Tags of all rules that hold add up; team, priority and action are those of the first that has one.
- Words are whole words: `bill` is not in `billing`, but `bill*` is. Scripts without blanks between words are searched
  anywhere.
- A model's word is one condition among others (the intent). It can neither close, forward nor hide a mail by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from agent.triage_settings import Action, TriageSettings

_RUN_ON = re.compile(r"[^\w]|[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class Seen:
    """What rules may ask of a mail."""

    mailbox: str
    intent: str
    sender: str
    """As From says it, canonical."""
    proven: bool
    subject: str
    text: str
    """What its author newly wrote."""
    attachments: int
    language: str = ""
    """Code, or empty where nobody can tell."""


@dataclass(frozen=True)
class Decided:
    tags: tuple[str, ...] = ()
    team: str = ""
    action: Action = ""
    forward_to: tuple[str, ...] = ()
    rule: str = ""
    """That set the action."""
    held: tuple[str, ...] = ()
    """Names of all rules that hold."""


def decide(rules: Sequence[TriageSettings], seen: Seen) -> Decided:
    holding = [one for one in rules if holds(one, seen)]
    acting = next((one for one in holding if one.action), None)
    priority = next((one.priority for one in holding if one.priority), "")
    tags = [*(tag for one in holding for tag in one.tags), *([priority] if priority else [])]
    return Decided(
        tags=tuple(dict.fromkeys(tags)),
        team=next((one.team for one in holding if one.team), ""),
        action=acting.action if acting else "",
        forward_to=acting.forward_to if acting else (),
        rule=acting.name if acting else "",
        held=tuple(one.name for one in holding),
    )


def holds(rule: TriageSettings, seen: Seen) -> bool:
    domain = f"@{seen.sender.rpartition('@')[2]}"
    checks = (
        not rule.mailboxes or seen.mailbox in rule.mailboxes,
        not rule.intents or seen.intent in rule.intents,
        not rule.senders or (bool(seen.sender) and (seen.sender in rule.senders or domain in rule.senders)),
        rule.proven is None or rule.proven == seen.proven,
        not rule.subjects or _has(seen.subject, rule.subjects),
        not rule.texts or _has(seen.text, rule.texts),
        not rule.languages or seen.language in rule.languages,
        rule.attachments is None or rule.attachments == (seen.attachments > 0),
    )
    return all(checks)


def _has(text: str, words: Iterable[str]) -> bool:
    folded = " ".join(text.split()).casefold()
    return any(_whole(word).search(folded) for word in words)


@cache
def _whole(word: str) -> re.Pattern[str]:
    """The word, not inside a longer one; a star at an end stands for the rest of one."""
    bare = word.strip("*")
    before = "" if word.startswith("*") or _RUN_ON.match(bare[0]) else r"(?<!\w)"
    after = "" if word.endswith("*") or _RUN_ON.match(bare[-1]) else r"(?!\w)"
    return re.compile(f"{before}{re.escape(bare)}{after}")
