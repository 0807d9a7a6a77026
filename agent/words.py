"""Plain words for what the store holds in codes; used by the desk and the command line alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from agent.states import DraftState, MailStatus
from inbound import codes
from inbound.language import NAMES

STATUS: dict[MailStatus, str] = {
    MailStatus.RECEIVED: "received, not read yet",
    MailStatus.QUARANTINED: "quarantined: a person looks",
    MailStatus.RECORDED: "automatic mail, never answered",
    MailStatus.DUPLICATE: "the same mail came before",
    MailStatus.WORKING: "being worked on",
    MailStatus.JOINED: "answered with a newer mail",
    MailStatus.WAITING: "a draft waits for you",
    MailStatus.PERSON: "a person answers",
    MailStatus.SENDING: "on its way out",
    MailStatus.ANSWERED: "answered",
    MailStatus.IN_DOUBT: "in doubt: find out whether it arrived",
    MailStatus.CLOSED: "closed without a reply",
}

DRAFT: dict[DraftState, str] = {
    DraftState.WAITING: "waits for a decision",
    DraftState.UNSEEN: "sent without a person, by the gate",
    DraftState.APPROVED: "approved",
    DraftState.REJECTED: "rejected",
    DraftState.EDITED: "replaced by an edited version",
    DraftState.DENIED: "refused by policy",
    DraftState.VOIDED: "void",
}


def status(value: MailStatus) -> str:
    return STATUS[value]


def draft_state(value: DraftState) -> str:
    return DRAFT[value]


def risk(code: str) -> str:
    return codes.spoken(code)


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that says something."""
    past = now - then
    for unit, length in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if past >= length:
            return f"{past // length} {unit}"
    return "now"


def instant(value: datetime) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S UTC")


def percent(value: float) -> str:
    """Rounded down: what stayed under a threshold does not read as if it had reached it."""
    return f"{math.floor(value * 100 + 1e-9)} %"


def spoken(code: str) -> str:
    """An intent's name as words."""
    return code.replace("_", " ")


def language(code: str) -> str:
    """What people call it; empty where nobody could say."""
    return NAMES.get(code, "")


FILTERS: dict[str, Callable[..., Any]] = {
    "status": status,
    "draft_state": draft_state,
    "risk": risk,
    "ago": ago,
    "instant": instant,
    "language": language,
    "percent": percent,
    "spoken": spoken,
}
