"""Why a model server gave no answer, what an operator does about it, and when it is asked again. Pure.

Rules:
- What an operator or time can mend (no connection, a refused key, too much to do) waits. A request that the server
  finds wrong does not get better by itself: it is a failed answer, and a person's.
- Retry-After is honoured: a short one here, a longer one by whoever asked, up to an hour.
- A server's own words are one bounded line, and never carry the key.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SHORT_SECONDS = 20.0
"""A wait that is spent at once, a worker's place being held meanwhile."""
LONG_SECONDS = 3600.0
"""No server makes us wait longer, whatever it says."""
SAID = 300
"""Characters of a server's own words."""

OPERATORS = {
    401: "it refused the key: set OPENAI_API_KEY, or model.api_key_file",
    402: "it wants to be paid first: look at the account of the key",
    403: "it refused what the key may do: look at the rights of the key (OPENAI_API_KEY, or model.api_key_file)",
    404: "it knows no such model or no such dialect: look at model.name, model.base_url and model.dialect",
    405: "it takes no such request there: look at model.base_url and model.dialect",
}
"""What an operator can mend; the mail waits meanwhile."""
_BUSY = {408, 409, 425, 429}
_SPENT = {"insufficient_quota", "billing_hard_limit_reached"}


@dataclass(frozen=True)
class Trouble:
    reason: str
    waits: bool = True
    """False: asking again is no use."""
    at_once: bool = False
    """Whether a further try may do within seconds."""
    after: float | None = None
    """Seconds that the server wants to be left alone."""

    def pause(self, tried: int) -> float:
        """Seconds before try number `tried` + 1: what the server wants, else half a second doubling to 8."""
        return self.after if self.after is not None else min(8.0, 0.5 * 2**tried)


def of_status(status: int, code: str, said: str, after: float | None) -> Trouble:
    """What an HTTP status other than 200 means."""
    words = f" (it says: {said})" if said else ""
    if 300 <= status < 400:
        return Trouble(f"it answered {status} and points elsewhere, which is not followed: correct model.base_url")
    if status == 429 and code in _SPENT:
        return Trouble(f"it answered 429: the key's quota is used up: look at the account of the key{words}")
    if status in OPERATORS:
        return Trouble(f"it answered {status}: {OPERATORS[status]}{words}")
    if status in _BUSY or status >= 500:
        return Trouble(f"it answered {status}: it has trouble, or too much to do{words}", at_once=True, after=after)
    return Trouble(f"it answered {status}: it finds the request wrong{words}", waits=False)


def one_line(text: object, most: int = SAID, *, hide: str = "") -> str:
    """A server's words, bounded, in one line of visible characters, without a secret."""
    if not isinstance(text, str):
        return ""
    short = (text.replace(hide, "***") if hide else text)[:most]
    return " ".join("".join(one if one.isprintable() else " " for one in short).split())


def error_words(body: object) -> tuple[str, str]:
    """Code and message of an error's body, in whichever of the usual places they stand."""
    found = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(found, dict):
        return "", found if isinstance(found, str) else ""
    message = next((found[name] for name in ("message", "detail", "error") if isinstance(found.get(name), str)), "")
    code = found.get("code") or found.get("type")
    return code if isinstance(code, str) else "", message


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a server wants to be left alone, at most an hour; None where it says none, or nonsense.

    RFC 9110 10.2.3, and milliseconds as OpenAI gives them.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        return min(seconds, LONG_SECONDS) if seconds >= 0 and not math.isnan(seconds) else None
    try:
        at = parsedate_to_datetime(headers["retry-after"])
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return min(max(0.0, (at - now).total_seconds()), LONG_SECONDS)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
