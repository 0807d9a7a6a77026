"""What a text carries. Pure and linear; the parts have files of their own.

Rules:
- No more than `LIMIT` characters are looked at; `is_too_long` tells a caller to refuse what has more.
- Marks that only a template has (`{{name}}`) are gaps; what a person might also mean (`[your name]`) is a placeholder.
"""

from __future__ import annotations

import re

from agent.claims import facts_in, unsupported
from agent.credentials import credentials
from agent.leaks import secrets
from agent.links import is_allowed, links
from agent.visible import LIMIT, invisible, is_too_long, views, visible

__all__ = [
    "LIMIT",
    "blank_run",
    "credentials",
    "facts_in",
    "gaps",
    "invisible",
    "is_allowed",
    "is_too_long",
    "links",
    "placeholders",
    "secrets",
    "unsupported",
    "visible",
]

BLANK_LINES = 15
BLANK_CHARACTERS = 150

_GAP = re.compile(
    r"\{\s?\{[^{}\n]{0,100}\}?\s?\}?|\}\s?\}|\{%[^\n]{0,100}?%\}|\{#[^\n]{0,100}?#\}|[$#@]\{[^{}\n]{1,100}\}"
    r"|<%[^\n]{0,100}?%>|\[\[[^\[\]\n]{1,100}\]\]|\*\|[A-Z0-9_:]{1,60}\|\*|%%[A-Za-z_]{2,40}%%|<<[A-Za-z_ ]{2,40}>>"
)
_PLACEHOLDER = re.compile(
    r"(?i)(?<!\{)\{[a-z_][a-z0-9_. ]{0,40}\}(?!\})|\{\d?\}|%[a-z]+(?:_[a-z]+)+%|%\([a-z_]{1,40}\)s"
    r"|__[a-z][a-z_]{2,40}__"
    r"|[\[<](?:please )?(?:insert|enter|add|fill|your|customer|client|recipient|company|agent|sender|first|last|order)"
    r"(?:['’]s)?[ _-][^\[\]<>()\n]{1,60}[\]>]"
    r"|[\[<](?:name|date|time|amount|number|price|link|url|address|signature|xx+|tb[adc]|\.\.\.)[\]>]"
    r"|\b(?:lorem ipsum|xxx+)\b|\b(?:tb[adc])\b"
)


def gaps(text: str) -> list[str]:
    """Template marks that nobody filled in."""
    return list(dict.fromkeys(match[0] for view in views(text) for match in _GAP.finditer(view)))


def placeholders(text: str) -> list[str]:
    """What reads like a place that somebody meant to fill in."""
    return list(dict.fromkeys(match[0] for view in views(text) for match in _PLACEHOLDER.finditer(view)))


def blank_run(text: str) -> bool:
    """So much blank space before further text that a reader would not scroll to it."""
    return any(
        match[0].count("\n") > BLANK_LINES or len(match[0]) > BLANK_CHARACTERS
        for match in re.finditer(r"\s+", visible(text).rstrip())
    )
