"""Secrets in a text: which kinds it seems to hold, never the values. Pure, linear in the text.

Rules:
- Only shapes that nothing else has: vendors' prefixes, key blocks, signed tokens, numbers that are valid cards. A
  denial cannot be overruled, so a shape that a customer's order number could have is none.
- What may be wrong about a text is not here: `credentials` asks detect-secrets, and what that finds a person decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from agent.visible import views

_TOLD_OPENLY = (
    r"(?i)\b(?:pass(?:word|wort|wd|code|phrase)|kennwort|api[_ -]?key|secret(?:[_ -]key)?|access[_ -]?token)\b"
    r"(?:[ \t]?[:=][ \t]{0,3}|[ \t](?:is|ist|lautet)[ \t]?:?[ \t]{0,3})[\"'`]?(?!https?://)"
    r"(?=[^\s\"'`]{0,60}\d)(?=[^\s\"'`]{0,60}[A-Za-z])[^\s\"'`]{8,}"
)
_KINDS: tuple[tuple[str, str], ...] = (
    ("a private key", r"-----\s?BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY|PuTTY-User-Key-File-\d"),
    ("an AWS key", r"\b(?:AKIA|ASIA|AGPA|AROA|AIDA)[0-9A-Z]{16}\b"),
    ("an API key", r"\b(?:sk|rk|pk)[-_](?:live|test|proj|ant|or|svcacct)[-_][A-Za-z0-9_-]{16,}"),
    ("an API key", r"\bsk-(?=[A-Za-z]{0,60}\d)[A-Za-z0-9]{20,}"),
    ("a webhook secret", r"\bwhsec_[A-Za-z0-9+/=_-]{16,}"),
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}"),
    ("a GitLab token", r"\bgl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"),
    ("a Google key", r"\bAIza[0-9A-Za-z_-]{35}|\bGOCSPX-[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9_-]{20,}"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"),
    ("a Mailgun key", r"\bkey-[0-9a-f]{32}\b"),
    ("a Twilio key", r"\b(?:SK|AC)[0-9a-f]{32}\b"),
    ("a registry token", r"\bnpm_[A-Za-z0-9]{36}|\bpypi-AgEI[A-Za-z0-9_-]{40,}"),
    ("an access token", r"\b(?:hf|shpat|shpss|dop_v1|lin_api|figd|sq0atp|sq0csp)[-_][A-Za-z0-9_-]{20,}"),
    ("a bot token", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    ("a storage key", r"\bAccountKey=[A-Za-z0-9+/]{40,}"),
    ("a token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."),
    ("a password in a link", r"://[^\s/:@]{1,100}:[^\s/@]{1,100}@"),
    ("a password", _TOLD_OPENLY),
)
_SECRETS = tuple((name, re.compile(pattern)) for name, pattern in _KINDS)
_DIGITS = re.compile(r"\d+(?:[ .\-/]\d+)*")
_CARD = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|2720\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}|(?:5[06-8]|6[37])\d{14}"
)
"""Numbers that issuers give out; 13 digits are left out, since every barcode has as many."""


def secrets(text: str) -> list[str]:
    """Kinds of secrets that the text seems to hold, each once."""
    return list(_secrets(text))


@lru_cache(maxsize=32)
def _secrets(text: str) -> tuple[str, ...]:
    shown = views(text)
    found = [name for name, pattern in _SECRETS if any(pattern.search(view) for view in shown)]
    if any(_holds_card(view) for view in shown):
        found.append("a card number")
    return tuple(dict.fromkeys(found))


def _holds_card(text: str) -> bool:
    return any(
        _CARD.fullmatch(digits) and _luhn(digits)
        for match in _DIGITS.finditer(text)
        for digits in _numbers(re.split(r"[ .\-/]", match[0]))
    )


def _numbers(groups: list[str]) -> Iterator[str]:
    """Every run of whole groups with as many digits as a card has: other numbers may stand beside it."""
    for start, first in enumerate(groups):
        if first[0] not in "23456":
            continue
        digits = ""
        for group in groups[start:]:
            digits += group
            if len(digits) > 19:
                break
            if len(digits) >= 14:
                yield digits


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
