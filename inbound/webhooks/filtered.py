"""What a provider's own filter says of spam, in the one form of `SpamWord`.

Rules:
- The door puts it into the envelope only where the provider is configured as trusted.
- A value that cannot be read says nothing; it never makes a mail unreadable.
- Fields of a mail may be forged by its sender: several of one name all count, so that a forged no takes nothing back.
"""

from __future__ import annotations

from collections.abc import Iterable

from inbound.contracts import SpamWord
from inbound.spam import number

_YES, _NO = ("yes", "true"), ("no", "false")
_VERDICTS = {"FAIL": (True, False), "GRAY": (False, True), "PROCESSING_FAILED": (False, True), "PASS": (False, False)}


def points(provider: str, given: object) -> tuple[SpamWord, ...]:
    """SpamAssassin's points, as a number or as text."""
    score = number(given)
    return () if score is None else (SpamWord(source=_source(provider), score=score, scale="spamassassin"),)


def fields(provider: str, headers: Iterable[tuple[str, str]], *, flag: str, score: str) -> tuple[SpamWord, ...]:
    """By the fields that the provider adds: one says yes or no, one the points."""
    found: list[SpamWord] = []
    for name, value in headers:
        if name.lower() == flag and (said := value.strip().partition(",")[0].lower()) in (*_YES, *_NO):
            found.append(SpamWord(source=_source(provider), flagged=said in _YES))
        elif name.lower() == score:
            found += points(provider, value.strip())
    return tuple(found[:10])


def status(provider: str, said: str, what: str) -> tuple[SpamWord, ...]:
    """By a verdict of SES: PASS, FAIL, GRAY or PROCESSING_FAILED; another one says nothing."""
    if said not in _VERDICTS:
        return ()
    flagged, doubtful = _VERDICTS[said]
    return (SpamWord(source=_source(provider), flagged=flagged, doubtful=doubtful, detail=f"{what} {said}"),)


def _source(provider: str) -> str:
    return f"webhook:{provider}"
