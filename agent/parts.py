"""What the verbs of the hub work with, built once at start by `serve` (or by a test)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent.audit import Audit
from agent.config import Config
from agent.keys import Keys
from agent.lookups import Lookups
from agent.models.base import Model
from agent.playbook import Playbook
from agent.policy import Caps, Rules, Settings
from agent.sections import LETTER_SETTINGS, Mailbox
from agent.store.database import Database
from agent.wake import Wake
from inbound.contracts import Recipient, Resolver
from inbound.rspamd import Rspamd
from inbound.spam_settings import SpamSettings
from outbound import tokens
from outbound.dkim import DkimKey


@dataclass(frozen=True)
class Parts:
    config: Config
    database: Database
    keys: Keys
    audit: Audit
    model: Model
    playbooks: Mapping[str, Playbook]
    """By mailbox address."""
    rules: Mapping[str, Rules]
    """By mailbox address."""
    resolver: Resolver
    dkim_keys: tuple[DkimKey, ...]
    now: Callable[[], datetime]
    wake: Wake
    lookups: Lookups = field(default_factory=lambda: Lookups(()))
    rspamd: Rspamd = field(default_factory=lambda: Rspamd(SpamSettings()))
    known_domains: set[str] = field(default_factory=set)
    """Sending domains that are not new any more, as far as this process has seen."""

    def mailbox(self, address: str) -> Mailbox:
        """The configured mailbox. Raises KeyError for one that the configuration dropped."""
        found = self.config.mailbox_of(address)
        if found is None:
            raise KeyError(f"the mailbox {address} is not in the configuration any more")
        return found

    @property
    def own_addresses(self) -> frozenset[str]:
        return frozenset(
            address for mailbox in self.config.mailboxes for address in (mailbox.address, *mailbox.aliases)
        )


class Addresses:
    """Which recipients are ours: mailboxes with their aliases, and the return paths that we signed."""

    def __init__(self, config: Config, token_key: bytes) -> None:
        self._config = config
        self._key = token_key
        self._order = {mailbox.address: n for n, mailbox in enumerate(config.mailboxes)}
        self._domains = {mailbox.address.rpartition("@")[2] for mailbox in config.mailboxes}

    def recipient(self, address: str) -> Recipient:
        if self._config.mailbox_of(address):
            return Recipient.MAILBOX
        if address.rpartition("@")[2] in self._domains and tokens.read_verp(self._key, address):
            return Recipient.BOUNCE
        if address.rpartition("@")[2] in self._domains and tokens.read_answer(self._key, address):
            return Recipient.ANSWER
        return Recipient.UNKNOWN

    def mailboxes_of(self, recipients: tuple[str, ...]) -> tuple[str, ...]:
        found = {mailbox.address for one in recipients if (mailbox := self._config.mailbox_of(one))}
        return tuple(sorted(found, key=self._order.__getitem__))


def rules_of(config: Config, mailbox: Mailbox) -> Rules:
    """Policy of one mailbox from the configuration."""
    limits = config.limits
    return Rules(
        stricter=frozenset(mailbox.stricter),
        letter=tuple(f"{name}={getattr(mailbox, name)}" for name in LETTER_SETTINGS),
        settings=Settings(
            allowed_links=mailbox.allowed_links,
            caps=Caps(
                conversation=limits.per_conversation,
                sender=limits.per_sender,
                domain=limits.per_domain,
                mailbox=limits.per_mailbox,
                total=limits.total,
            ),
            max_attachment_count=mailbox.max_attachment_count,
            threshold=mailbox.threshold,
            thresholds=mailbox.thresholds,
        ),
    )
