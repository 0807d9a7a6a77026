"""Sections about what the operator's own people are told, and about who gets nothing any more."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from agent.sections import OurAddress, Section


def _desk_url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[a-zA-Z0-9.:\[\]-]+(?:/[a-zA-Z0-9._~/-]*)?", value):
        raise ValueError(f"{value!r} is not where a browser finds the desk, like 'https://desk.example.com'")
    return value.rstrip("/")


class SuppressionSettings(Section):
    """`[suppression]`: when an address gets nothing any more. A bounce for good and a complaint suppress at once."""

    soft_bounces: int = Field(default=3, ge=1, le=100)
    """So many bounces that are not for good, ..."""
    soft_days: int = Field(default=7, ge=1, le=365)
    """... each within so many days of the one before, suppress too."""


class NoticeSettings(Section):
    """`[notices]`: what the operator's own people are told, so that nothing waits unseen."""

    team: Annotated[tuple[OurAddress, ...], Field(max_length=20)] = ()
    """Addresses that get them by mail, from the first mailbox; empty: nobody."""
    slack_url: SecretStr = SecretStr("")
    """A webhook that takes `{"text": ...}`, as Slack's and Mattermost's do; who has the URL can post there."""
    desk_url: Annotated[str, AfterValidator(_desk_url)] = ""
    """Where people reach the desk (`https://desk.example.com`); links in notices lead there and decide nothing."""
    tell: tuple[Literal["waiting", "escalated", "in_doubt", "quarantined", "breaker"], ...] = (
        "escalated",
        "in_doubt",
        "quarantined",
        "breaker",
    )
    """`waiting`: a draft waits. `escalated`: nobody answered for long. `in_doubt`: nobody knows whether a reply left.
    `quarantined`: a mail could not be read. `breaker`: it opened, nothing leaves unseen."""
    escalate_after_hours: float = Field(default=24.0, gt=0, le=720)
    """How long a mail may wait for a person before it is escalated."""
    digest_hour: int = Field(default=6, ge=-1, le=23)
    """Of the day in UTC: what waits is told once a day, where anything does. -1: never."""


class AnsweringSettings(Section):
    """`[answering]`: people who answer mail by mail, until a desk is in use."""

    people: Annotated[tuple[OurAddress, ...], Field(max_length=20)] = ()
    """Their addresses. Mail that is for a person is forwarded to each; what one of them answers, proven to be theirs,
    goes to the author as the mailbox's reply. Empty: nobody's."""
    after_minutes: float = Field(default=0.0, ge=0, le=10_080)
    """How long a mail waits at the desk before it is forwarded."""


class CanarySettings(Section):
    """`[[canary]]`: a marked mail that is sent the way that customers' mail comes, and has to arrive."""

    to: OurAddress
    """Address of one of our mailboxes; the courier sends it there, through the world outside."""
    door: Annotated[str, Field(pattern=r"^(smtp|lmtp|webhook:[a-z]+)$")] = "smtp"
    """By which it is to come in: `smtp` or `webhook:` and the provider."""
    every_minutes: int = Field(default=60, ge=5, le=10_080)
    """How often one is sent."""
    silent_minutes: int = Field(default=30, ge=1, le=10_080)
    """After which one that did not arrive is an alarm."""
