"""What a list of the queue may be narrowed by, as the address of its page says it.

Rules:
- An address holds plain words; one that names nothing finds nothing, and is no error.
- Of an address only what is known here is kept: in links, in forms and in views that people save.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from agent.parts import Parts
from agent.store import marks
from inbound import codes

FILTERS = ("mailbox", "team", "assignee", "priority", "tag", "intent", "risk", "sure")
"""Names of what an address may narrow a view by."""
LONGEST = 320
"""Characters of one value: a mailbox is the longest."""
SURE = {
    "under-60": "under 60 %",
    "under-80": "under 80 %",
    "under-90": "under 90 %",
    "from-80": "80 % or more",
    "from-90": "90 % or more",
    "from-95": "95 % or more",
}
"""Confidence, by what the address says; each edge is one of `marks.EDGES`."""
RISKS = (
    *(codes.HIDDEN_TEXT, codes.BIDI, codes.INVISIBLE, codes.TAG_CHARACTERS, codes.MIXED_SCRIPT),
    *(codes.LINK_TEXT_DIFFERS, codes.REPLY_TO_DIFFERS, codes.SEVERAL_FROM, codes.NAME_IS_ADDRESS, codes.LONG_RUN),
    *(codes.HEADER_INJECTION, codes.CUT, codes.FORWARDED_INLINE, codes.PARTS_DIFFER, codes.SPAM_SUSPECTED),
    *(codes.PHISHING_SUSPECTED, codes.SPAM_UNCHECKED, "several_questions", "instructions_to_machine"),
    *("entity_not_in_mail", "model_called_tools", "unknown_intent", "extraction_unreadable", "extraction_refused"),
    *("extraction_failed", "extraction_incomplete"),
)


def kept(asked: Mapping[str, str]) -> dict[str, str]:
    """What of an address narrows a list."""
    return {one: value[:LONGEST] for one in FILTERS if (value := asked.get(one, "").strip())}


def query_of(view: str, asked: Mapping[str, str]) -> str:
    """A view and what it is narrowed by, as the question of an address."""
    return urlencode({"view": view, **kept(asked)}, errors="replace")


def narrowed(asked: Mapping[str, str]) -> dict[str, Any]:
    """Fields of a view that an address sets."""
    found: dict[str, Any] = kept(asked)
    groups: list[tuple[str, ...]] = []
    if name := found.pop("intent", ""):
        groups.append((marks.intent(name),))
    if code := found.pop("risk", ""):
        groups.append((marks.risk(code),))
    if band := found.pop("sure", ""):
        groups.append(_bands(band))
    for name, field in (("tag", "tags"), ("assignee", "assignees")):
        if word := found.pop(name, ""):
            found[field] = (word,)
    return {**found, **({"marks": tuple(groups)} if groups else {})}


def _bands(asked: str) -> tuple[str, ...]:
    """The marks of a part of the scale; one that no mail has where it is not known."""
    side, _, edge = asked.partition("-")
    if asked not in SURE:
        return (asked,)
    return tuple(marks.sure(one) for one in marks.EDGES if (one < int(edge)) is (side == "under"))


def choices(parts: Parts, mailboxes: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """What the form offers where not every word makes sense: value and words of each."""
    known = {name for one in mailboxes if one in parts.playbooks for name in parts.playbooks[one].intents}
    risks = sorted(((code, codes.spoken(code)) for code in RISKS), key=lambda one: one[1])
    return {
        "intent": [(name, name.replace("_", " ")) for name in sorted(known)] + [("none", "none of these")],
        "risk": [(marks.ANY, "any"), (marks.BY_MODEL, "one that the model names"), *risks],
        "sure": list(SURE.items()),
    }
